//! The kernels of a device: the shapes of every call are checked, then it goes to the backend.

use super::{
    Activation, Anneal, Array, Companion, Device, Gibbs, Linear, Optimize, Outer, Pointwise,
    Reduce, Result, RowWeights, expect, shape,
};
use crate::random::{join_halves, split_halves};

impl Device {
    /// Runs block-Gibbs sweeps; see [`Gibbs`].
    pub fn gibbs(&self, call: Gibbs<'_>) -> Result<()> {
        let (d, h) = call.weights.shape();
        let n = call.visible.rows;
        expect("gibbs", "visible", call.visible.shape(), (n, d))?;
        expect("gibbs", "hidden", call.hidden.shape(), (n, h))?;
        expect("gibbs", "hidden_means", call.hidden_means.shape(), (n, h))?;
        expect("gibbs", "visible_bias", call.visible_bias.shape(), (1, d))?;
        expect("gibbs", "hidden_bias", call.hidden_bias.shape(), (1, h))?;
        if let Some(clamp) = call.clamp {
            expect("gibbs", "clamp", clamp.shape(), (1, d))?;
        }
        if call.sweeps == 0 { Ok(()) } else { self.backend.gibbs(call) }
    }

    /// Runs sweeps along a path of inverse temperatures; see [`Anneal`].
    pub fn anneal(&self, call: Anneal<'_>) -> Result<()> {
        let (d, h) = call.weights.shape();
        let n = call.visible.rows;
        expect("anneal", "visible", call.visible.shape(), (n, d))?;
        expect("anneal", "hidden", call.hidden.shape(), (n, h))?;
        expect("anneal", "log_weights", call.log_weights.shape(), (n, 1))?;
        expect("anneal", "base_bias", call.base_bias.shape(), (1, d))?;
        expect("anneal", "bias_shift", call.bias_shift.shape(), (1, d))?;
        expect("anneal", "hidden_bias", call.hidden_bias.shape(), (1, h))?;
        if call.betas.len() < 2 { Ok(()) } else { self.backend.anneal(call) }
    }

    /// out ← act(scale · (X·W + bias)); see [`Linear`].
    pub fn linear(&self, call: &Linear<'_>, out: &mut Array) -> Result<()> {
        let (_, m) = check_linear("linear", call)?;
        expect("linear", "out", out.shape(), (call.x.rows, m))?;
        self.backend.linear(call, Companion::None, out)
    }

    /// As [`Device::linear`], with the slope of the activation at every value. A draw has none.
    pub fn linear_with_slope(
        &self,
        call: &Linear<'_>,
        out: &mut Array,
        slope: &mut Array,
    ) -> Result<()> {
        let (_, m) = check_linear("linear", call)?;
        expect("linear", "out", out.shape(), (call.x.rows, m))?;
        expect("linear", "slope", slope.shape(), (call.x.rows, m))?;
        let smooth = !matches!(call.activation, Activation::Bernoulli(_));
        expect("linear", "smooth activation", (usize::from(smooth), 1), (1, 1))?;
        self.backend.linear(call, Companion::Slope(slope), out)
    }

    /// As [`Device::linear`], the result multiplied by `gate` `[n, M]`.
    pub fn linear_gated(&self, call: &Linear<'_>, gate: &Array, out: &mut Array) -> Result<()> {
        let (_, m) = check_linear("linear", call)?;
        expect("linear", "out", out.shape(), (call.x.rows, m))?;
        expect("linear", "gate", gate.shape(), (call.x.rows, m))?;
        self.backend.linear(call, Companion::Gate(gate), out)
    }

    /// p `[n, K]` ← softmax of each row of x; log_sum `[n, 1]` ← its log-sum-exp.
    pub fn softmax(&self, x: &Array, p: &mut Array, log_sum: &mut Array) -> Result<()> {
        expect("softmax", "p", p.shape(), x.shape())?;
        expect("softmax", "log_sum", log_sum.shape(), (x.rows, 1))?;
        self.backend.softmax(x, p, log_sum)
    }

    /// Divides each row by its Euclidean norm and keeps the norms `[n, 1]`; a row of zeros stays.
    pub fn normalize(&self, out: &mut Array, norms: &mut Array) -> Result<()> {
        expect("normalize", "norms", norms.shape(), (out.rows, 1))?;
        self.backend.normalize(out, norms)
    }

    /// out `[n, 1]` ← the row sums of act(scale · (X·W + bias)).
    pub fn linear_sum(&self, call: &Linear<'_>, out: &mut Array) -> Result<()> {
        check_linear("linear_sum", call)?;
        expect("linear_sum", "out", out.shape(), (call.x.rows, 1))?;
        self.backend.linear_sum(call, out)
    }

    /// out `[n, M]` ← X·W for X `[n, K]` and W `[K, M]` as fast as the device has it: a yardstick
    /// for measurements. Its rounding may depend on the number of threads; models use
    /// [`Device::linear`].
    ///
    /// # Errors
    /// The shapes do not fit, or the device refuses.
    pub fn peak_product(&self, x: &Array, weights: &Array, out: &mut Array) -> Result<()> {
        let (k, m) = weights.shape();
        expect("peak_product", "x", x.shape(), (x.rows, k))?;
        expect("peak_product", "out", out.shape(), (x.rows, m))?;
        self.backend.peak_product(x, weights, out)
    }

    /// Weighted sum of outer products; see [`Outer`].
    pub fn outer(&self, call: &Outer<'_>, out: &mut Array) -> Result<()> {
        call.check("outer", ("out", out))?;
        self.backend.outer(call, out)
    }

