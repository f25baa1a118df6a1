//! How the cost of sampling grows with chains, units and steps, beside what it is on paper; and what
//! fits the device: the memory of a chain, the most chains, the largest model.

mod curve;
mod fit;
mod fitting;
mod measure;
mod picture;
mod report;
mod table;

pub use curve::{Against, Call, Curve, Kernel, Point};
pub use fitting::{Bound, Fitting, Most, MostChains, MostUnits};
pub use measure::{Event, measurements, run};
pub use picture::picture;
pub use report::{LeftOut, Scaling};
pub use table::{growth, header, line};
