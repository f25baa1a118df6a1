//! Finite differences of energies: what score matching needs of ∇²E and ∇θ∇E, as weighted points.
//!
//! With g = ∇ₓE and H = ∇ₓ²E at a point x,
//!
//! ```text
//! ∇θ vᵀHv   ≈ (∇θE(x + hv) − 2 ∇θE(x) + ∇θE(x − hv)) / h²
//! ∇θ ½‖g‖²  ≈ ‖g‖ (∇θE(x + hĝ) − ∇θE(x − hĝ)) / 2h        with ĝ = g / ‖g‖ held fixed
//! ```
//!
//! Rounding and truncation of a central difference balance at h ≈ ε^¼ times the length over which E
//! changes for a second difference, and at ε^⅓ times it for a first one.

use super::{Update, kept};
use crate::{
    device::{Activation, Array, Device, Draw, Linear, Pointwise, Reduce, Result},
    energy::{Energy, Points, Weights},
    random::Stream,
};

/// Steps of finite differences, in units of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Of first differences, along a unit vector.
    pub first: f32,
    /// Of second differences, for each coordinate of a probe.
    pub second: f32,
}

impl Steps {
    /// For data whose coordinates spread over `scale` (a standard deviation).
    pub fn for_scale(scale: f32) -> Self {
        let epsilon = f64::from(f32::EPSILON);
        Self { first: scale * epsilon.cbrt() as f32, second: scale * epsilon.powf(0.25) as f32 }
    }
}

/// The law of the directions v along which curvature is measured; E[vvᵀ] is the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Every coordinate axis once: the exact trace.
    Axes,
    /// Coordinates 1 or −1. Source: Hutchinson 1990.
    Rademacher,
    /// Standard normals.
    Normal,
}

/// Points x + oⱼ d for each row x, its direction d and a few fixed offsets oⱼ, and their weights.
///
/// The points of a row lie next to each other, and the weights of a difference sum to zero there,
/// so the sums of the gradient never grow beyond what one row adds: with the points of an offset
/// together, the sums would reach 1/h² times the gradient before they cancel.
struct Stencil {
    offsets: Vec<f32>,
    /// Identities side by side, `[D, kD]`, and the same scaled by the offsets.
    tiles: Option<(Array, Array)>,
    shifts: Option<Array>,
    points: Option<Array>,
    weights: Option<Array>,
    /// The slopes and constants of the last weights, here and on the device: a GPU is interrupted
    /// by every upload.
    pattern: Option<([Vec<f32>; 2], [Array; 2])>,
}

impl Stencil {
    fn new(offsets: Vec<f32>) -> Self {
        Self { offsets, tiles: None, shifts: None, points: None, weights: None, pattern: None }
    }

    /// Puts the points around x along `direction`, both `[n, D]`.
    fn place(&mut self, device: &Device, x: &Array, direction: &Array) -> Result<()> {
        let (rows, d) = x.shape();
        let k = self.offsets.len();
        let tiles = match &mut self.tiles {
            Some(tiles) if tiles.0.rows() == d => tiles,
            slot => slot.insert((
                identities(device, d, &vec![1.0; k])?,
                identities(device, d, &self.offsets)?,
            )),
        };
        kept(&mut self.points, device, rows * k, d)?;
        let Some(points) = self.points.take() else { return Ok(()) };
        let mut points = points.reshaped(rows, k * d);
        let shifts = kept(&mut self.shifts, device, rows, k * d)?;
        device.linear(&product(x, &tiles.0, None), &mut points)?;
        device.linear(&product(direction, &tiles.1, None), shifts)?;
        device.pointwise(Pointwise::Axpy { x: &*shifts, scale: 1.0 }, &mut points)?;
        self.points = Some(points.reshaped(rows * k, d));
        Ok(())
    }

    /// Weighs the points: `constant[j] + slope[j] · factorₙ` for offset j of row n, `factors`
    /// `[n, 1]`.
    fn weigh(
        &mut self,
        device: &Device,
        factors: &Array,
        slope: &[f32],
        constant: &[f32],
    ) -> Result<()> {
        let (rows, k) = (factors.rows(), self.offsets.len());
        kept(&mut self.weights, device, rows * k, 1)?;
        let Some(weights) = self.weights.take() else { return Ok(()) };
        let mut weights = weights.reshaped(rows, k);
        let wanted = [slope.to_vec(), constant.to_vec()];
        let (_, [slope, constant]) = match &mut self.pattern {
            Some(pattern) if pattern.0 == wanted => pattern,
            slot => {
                let arrays = [device.upload(1, k, slope)?, device.upload(1, k, constant)?];
                slot.insert((wanted, arrays))
            }
        };
        device.linear(&product(factors, slope, Some(constant)), &mut weights)?;
        self.weights = Some(weights.reshaped(rows * k, 1));
        Ok(())
    }