    /// Reduces `x` into `out`; see [`Reduce`].
    pub fn reduce(&self, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()> {
        let wanted = match call {
            Reduce::ColumnSum { weights, .. } => {
                check_weights("reduce", weights, x.rows)?;
                (1, x.columns)
            }
            Reduce::SquaredDistance(other) => {
                expect("reduce", "other", other.shape(), x.shape())?;
                (1, 1)
            }
            Reduce::RowDot(other) => {
                let rows = if other.rows == 1 { 1 } else { x.rows };
                expect("reduce", "other", other.shape(), (rows, x.columns))?;
                if out.rows == 1 { (1, x.rows) } else { (x.rows, 1) }
            }
            Reduce::SumOfSquares | Reduce::NonFinite => (1, 1),
        };
        expect("reduce", "out", out.shape(), wanted)?;
        self.backend.reduce(call, x, out)
    }

    /// Elementwise work on `out`; see [`Pointwise`].
    pub fn pointwise(&self, call: Pointwise<'_>, out: &mut Array) -> Result<()> {
        match call {
            Pointwise::Fill(_)
            | Pointwise::Scale(_)
            | Pointwise::Normal { .. }
            | Pointwise::Uniform { .. }
            | Pointwise::Rademacher { .. }
            | Pointwise::Clamp { .. } => {}
            Pointwise::AddToColumn { column, .. } => {
                if column >= out.columns {
                    return Err(shape("pointwise", "column", (1, column), (1, out.columns - 1)));
                }
            }
            Pointwise::AxpyRows { x, factors, .. } => {
                expect("pointwise", "operand", x.shape(), out.shape())?;
                expect("pointwise", "factors", factors.shape(), (out.rows, 1))?;
            }
            Pointwise::Select { mask, x } => {
                expect("pointwise", "mask", mask.shape(), (1, out.columns))?;
                expect("pointwise", "operand", x.shape(), out.shape())?;
            }
            Pointwise::Axpy { x, .. }
            | Pointwise::Lerp { x, .. }
            | Pointwise::Multiply { x }
            | Pointwise::MixRows { x, .. }
            | Pointwise::Bernoulli { p: x, .. } => {
                expect("pointwise", "operand", x.shape(), out.shape())?;
            }
        }
        self.backend.pointwise(call, out)
    }

    /// One optimizer step on one parameter; see [`Optimize`].
    pub fn optimize(
        &self,
        call: Optimize,
        gradient: &Array,
        parameter: &mut Array,
        moments: &mut [Array],
    ) -> Result<()> {
        expect("optimize", "gradient", gradient.shape(), parameter.shape())?;
        let needed = match call {
            Optimize::Sgd { .. } => 1,
            Optimize::Adam { .. } => 2,
        };
        expect("optimize", "list of moments", (moments.len(), 1), (needed, 1))?;
        for moment in moments.iter() {
            expect("optimize", "moment", moment.shape(), parameter.shape())?;
        }
        self.backend.optimize(call, gradient, parameter, moments)
    }

    /// The Philox4x32-10 words of each (counter, key), computed on the device: the known-answer
    /// test of its random numbers.
    pub async fn philox(&self, blocks: &[([u32; 4], [u32; 2])]) -> Result<Vec<[u32; 4]>> {
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let halves: Vec<f32> = blocks
            .iter()
            .flat_map(|(counter, key)| counter.iter().chain(key))
            .flat_map(|word| split_halves(*word))
            .collect();
        let operands = self.upload(blocks.len(), 12, &halves)?;
        let mut out = self.zeros(blocks.len(), 8)?;
        self.backend.philox(&operands, &mut out)?;
        let halves = self.read(&out).await?;
        let word = |row: &[f32], index: usize| join_halves([row[2 * index], row[2 * index + 1]]);
        Ok(halves
            .chunks_exact(8)
            .map(|row| std::array::from_fn(|index| word(row, index)))
            .collect())
    }
}

fn check_linear(kernel: &'static str, call: &Linear<'_>) -> Result<(usize, usize)> {
    let (k, m) = call.sizes();
    expect(kernel, "x", call.x.shape(), (call.x.rows, k))?;
    if let Some(bias) = call.bias {
        expect(kernel, "bias", bias.shape(), (1, m))?;
    }
    Ok((k, m))
}

impl Outer<'_> {
    pub(super) fn check(
        &self,
        kernel: &'static str,
        (operand, out): (&'static str, &Array),
    ) -> Result<()> {
        let (d, h) = (self.x_offset.columns, self.y_offset.columns);
        expect(kernel, operand, out.shape(), (d, h))?;
        expect(kernel, "x_offset", self.x_offset.shape(), (1, d))?;
        expect(kernel, "y_offset", self.y_offset.shape(), (1, h))?;
        if self.terms.is_empty() {
            return Err(shape(kernel, "list of terms", (0, 1), (1, 1)));
        }
        for term in self.terms {
            let rows = term.x.rows;
            expect(kernel, "x", term.x.shape(), (rows, d))?;
            expect(kernel, "y", term.y.shape(), (rows, h))?;
            check_weights(kernel, term.weights, rows)?;
        }
        Ok(())
    }
}

fn check_weights(kernel: &'static str, weights: RowWeights<'_>, rows: usize) -> Result<()> {
    match weights {
        RowWeights::Uniform(_) => Ok(()),
        RowWeights::Each(w) if w.rows == 1 => expect(kernel, "weights", w.shape(), (1, rows)),
        RowWeights::Each(w) => expect(kernel, "weights", w.shape(), (rows, 1)),
    }
}
