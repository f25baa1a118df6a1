//! Energies that are formulas, for teaching, tests and examples: a Gaussian mixture, a double well,
//! a ring and a banana. They have no parameters to train.

use super::{Domain, Energy, ModelError, cholesky::Cholesky};
use crate::device::{Array, Device, Formula, Potential, Result};

/// An energy by formula on a device; see its constructors.
#[derive(Debug)]
pub struct Analytic {
    device: Device,
    formula: Formula,
    parameters: Array,
    dimension: usize,
    log_partition: f64,
}

/// A component of a Gaussian mixture.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its share, positive; the shares are divided by their sum.
    pub weight: f64,
    /// Its mean, `[D]`.
    pub mean: Vec<f64>,
    /// Its covariance, `[D, D]`, row-major.
    pub covariance: Vec<f64>,
}

impl Analytic {
    /// E(x) = −log Σₖ wₖ N(x; μₖ, Σₖ), so log Z = 0.
    ///
    /// # Errors
    /// There are no components, they differ in dimension, a weight is not positive, a covariance
    /// is not positive definite, or the device refuses.
    pub fn mixture(device: &Device, components: &[Component]) -> Result<Self, ModelError> {
        let kind = name(Formula::Mixture);
        let unfit = |reason| ModelError::Unfit { energy: kind, reason };
        let d = components.first().map_or(0, |first| first.mean.len());
        if d == 0 {
            return Err(unfit("it needs a component of one dimension or more".into()));
        }
        let total: f64 = components.iter().map(|component| component.weight).sum();
        let mut parameters = Vec::new();
        for (index, component) in components.iter().enumerate() {
            let Component { weight, mean, covariance } = component;
            if mean.len() != d || covariance.len() != d * d {
                return Err(unfit(format!(
                    "component {index} has a mean of {} and a covariance of {} numbers, wanted \
                     {d} and {}",
                    mean.len(),
                    covariance.len(),
                    d * d
                )));
            }
            if !(*weight > 0.0 && total.is_finite()) {
                return Err(unfit(format!(
                    "component {index} has weight {weight}; it must be positive and finite"
                )));
            }
            let factor = Cholesky::of(covariance, d).ok_or_else(|| {
                unfit(format!("the covariance of component {index} is not positive definite"))
            })?;
            let norm = 0.5 * (d as f64 * std::f64::consts::TAU.ln() + factor.log_determinant());
            parameters.push((weight / total).ln() - norm);
            parameters.extend(mean);
            parameters.extend(factor.inverse());
        }
        let parameters: Vec<f32> = parameters.iter().map(|p| *p as f32).collect();
        Ok(Self {
            device: device.clone(),
            formula: Formula::Mixture,
            parameters: device.upload(components.len(), 1 + d + d * d, &parameters)?,
            dimension: d,
            log_partition: 0.0,
        })
    }

    /// E(x) = h ((x₁/m)² − 1)² + ½ Σ over i > 1 of xᵢ²: wells at ±m, a barrier of height h, standard
    /// normals beside. log Z by quadrature.
    ///
    /// # Errors
    /// A number is not positive and finite, or the device refuses.
    pub fn double_well(
        device: &Device,
        dimension: usize,
        height: f32,
        place: f32,
    ) -> Result<Self, ModelError> {
        let (h, m) = (f64::from(height), f64::from(place));
        // Beyond 1 + √(60/h) wells out, exp(−E) is below 1e-26.
        let reach = m * (1.0 + (60.0 / h).sqrt()).sqrt();
        let wells = integral(-reach, reach, |x| (-h * ((x / m).powi(2) - 1.0).powi(2)).exp());
        let log_partition = wells.ln() + log_normals(dimension.saturating_sub(1));
        let positive = [("height", height), ("place of the wells", place)];
        Self::of_two(device, Formula::DoubleWell, dimension, 1, positive, log_partition)
    }