    fn points(&self) -> Option<Points<'_>> {
        let weights = Weights::Each(self.weights.as_ref()?);
        Some(Points { x: self.points.as_ref()?, hidden_means: None, weights })
    }
}

/// `[d, k·d]`: identities side by side, each times its factor.
fn identities(device: &Device, d: usize, factors: &[f32]) -> Result<Array> {
    let columns = factors.len() * d;
    let mut values = vec![0.0; d * columns];
    for row in 0..d {
        for (block, factor) in factors.iter().enumerate() {
            values[row * columns + block * d + row] = *factor;
        }
    }
    device.upload(d, columns, &values)
}

fn product<'a>(x: &'a Array, weights: &'a Array, bias: Option<&'a Array>) -> Linear<'a> {
    Linear { x, weights, transposed: false, bias, scale: 1.0, activation: Activation::Identity }
}

/// Second differences along some probes v, and where wanted first differences along them.
pub(super) struct Probes {
    law: Law,
    count: usize,
    h: f32,
    probes: Vec<Probe>,
}

struct Probe {
    direction: Option<Array>,
    slope: Option<Array>,
    stencil: Stencil,
}

impl Probes {
    /// `count` probes at distance h a coordinate; the axes are as many as there are dimensions.
    pub fn new(law: Law, count: usize, h: f32) -> Self {
        Self { law, count, h, probes: Vec::new() }
    }

    /// Puts the points of −tr H, a mean over the batch x, around it; with `score`, the points of
    /// ½(vᵀ∇E)² − vᵀHv: weights 2/h² at x and −1/h² ± c/2h at x ± hv, c = vᵀ∇E measured.
    pub fn place(
        &mut self,
        device: &Device,
        x: &Array,
        score: Option<&Array>,
        update: Update,
    ) -> Result<()> {
        let (rows, columns) = x.shape();
        let count = if self.law == Law::Axes { columns } else { self.count };
        // The sum over the axes is the trace; random probes are averaged.
        let share = if self.law == Law::Axes { 1.0 } else { 1.0 / count as f32 } / rows as f32;
        let h = self.h;
        self.probes.resize_with(count, || Probe {
            direction: None,
            slope: None,
            stencil: Stencil::new(vec![0.0, h, -h]),
        });
        let curve = share / (h * h);
        for (index, probe) in self.probes.iter_mut().enumerate() {
            let v = kept(&mut probe.direction, device, rows, columns)?;
            direction(device, self.law, index, count, update, v)?;
            probe.stencil.place(device, x, v)?;
            let slope = kept(&mut probe.slope, device, rows, 1)?;
            if let Some(score) = score {
                // vᵀs = −c.
                device.reduce(Reduce::RowDot(&*v), score, slope)?;
            }
            let along = if score.is_some() { share / (2.0 * h) } else { 0.0 };
            let constant = [2.0 * curve, -curve, -curve];
            probe.stencil.weigh(device, slope, &[0.0, -along, along], &constant)?;
        }
        Ok(())
    }

    /// The points that were placed last.
    pub fn points(&self) -> impl Iterator<Item = Points<'_>> {
        self.probes.iter().filter_map(|probe| probe.stencil.points())
    }
}

/// v ← the probe of that index.
fn direction(
    device: &Device,
    law: Law,
    index: usize,
    count: usize,
    update: Update,
    v: &mut Array,
) -> Result<()> {
    let step = (update.number as u32).wrapping_mul(count as u32).wrapping_add(index as u32);
    let draw = Draw { seed: update.seed, step, stream: Stream::Probe };
    if law == Law::Rademacher {
        return device.pointwise(Pointwise::Rademacher { draw }, v);
    }
    device.pointwise(Pointwise::Fill(0.0), v)?;
    match law {
        Law::Normal => device.pointwise(Pointwise::Normal { scale: 1.0, draw }, v),
        _ => device.pointwise(Pointwise::AddToColumn { column: index, value: 1.0 }, v),
    }
}

