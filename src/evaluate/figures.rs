//! Figures over a data set: mean energies, reconstruction error, use of the hidden units.

use crate::{
    data::Examples,
    device::{Array, Device, DeviceError, Reduce, RowWeights},
    energy::{Energy, Rbm},
};

/// Rows that are on the device at a time.
const ROWS: usize = 4096;
/// A hidden unit whose mean over the data is below this is dead, above 1 − this saturated.
const EXTREME: f32 = 0.01;

/// Shares of the hidden units that tell nothing of the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HiddenUse {
    /// Share whose mean over the data is below 0.01.
    pub dead: f64,
    /// Share whose mean over the data is above 0.99.
    pub saturated: f64,
}

/// Mean energy (free energy, where there are hidden units) of examples, in nats.
///
/// # Errors
/// The device refuses.
pub async fn mean_energy(energy: &dyn Energy, data: &Examples) -> Result<f64, DeviceError> {
    let list = energies(energy, data).await?;
    Ok(list.iter().map(|e| f64::from(*e)).sum::<f64>() / data.rows as f64)
}

/// Energies of examples, in nats.
///
/// # Errors
/// The device refuses.
pub async fn energies(energy: &dyn Energy, data: &Examples) -> Result<Vec<f32>, DeviceError> {
    let device = energy.device();
    let mut list = Vec::with_capacity(data.rows);
    for values in data.values.chunks(ROWS * data.columns.max(1)) {
        let x = device.upload(values.len() / data.columns, data.columns, values)?;
        let mut out = device.zeros(x.rows(), 1)?;
        energy.energy(&x, &mut out)?;
        list.extend(device.read(&out).await?);
    }
    Ok(list)
}

/// Logits `[n, K]` of examples.
///
/// # Errors
/// The device refuses.
pub async fn logits(energy: &dyn Energy, data: &Examples) -> Result<Vec<f32>, DeviceError> {
    let device = energy.device();
    let mut list = Vec::with_capacity(data.rows * energy.classes());
    for values in data.values.chunks(ROWS * data.columns.max(1)) {
        let x = device.upload(values.len() / data.columns, data.columns, values)?;
        let mut out = device.zeros(x.rows(), energy.classes())?;
        energy.logits(&x, &mut out)?;
        list.extend(device.read(&out).await?);
    }
    Ok(list)
}

/// Energies of points on the device, in nats.
pub(crate) async fn energies_of(energy: &dyn Energy, x: &Array) -> Result<Vec<f32>, DeviceError> {
    let mut out = energy.device().zeros(x.rows(), 1)?;
    energy.energy(x, &mut out)?;
    energy.device().read(&out).await
}

/// Mean energy of points on the device, in nats.
pub(crate) async fn mean_energy_of(energy: &dyn Energy, x: &Array) -> Result<f64, DeviceError> {
    let values = energies_of(energy, x).await?;
    Ok(values.iter().map(|e| f64::from(*e)).sum::<f64>() / x.rows() as f64)
}

/// Mean squared error a visible unit of sending v to the hidden means and back.
///
/// # Errors
/// The device refuses.
pub async fn reconstruction_error(model: &Rbm, x: &Array) -> Result<f64, DeviceError> {
    let device = model.device();
    let mut hidden = device.zeros(x.rows(), model.hidden())?;
    model.hidden_means(x, &mut hidden)?;
    let mut back = device.zeros(x.rows(), x.columns())?;
    model.visible_means(&hidden, 1.0, &mut back)?;
    Ok(scalar(device, Reduce::SquaredDistance(&back), x).await? / x.len() as f64)
}

/// A reduction to one number, read back.
pub(crate) async fn scalar(
    device: &Device,
    call: Reduce<'_>,
    x: &Array,
) -> Result<f64, DeviceError> {
    let mut out = device.zeros(1, 1)?;
    device.reduce(call, x, &mut out)?;
    Ok(f64::from(device.read(&out).await?[0]))
}

/// The first examples, at most `rows` of them, on the device.
pub(crate) fn upload_head(
    device: &Device,
    part: &Examples,
    rows: usize,
) -> Result<Array, DeviceError> {
    let rows = part.rows.min(rows);
    device.upload(rows, part.columns, &part.values[..rows * part.columns])
}

/// How many hidden units are dead or saturated over the points x `[n, D]`.
///
/// # Errors
/// The device refuses.
pub async fn hidden_use(energy: &dyn Energy, x: &Array) -> Result<HiddenUse, DeviceError> {
    let device = energy.device();
    let mut hidden = device.zeros(x.rows(), energy.hidden())?;
    energy.hidden_means(x, &mut hidden)?;
    let mut means = device.zeros(1, energy.hidden())?;
    let weights = RowWeights::Uniform(1.0 / x.rows() as f32);
    device.reduce(Reduce::ColumnSum { weights, accumulate: false }, &hidden, &mut means)?;
    let means = device.read(&means).await?;
    let share = |extreme: &dyn Fn(f32) -> bool| {
        means.iter().filter(|mean| extreme(**mean)).count() as f64 / means.len() as f64
    };
    Ok(HiddenUse {
        dead: share(&|mean| mean < EXTREME),
        saturated: share(&|mean| mean > 1.0 - EXTREME),
    })
}