    /// E(x) = (‖x‖ − R)² / (2σ²): a sphere of radius R and width σ. log Z by quadrature over the
    /// radius. The score at the origin, where E has a cusp, is 0.
    ///
    /// # Errors
    /// A number is not positive and finite, or the device refuses.
    pub fn ring(
        device: &Device,
        dimension: usize,
        radius: f32,
        width: f32,
    ) -> Result<Self, ModelError> {
        let (r0, sigma) = (f64::from(radius), f64::from(width));
        let power = dimension.saturating_sub(1) as f64;
        // r^(D−1) exp(−(r − R)²/2σ²) is largest here.
        let mode = 0.5 * (r0 + (r0 * r0 + 4.0 * power * sigma * sigma).sqrt());
        let log_density = |r: f64| {
            let log_power = if power > 0.0 { power * r.ln() } else { 0.0 };
            log_power - 0.5 * ((r - r0) / sigma).powi(2)
        };
        let peak = log_density(mode);
        let low = (mode - 12.0 * sigma).max(0.0);
        let along = integral(low, mode + 12.0 * sigma, |r| (log_density(r) - peak).exp());
        let log_partition = log_sphere(dimension) + peak + along.ln();
        let positive = [("radius", radius), ("width", width)];
        Self::of_two(device, Formula::Ring, dimension, 1, positive, log_partition)
    }

    /// E(x) = x₁²/(2σ²) + ½ (x₂ − c (x₁² − σ²))² + ½ Σ over i > 2 of xᵢ²: a Gaussian bent along x₁.
    /// The bend keeps volumes, so log Z = log σ + (D/2) log 2π, and x₁ = σ z₁,
    /// x₂ = z₂ + c (x₁² − σ²) of standard normals z are exact draws.
    /// Source: Haario, Saksman and Tamminen, "Adaptive proposal distribution for random walk
    /// Metropolis algorithm", 1999.
    ///
    /// # Errors
    /// There are fewer than two dimensions, a number is not positive and finite, or the device
    /// refuses.
    pub fn banana(
        device: &Device,
        dimension: usize,
        deviation: f32,
        bend: f32,
    ) -> Result<Self, ModelError> {
        let log_partition = f64::from(deviation).ln() + log_normals(dimension);
        let positive = [("deviation", deviation), ("bend", bend)];
        Self::of_two(device, Formula::Banana, dimension, 2, positive, log_partition)
    }

    fn of_two(
        device: &Device,
        formula: Formula,
        dimension: usize,
        least: usize,
        positive: [(&'static str, f32); 2],
        log_partition: f64,
    ) -> Result<Self, ModelError> {
        let unfit = |reason| ModelError::Unfit { energy: name(formula), reason };
        if dimension < least {
            return Err(unfit(format!("it has {dimension} dimensions, wanted {least} or more")));
        }
        for (what, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Err(unfit(format!(
                    "its {what} is {value}; it must be positive and finite"
                )));
            }
        }
        let parameters = device.upload(1, 2, &positive.map(|(_, value)| value))?;
        Ok(Self { device: device.clone(), formula, parameters, dimension, log_partition })
    }

    /// log Z, in nats.
    pub fn log_partition(&self) -> f64 {
        self.log_partition
    }

    fn evaluate(
        &self,
        x: &Array,
        energy: Option<&mut Array>,
        score: Option<&mut Array>,
    ) -> Result<()> {
        let (formula, parameters) = (self.formula, &self.parameters);
        self.device.potential(Potential { formula, parameters, x, energy, score })
    }
}

impl Energy for Analytic {
    fn kind(&self) -> &'static str {
        name(self.formula)
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn domain(&self) -> Domain {
        Domain::Real
    }

    fn energy(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.evaluate(x, Some(out), None)
    }

    fn score(&self, x: &Array, out: &mut Array) -> Result<()> {
        self.evaluate(x, None, Some(out))
    }