/// tr H of each row of x, `[n, 1]`, from central differences of the score: the sum over the axes,
/// or the mean of vᵀHv over `count` random probes, which is unbiased.
///
/// # Errors
/// The energy has no score, or the device refuses.
pub fn hessian_trace(
    energy: &dyn Energy,
    x: &Array,
    law: Law,
    count: usize,
    h: f32,
    update: Update,
) -> Result<Array> {
    let device = energy.device();
    let (rows, columns) = x.shape();
    let count = if law == Law::Axes { columns } else { count };
    let mut trace = device.zeros(rows, 1)?;
    let mut term = device.zeros(rows, 1)?;
    let mut v = device.zeros(rows, columns)?;
    let mut score = device.zeros(rows, columns)?;
    let share = if law == Law::Axes { 1.0 } else { 1.0 / count as f32 };
    for index in 0..count {
        direction(device, law, index, count, update, &mut v)?;
        for side in [1.0, -1.0] {
            let mut place = device.duplicate(x)?;
            device.pointwise(Pointwise::Axpy { x: &v, scale: side * h }, &mut place)?;
            energy.score(&place, &mut score)?;
            device.reduce(Reduce::RowDot(&v), &score, &mut term)?;
            // H is the negative of the score's derivative.
            let scale = -side * share / (2.0 * h);
            device.pointwise(Pointwise::Axpy { x: &term, scale }, &mut trace)?;
        }
    }
    Ok(trace)
}

/// The points x ± hd̂ along one direction d a row, weighted by ± factor · eachₙ ‖dₙ‖ / 2h: the
/// derivative of ∇θE along factor · each · d.
pub(super) struct Along {
    h: f32,
    unit: Option<Array>,
    norms: Option<Array>,
    stencil: Stencil,
}

impl Along {
    /// At distance h.
    pub fn new(h: f32) -> Self {
        Self { h, unit: None, norms: None, stencil: Stencil::new(vec![h, -h]) }
    }

    /// Where the direction goes before [`Along::place`]: `[n, D]`.
    pub fn direction(
        &mut self,
        device: &Device,
        rows: usize,
        columns: usize,
    ) -> Result<&mut Array> {
        kept(&mut self.unit, device, rows, columns)
    }

    /// Puts the points around x; `each` is `[n, 1]`.
    pub fn place(
        &mut self,
        device: &Device,
        x: &Array,
        factor: f32,
        each: Option<&Array>,
    ) -> Result<()> {
        let (rows, columns) = x.shape();
        let unit = kept(&mut self.unit, device, rows, columns)?;
        let norms = kept(&mut self.norms, device, rows, 1)?;
        device.normalize(unit, norms)?;
        if let Some(x) = each {
            device.pointwise(Pointwise::Multiply { x }, norms)?;
        }
        self.stencil.place(device, x, unit)?;
        let slope = factor / (2.0 * self.h);
        self.stencil.weigh(device, norms, &[slope, -slope], &[0.0, 0.0])
    }

    /// The points that were placed last.
    pub fn points(&self) -> Option<Points<'_>> {
        self.stencil.points()
    }
}

/// Places the points of ½‖∇E‖², a mean over the batch x.
pub(super) fn squared_score(energy: &dyn Energy, x: &Array, along: &mut Along) -> Result<()> {
    let device = energy.device();
    let (rows, columns) = x.shape();
    energy.score(x, along.direction(device, rows, columns)?)?;
    // The direction is the score, −g, and so is the sign of the factor.
    along.place(device, x, -1.0 / rows as f32, None)
}

/// ½ ‖s(x)‖² of each row, `[n, 1]`.
pub(super) fn half_squared_norm(device: &Device, score: &Array) -> Result<Array> {
    let mut out = device.zeros(score.rows(), 1)?;
    device.reduce(Reduce::RowDot(score), score, &mut out)?;
    device.pointwise(Pointwise::Scale(0.5), &mut out)?;
    Ok(out)
}

/// Σ (vᵀs)² over `count` normal probes, those of [`Probes`], for each row, `[n, 1]`.
pub(super) fn squared_slopes(
    device: &Device,
    score: &Array,
    count: usize,
    update: Update,
) -> Result<Array> {
    let (rows, columns) = score.shape();
    let mut sum = device.zeros(rows, 1)?;
    let mut slope = device.zeros(rows, 1)?;
    let mut v = device.zeros(rows, columns)?;
    for index in 0..count {
        direction(device, Law::Normal, index, count, update, &mut v)?;
        device.reduce(Reduce::RowDot(&v), score, &mut slope)?;
        let factor = device.duplicate(&slope)?;
        device.pointwise(Pointwise::Multiply { x: &factor }, &mut slope)?;
        device.pointwise(Pointwise::Axpy { x: &slope, scale: 1.0 }, &mut sum)?;
    }
    Ok(sum)
}
