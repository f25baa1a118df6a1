//! The energy at β of a real model: (1 − β) E₀ + β E with a Gaussian E₀.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    device::{
        Activation, Array, Device, Draw, Head, Layer, Linear, Net, Pointwise, Reduce, Result,
    },
    energy::{Domain, Energy},
};

/// A Gaussian of independent coordinates on a device: z = (x − m)/σ.
pub(super) struct Standardise {
    mean: Array,
    deviation: Array,
    inverse: Array,
    /// For the number of rows of the last call.
    rows: Mutex<Option<Rows>>,
}

/// Each repeated in every row, `[n, D]`, and room for z.
struct Rows {
    mean: Array,
    deviation: Array,
    inverse: Array,
    z: Array,
}

impl Standardise {
    pub fn new(device: &Device, mean: &[f32], deviation: &[f32]) -> Result<Self> {
        let row = |values: &[f32]| device.upload(1, values.len(), values);
        let inverse: Vec<f32> = deviation.iter().map(|s| s.recip()).collect();
        Ok(Self {
            mean: row(mean)?,
            deviation: row(deviation)?,
            inverse: row(&inverse)?,
            rows: Mutex::default(),
        })
    }

    /// x ← m + σ ξ.
    pub fn draw(&self, device: &Device, draw: Draw, x: &mut Array) -> Result<()> {
        self.with_rows(device, x.rows(), |rows| {
            device.pointwise(Pointwise::Fill(0.0), x)?;
            device.pointwise(Pointwise::Normal { scale: 1.0, draw }, x)?;
            device.pointwise(Pointwise::Multiply { x: &rows.deviation }, x)?;
            device.pointwise(Pointwise::Axpy { x: &rows.mean, scale: 1.0 }, x)
        })
    }

    /// out `[n, 1]` ← E₀.
    pub fn energy(&self, device: &Device, x: &Array, out: &mut Array) -> Result<()> {
        self.with_rows(device, x.rows(), |rows| rows.energy(device, x, out))
    }

    /// out `[n, D]` ← −∇E₀ = −z/σ, energy `[n, 1]` ← E₀ where it is wanted.
    fn score(
        &self,
        device: &Device,
        x: &Array,
        energy: Option<&mut Array>,
        out: &mut Array,
    ) -> Result<()> {
        self.with_rows(device, x.rows(), |rows| {
            match energy {
                Some(energy) => rows.energy(device, x, energy)?,
                None => rows.standardise(device, x)?,
            }
            device.copy_rows(&rows.z, 0, out, 0, x.rows())?;
            device.pointwise(Pointwise::Multiply { x: &rows.inverse }, out)?;
            device.pointwise(Pointwise::Scale(-1.0), out)
        })
    }

    fn with_rows(
        &self,
        device: &Device,
        n: usize,
        work: impl FnOnce(&mut Rows) -> Result<()>,
    ) -> Result<()> {
        let mut held = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = match held.take() {
            Some(rows) if rows.z.rows() == n => rows,
            _ => Rows {
                mean: repeated(device, &self.mean, n)?,
                deviation: repeated(device, &self.deviation, n)?,
                inverse: repeated(device, &self.inverse, n)?,
                z: device.zeros(n, self.mean.columns())?,
            },
        };
        work(&mut rows)?;
        *held = Some(rows);
        Ok(())
    }
}

impl Rows {
    fn standardise(&mut self, device: &Device, x: &Array) -> Result<()> {
        device.copy_rows(x, 0, &mut self.z, 0, x.rows())?;
        device.pointwise(Pointwise::Axpy { x: &self.mean, scale: -1.0 }, &mut self.z)?;
        device.pointwise(Pointwise::Multiply { x: &self.inverse }, &mut self.z)
    }

    fn energy(&mut self, device: &Device, x: &Array, out: &mut Array) -> Result<()> {
        self.standardise(device, x)?;
        device.reduce(Reduce::RowDot(&self.z), &self.z, out)?;
        device.pointwise(Pointwise::Scale(0.5), out)
    }
}

/// A row `[1, D]` in each of `n` rows.
fn repeated(device: &Device, row: &Array, n: usize) -> Result<Array> {
    let x = device.zeros(n, 1)?;
    let weights = device.zeros(1, row.columns())?;
    let mut out = device.zeros(n, row.columns())?;
    let call = Linear {
        x: &x,
        weights: &weights,
        transposed: false,
        bias: Some(row),
        scale: 1.0,
        activation: Activation::Identity,
    };
    device.linear(&call, &mut out)?;
    Ok(out)
}