    fn energy_and_score(&self, x: &Array, energy: &mut Array, score: &mut Array) -> Result<()> {
        self.evaluate(x, Some(energy), Some(score))
    }
}

fn name(formula: Formula) -> &'static str {
    match formula {
        Formula::Mixture => "mixture",
        Formula::DoubleWell => "double-well",
        Formula::Ring => "ring",
        Formula::Banana => "banana",
    }
}

/// log of the partition function of standard normals: (D/2) log 2π.
fn log_normals(dimension: usize) -> f64 {
    0.5 * dimension as f64 * std::f64::consts::TAU.ln()
}

/// log of the area of the unit sphere in D dimensions, 2 π^(D/2) / Γ(D/2); it grows by the factor
/// 2π/(D − 2) every two dimensions, from 2 at D = 1 and 2π at D = 2.
fn log_sphere(dimension: usize) -> f64 {
    let tau = std::f64::consts::TAU;
    let (start, first) = if dimension % 2 == 1 { (1, 2f64) } else { (2, tau) };
    let steps = (start + 2..=dimension).step_by(2);
    first.ln() + steps.map(|d| (tau / (d - 2) as f64).ln()).sum::<f64>()
}

/// ∫ f from `low` to `high` by Simpson's rule.
fn integral(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    const PANELS: usize = 1 << 14;
    let step = (high - low) / PANELS as f64;
    let weight = |i: usize| match i {
        0 | PANELS => 1.0,
        i if i % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=PANELS).map(|i| weight(i) * f(low + step * i as f64)).sum::<f64>() * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-9 * wanted.abs().max(1.0), "{found}, wanted {wanted}");
    }

    #[test]
    fn spheres_have_their_areas() {
        for (d, area) in [(1, 2.0), (2, TAU), (3, 4.0 * PI), (4, 2.0 * PI * PI)] {
            close(log_sphere(d), f64::ln(area));
        }
    }

    /// A ring of radius R and width σ in one dimension is two halves of a Gaussian, in three
    /// 4π σ √(2π) (R² + σ²) but for the part beyond the origin, 8 widths away.
    #[test]
    fn rings_have_the_partition_function_of_their_closed_forms() {
        let device = Device::cpu();
        let ring = |d| Analytic::ring(&device, d, 2.0, 0.25).unwrap().log_partition();
        close(ring(1), (2.0 * 0.25 * TAU.sqrt()).ln());
        close(ring(3), (4.0 * PI * 0.25 * TAU.sqrt() * (4.0 + 0.0625)).ln());
    }

    /// Against a sum on a grid that is finer and wider.
    #[test]
    fn the_double_well_has_the_partition_function_of_a_finer_grid() {
        for (height, place) in [(0.5, 3.0), (1.0, 1.0), (6.0, 0.5)] {
            let well = Analytic::double_well(&Device::cpu(), 3, height, place).unwrap();
            let (h, m) = (f64::from(height), f64::from(place));
            let step = m * 1e-5;
            let sum: f64 = (-600_000..600_000)
                .map(|i| (-h * ((f64::from(i) * 1e-5).powi(2) - 1.0).powi(2)).exp())
                .sum();
            close(well.log_partition(), (sum * step).ln() + TAU.ln());
        }
    }

    #[test]
    fn what_makes_no_energy_is_refused_by_name() {
        let device = Device::cpu();
        let component = |weight, covariance: f64| Component {
            weight,
            mean: vec![0.0, 0.0],
            covariance: vec![1.0, covariance, covariance, 1.0],
        };
        for (result, wanted) in [
            (Analytic::mixture(&device, &[]), "needs a component"),
            (Analytic::mixture(&device, &[component(1.0, 1.0)]), "not positive definite"),
            (Analytic::mixture(&device, &[component(0.0, 0.5)]), "weight 0"),
            (Analytic::banana(&device, 1, 1.0, 1.0), "1 dimensions, wanted 2"),
            (Analytic::ring(&device, 2, 1.0, 0.0), "width is 0"),
            (Analytic::double_well(&device, 0, 1.0, 1.0), "0 dimensions"),
        ] {
            let error = result.expect_err(wanted).to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
