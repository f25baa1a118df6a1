//! Finite differences of energies: what score matching needs of ∇²E and ∇θ∇E, as weighted points.
//!
//! With g = ∇ₓE and H = ∇ₓ²E at a point x,
//!
//!     ∇θ vᵀHv       ≈ (∇θE(x + hv) − 2 ∇θE(x) + ∇θE(x − hv)) / h²
//!     ∇θ ½‖g‖²      ≈ ‖g‖ (∇θE(x + hĝ) − ∇θE(x − hĝ)) / 2h        with ĝ = g / ‖g‖ held fixed
//!
//! Rounding and truncation of a central difference balance at h ≈ ε^¼ times the length over which E
//! changes for a second difference, and at ε^⅓ times it for a first one.

use super::{Update, kept, shared_weight};
use crate::{
    device::{Array, Device, Draw, Pointwise, Reduce, Result},
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
        Self { first: scale * f32::EPSILON.cbrt(), second: scale * f32::EPSILON.powf(0.25) }
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

/// The points x ± hv for some probes v.
pub struct Probes {
    law: Law,
    count: usize,
    h: f32,
    places: Vec<Place>,
}

#[derive(Default)]
struct Place {
    direction: Option<Array>,
    plus: Option<Array>,
    minus: Option<Array>,
}

/// The arrays of one probe, placed.
pub(super) struct Placed<'a> {
    pub direction: &'a Array,
    pub plus: &'a Array,
    pub minus: &'a Array,
}

impl Probes {
    /// `count` probes at distance h a coordinate; the axes are as many as there are dimensions.
    pub fn new(law: Law, count: usize, h: f32) -> Self {
        Self { law, count, h, places: Vec::new() }
    }

    /// How many probes the mean is over: 1 for the axes, whose sum is the trace.
    fn divisor(&self) -> f32 {
        if self.law == Law::Axes { 1.0 } else { self.count as f32 }
    }

    /// h.
    pub(super) fn step(&self) -> f32 {
        self.h
    }

    /// Puts the points around x.
    pub(super) fn place(&mut self, device: &Device, x: &Array, update: Update) -> Result<()> {
        let (rows, columns) = x.shape();
        let count = if self.law == Law::Axes { columns } else { self.count };
        self.places.resize_with(count, Place::default);
        for (index, place) in self.places.iter_mut().enumerate() {
            let v = kept(&mut place.direction, device, rows, columns)?;
            direction(device, self.law, index, count, update, v)?;
            for (slot, scale) in [(&mut place.plus, self.h), (&mut place.minus, -self.h)] {
                let out = kept(slot, device, rows, columns)?;
                device.copy_rows(x, 0, out, 0, rows)?;
                device.pointwise(Pointwise::Axpy { x: &*v, scale }, out)?;
            }
        }
        Ok(())
    }

    /// The probes that were placed last.
    pub(super) fn placed(&self) -> impl Iterator<Item = Placed<'_>> {
        self.places.iter().filter_map(|place| {
            Some(Placed {
                direction: place.direction.as_ref()?,
                plus: place.plus.as_ref()?,
                minus: place.minus.as_ref()?,
            })
        })
    }

    /// The points and weights of −tr H, a mean over the batch x.
    pub(super) fn trace_points<'a>(&'a self, x: &'a Array) -> Vec<Points<'a>> {
        let weight = 1.0 / (self.h * self.h * self.divisor());
        let mut list = vec![shared_weight(x, None, 2.0 * weight * self.places.len() as f32)];
        for placed in self.placed() {
            list.push(shared_weight(placed.plus, None, -weight));
            list.push(shared_weight(placed.minus, None, -weight));
        }
        list
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

/// The points x ± hd̂ along one direction d a row, weighted by ± factorₙ ‖dₙ‖ / 2h: the derivative of
/// ∇θE along factor · d.
#[derive(Default)]
pub(super) struct Along {
    unit: Option<Array>,
    norms: Option<Array>,
    plus: Option<Array>,
    minus: Option<Array>,
    weights: [Option<Array>; 2],
}

impl Along {
    /// Where the direction goes before [`Along::place`]: `[n, D]`.
    pub fn direction(
        &mut self,
        device: &Device,
        rows: usize,
        columns: usize,
    ) -> Result<&mut Array> {
        kept(&mut self.unit, device, rows, columns)
    }

    /// Puts the points around x. `factor` is multiplied by `each` `[n, 1]`, where it is given.
    pub fn place(
        &mut self,
        device: &Device,
        x: &Array,
        h: f32,
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
        let [above, below] = &mut self.weights;
        for (slot, weights, side) in [(&mut self.plus, above, 1.0), (&mut self.minus, below, -1.0)]
        {
            let out = kept(slot, device, rows, columns)?;
            device.copy_rows(x, 0, out, 0, rows)?;
            device.pointwise(Pointwise::Axpy { x: &*unit, scale: side * h }, out)?;
            let weights = kept(weights, device, rows, 1)?;
            device.copy_rows(norms, 0, weights, 0, rows)?;
            device.pointwise(Pointwise::Scale(side * factor / (2.0 * h)), weights)?;
        }
        Ok(())
    }

    /// The points that were placed last.
    pub fn points(&self) -> impl Iterator<Item = Points<'_>> {
        let sides = [&self.plus, &self.minus].into_iter().zip(&self.weights);
        sides.filter_map(|(x, weights)| {
            let weights = Weights::Each(weights.as_ref()?);
            Some(Points { x: x.as_ref()?, hidden_means: None, weights })
        })
    }
}

/// Places the points of ½‖∇E‖², a mean over the batch x.
pub(super) fn squared_score(
    energy: &dyn Energy,
    x: &Array,
    h: f32,
    along: &mut Along,
) -> Result<()> {
    let device = energy.device();
    let (rows, columns) = x.shape();
    energy.score(x, along.direction(device, rows, columns)?)?;
    // The direction is the score, −g, and so is the sign of the factor.
    along.place(device, x, h, -1.0 / rows as f32, None)
}

/// ½ ‖s(x)‖² of each row, `[n, 1]`.
pub(super) fn half_squared_norm(device: &Device, score: &Array) -> Result<Array> {
    let mut out = device.zeros(score.rows(), 1)?;
    device.reduce(Reduce::RowDot(score), score, &mut out)?;
    device.pointwise(Pointwise::Scale(0.5), &mut out)?;
    Ok(out)
}
