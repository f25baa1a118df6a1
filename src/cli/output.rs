//! Lines, bars and files that subcommands share.

use std::{
    io::{self, Write},
    path::Path,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Context, failure::Usage};
use crate::device::Device;

/// Opens the device and says on stderr which.
pub(super) async fn open_device(
    context: &Context,
    configured: Option<&str>,
) -> anyhow::Result<Device> {
    let device = Device::open(&context.device(configured)).await?;
    note!("device: {}", device.name());
    Ok(device)
}

/// Prints a result to stdout. A reader that has gone away is no error.
pub(super) fn say(text: impl AsRef<str>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// A bar on stderr; silent where stderr is no terminal.
pub(super) fn bar(total: u64, unit: &str) -> ProgressBar {
    let template = format!("{{pos}}/{{len}} {unit} {{wide_bar}} {{eta}} left  {{msg}}");
    let style = ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─");
    ProgressBar::new(total).with_style(style)
}

/// A sign of life on stderr for work whose length is not known.
pub(super) fn spinner(message: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(std::time::Duration::from_millis(120));
    spinner
}

/// Tells a spinner what is being done.
pub(super) fn stages(spinner: &ProgressBar) -> impl Fn(&str, f64) {
    |stage, share| {
        spinner.set_message(match share {
            0.0 => stage.into(),
            share => format!("{stage}, {:.0} %", 100.0 * share),
        });
    }
}

/// Refuses to overwrite a file that is not of the kind to be written, as its first bytes tell.
pub(super) fn check_target(path: &Path, magic: &[u8], flag: &str) -> Result<(), Usage> {
    if path.exists() && !path.is_file() {
        return Err(Usage(format!("{flag}: {} is not a regular file", path.display())));
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty())
        && !parent.is_dir()
    {
        return Err(Usage(format!(
            "{flag}: there is no folder {}; make it first",
            parent.display()
        )));
    }
    let mut start = vec![0; magic.len()];
    let same = match std::fs::File::open(path) {
        Err(_) => true,
        Ok(mut file) => match io::Read::read_exact(&mut file, &mut start) {
            Ok(()) => start == magic,
            Err(_) => std::fs::metadata(path).is_ok_and(|file| file.len() == 0),
        },
    };
    if same {
        return Ok(());
    }
    Err(Usage(format!(
        "{flag}: {} exists and is a file of another kind; choose another name",
        path.display()
    )))
}
