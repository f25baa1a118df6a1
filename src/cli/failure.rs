//! Errors as the user sees them, and their exit codes.

use std::process::ExitCode;

use crate::{
    data::DataError,
    device::DeviceError,
    objective::ObjectiveError,
    sampler::SamplerError,
    train::{SettingsError, TrainError},
};

/// The command line asks for something that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub String);

/// The exit code of an interrupted run.
pub(super) const INTERRUPTED: u8 = 130;

/// Prints an error to stderr; 2 where the command line is to blame, else 1.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    // Most messages quote their cause already.
    let mut message = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    note!("error: {message}");
    let usage = error.is::<Usage>()
        || error.is::<SettingsError>()
        || error.downcast_ref().is_some_and(is_inadmissible)
        || matches!(error.downcast_ref(), Some(SamplerError::Inadmissible { .. }))
        || matches!(
            error.downcast_ref(),
            Some(DeviceError::UnknownDevice { .. } | DeviceError::NoInstructions { .. })
        )
        || matches!(
            error.downcast_ref(),
            Some(DataError::Option { .. } | DataError::UnknownSource { .. })
        );
    ExitCode::from(if usage { 2 } else { 1 })
}

/// Whether a model was asked for with an objective or a sampler that it does not admit.
fn is_inadmissible(error: &TrainError) -> bool {
    matches!(
        error,
        TrainError::Objective(
            ObjectiveError::Inadmissible { .. }
                | ObjectiveError::Sampler(SamplerError::Inadmissible { .. })
        ) | TrainError::Sampler(SamplerError::Inadmissible { .. })
    )
}