/// The energy at one β.
pub(super) struct Blend<'a> {
    target: &'a dyn Energy,
    base: Arc<Standardise>,
    beta: f32,
    net: Option<LastLayer>,
    scratch: Mutex<Option<[Array; 2]>>,
}

/// What the net at β has of its own: its last layer, the target's times β, and its base precision.
struct LastLayer {
    weights: Array,
    bias: Array,
    base_precision: f32,
}

impl<'a> Blend<'a> {
    /// `spread`: the deviation of the base where it is isotropic of mean 0.
    pub fn new(
        target: &'a dyn Energy,
        base: Arc<Standardise>,
        spread: Option<f32>,
        beta: f32,
    ) -> Result<Self> {
        let net = match (target.net(), spread) {
            // f of several outputs is not linear in its last layer once it is an energy.
            (Some(net), Some(spread)) if !matches!(net.head, Head::Free) && beta < 1.0 => {
                last_layer(target.device(), &net, spread, beta)?
            }
            _ => None,
        };
        Ok(Self { target, base, beta, net, scratch: Mutex::default() })
    }

    /// Adds the base's share to what `energy` and `score` hold of the target.
    fn blend(
        &self,
        x: &Array,
        energy: Option<&mut Array>,
        score: Option<&mut Array>,
    ) -> Result<()> {
        let (device, beta) = (self.device(), self.beta);
        let mut held = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let [mut easy, mut pull] = match held.take() {
            Some(arrays) if arrays[1].shape() == x.shape() => arrays,
            _ => [device.zeros(x.rows(), 1)?, device.zeros(x.rows(), x.columns())?],
        };
        match &score {
            Some(_) => {
                let easy = energy.is_some().then_some(&mut easy);
                self.base.score(device, x, easy, &mut pull)?;
            }
            None => self.base.energy(device, x, &mut easy)?,
        }
        for (out, base) in [(energy, &easy), (score, &pull)] {
            let Some(out) = out else { continue };
            if beta == 0.0 {
                // The target may be infinite where the base is not.
                device.copy_rows(base, 0, out, 0, x.rows())?;
            } else {
                device.pointwise(Pointwise::Scale(beta), out)?;
                device.pointwise(Pointwise::Axpy { x: base, scale: 1.0 - beta }, out)?;
            }
        }
        *held = Some([easy, pull]);
        Ok(())
    }
}

fn last_layer(device: &Device, net: &Net<'_>, spread: f32, beta: f32) -> Result<Option<LastLayer>> {
    let Some(last) = net.layers.last() else { return Ok(None) };
    let scaled = |array: &Array| -> Result<Array> {
        let mut copy = device.duplicate(array)?;
        device.pointwise(Pointwise::Scale(beta), &mut copy)?;
        Ok(copy)
    };
    Ok(Some(LastLayer {
        weights: scaled(last.weights)?,
        bias: scaled(last.bias)?,
        base_precision: (1.0 - beta) / (spread * spread) + beta * net.base_precision,
    }))
}

impl Energy for Blend<'_> {
    fn kind(&self) -> &'static str {
        self.target.kind()
    }

    fn device(&self) -> &Device {
        self.target.device()
    }

    fn dimension(&self) -> usize {
        self.target.dimension()
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        if self.beta > 0.0 {
            self.target.energy(x, out)?;
        }
        if self.beta < 1.0 { self.blend(x, Some(out), None) } else { Ok(()) }
    }

    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        if self.beta > 0.0 {
            self.target.score(x, out)?;
        }
        if self.beta < 1.0 { self.blend(x, None, Some(out)) } else { Ok(()) }
    }

    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        if self.beta > 0.0 {
            self.target.energy_and_score(x, energy, score)?;
        }
        if self.beta < 1.0 { self.blend(x, Some(energy), Some(score)) } else { Ok(()) }
    }

    fn net(&self) -> Option<Net<'_>> {
        let mut net = self.target.net()?;
        if self.beta < 1.0 {
            let own = self.net.as_ref()?;
            *net.layers.last_mut()? = Layer { weights: &own.weights, bias: &own.bias };
            net.base_precision = own.base_precision;
        }
        Some(net)
    }
}
