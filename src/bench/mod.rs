//! How fast a device is at the work that this crate is for, beside that device's own limits: the
//! cases, their counts of work, the clock, the report. No kernels and no command line here; the
//! numbers come from the public calls that any program would make.

mod cases;
mod clock;
mod cold_start;
mod error;
mod kinds;
mod picture;
mod report;
mod roofline;
mod run;
pub mod scale;
mod table;
mod work;

pub use cases::{CASES, Case, Kind, select};
pub use clock::Timing;
pub use error::BenchError;
pub use picture::{merged_picture, picture};
pub use report::{Activity, LeftOut, Limit, Report, Row, Spread};
pub use roofline::Roofline;
pub use run::{Event, Plan, run};
pub use table::{header, line, merged_table};
pub use work::Work;
