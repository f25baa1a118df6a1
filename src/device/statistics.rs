//! The statistics that a bipartite model learns from: of pairs of layers, and of each layer.

use super::{Array, Device, Outer, OuterTerm, Pointwise, Reduce, Result, RowWeights, expect};

/// The weighted sums over pairs (x, y) that make up the gradient of Σₙ wₙ (xₙᵀWyₙ + bᵀxₙ + cᵀyₙ), in
/// coordinates centred at μ and λ: G = Σₙ wₙ (xₙ − μ)(yₙ − λ)ᵀ for W, Σₙ wₙ xₙ − Gλ for b, and
/// Σₙ wₙ yₙ − Gᵀμ for c. Offsets of zero give the plain gradient.
/// Source: Melchior, Fischer and Wiskott, "How to center deep Boltzmann machines", JMLR 2016,
/// section 4.
pub struct Statistics<'a> {
    /// Batches of pairs, x `[n, D]` and y `[n, H]`; one or more.
    pub terms: &'a [OuterTerm<'a>],
    /// μ, `[1, D]`.
    pub x_offset: &'a Array,
    /// λ, `[1, H]`.
    pub y_offset: &'a Array,
    /// Takes G, `[D, H]`.
    pub products: &'a mut Array,
    /// Takes the sums for b, `[1, D]`.
    pub x_sums: &'a mut Array,
    /// Takes the sums for c, `[1, H]`.
    pub y_sums: &'a mut Array,
}

impl Device {
    /// Sums statistics of pairs of layers; see [`Statistics`].
    pub fn statistics(&self, mut call: Statistics<'_>) -> Result<()> {
        let (d, h) = (call.x_offset.columns, call.y_offset.columns);
        expect("statistics", "x_sums", call.x_sums.shape(), (1, d))?;
        expect("statistics", "y_sums", call.y_sums.shape(), (1, h))?;
        let outer = call.outer();
        outer.check("statistics", ("products", call.products))?;
        if self.backend.statistics(&mut call)? {
            return Ok(());
        }
        let Statistics { terms, x_offset, y_offset, products, x_sums, y_sums } = call;
        self.backend.outer(&outer, products)?;
        for (index, OuterTerm { x, y, weights }) in terms.iter().enumerate() {
            let sum = Reduce::ColumnSum { weights: *weights, accumulate: index > 0 };
            self.backend.reduce(sum, x, x_sums)?;
            self.backend.reduce(sum, y, y_sums)?;
        }
        let weights = RowWeights::Each(x_offset);
        for (reduce, sums) in [
            (Reduce::RowDot(y_offset), x_sums),
            (Reduce::ColumnSum { weights, accumulate: false }, y_sums),
        ] {
            let mut shift = self.zeros(1, sums.columns)?;
            self.backend.reduce(reduce, products, &mut shift)?;
            self.backend.pointwise(Pointwise::Axpy { x: &shift, scale: -1.0 }, sums)?;
        }
        Ok(())
    }
}

impl<'a> Statistics<'a> {
    /// The products alone.
    pub(super) fn outer(&self) -> Outer<'a> {
        let Self { terms, x_offset, y_offset, .. } = *self;
        Outer { terms, x_offset, y_offset, accumulate: false }
    }
}
