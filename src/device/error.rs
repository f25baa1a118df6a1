//! What can go wrong on a device.

/// An error of the device layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No adapter serves the request.
    #[error(
        "no GPU found{}; use --device cpu, or install a Vulkan, Metal or DX12 driver",
        software_note(software)
    )]
    NoAdapter {
        /// Software adapters that are there but are only used when named.
        software: Vec<String>,
    },
    /// The name fits no device.
    #[error("no device matches '{wanted}'; there are: {}", available.join(", "))]
    UnknownDevice {
        /// What was asked for.
        wanted: String,
        /// What there is.
        available: Vec<String>,
    },
    /// The processor lacks the instruction set that was asked for, or nobody has it.
    #[error(
        "no instruction set '{wanted}' on this processor; there are: {}; --device cpu takes the first",
        available.join(", ")
    )]
    NoInstructions {
        /// What was asked for.
        wanted: String,
        /// What there is, widest first.
        available: Vec<&'static str>,
    },
    /// The driver refused to open the device.
    #[error("the driver of {adapter} refused to open the device: {reason}; try --device cpu")]
    Open {
        /// The adapter.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// Cooperative matrices were asked for and are not there.
    #[error(
        "{device} has no cooperative matrices that block Gibbs can use (f16 with sums in f32, by \
         Vulkan or Metal; `ergodic devices` names them); leave '+matrices' out of the device's name"
    )]
    NoMatrices {
        /// The device.
        device: String,
    },
    /// An allocation is larger than the device allows.
    #[error(
        "an array of {rows} x {columns} needs {} but {device} allows {} a buffer; use fewer chains or a smaller model",
        bytes(*needed), bytes(*available)
    )]
    TooLarge {
        /// Rows of the array.
        rows: usize,
        /// Columns of the array.
        columns: usize,
        /// Bytes asked for.
        needed: u64,
        /// Bytes that one buffer may have.
        available: u64,
        /// The device.
        device: String,
    },
    /// The device ran out of memory.
    #[error("{device} is out of memory: {} were asked for ({reason}); use fewer chains", bytes(*needed))]
    OutOfMemory {
        /// Bytes asked for.
        needed: u64,
        /// The device.
        device: String,
        /// The driver's words.
        reason: String,
    },
    /// Operands do not fit together.
    #[error("{kernel}: {operand} is {found:?}, wanted {wanted:?} (rows, columns)")]
    Shape {
        /// The kernel.
        kernel: &'static str,
        /// The operand.
        operand: &'static str,
        /// Its shape.
        found: (usize, usize),
        /// The shape that fits the other operands.
        wanted: (usize, usize),
    },
    /// An operand lives on another kind of device.
    #[error("{kernel}: {operand} lives on another device; upload it to this one")]
    Foreign {
        /// The kernel.
        kernel: &'static str,
        /// The operand.
        operand: &'static str,
    },
    /// A shader or a command was refused; a fault of this program.
    #[error(
        "the GPU refused {what}: {reason}; please report this with the output of `ergodic devices`"
    )]
    Refused {
        /// What was refused.
        what: String,
        /// The driver's words.
        reason: String,
    },
    /// The device is gone: a driver reset, a watchdog, an unplugged card.
    #[error(
        "the GPU was lost ({reason}); try fewer chains or a smaller batch a call, or --device cpu"
    )]
    Lost {
        /// The driver's words.
        reason: String,
    },
}

fn software_note(software: &[String]) -> String {
    if software.is_empty() {
        String::new()
    } else {
        format!(" (only software drivers, used when named: {})", software.join(", "))
    }
}

/// Bytes for people: 1536 as "1.5 KiB".
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return format!("{value:.4} {unit}").replace(".0000 ", " ");
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}
