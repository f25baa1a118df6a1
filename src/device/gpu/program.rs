//! Shaders as programs: WGSL text, its imports, the constants of a variant, the bindings.

use std::fmt::Write;

/// How a kernel uses a binding of group 0; binding 0 is always the uniform parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    Write,
}

/// A kernel's shader and what it binds.
#[derive(Debug)]
pub struct Program {
    /// Name of the kernel and of its file.
    pub name: &'static str,
    /// WGSL, with `#import NAME` lines.
    pub source: &'static str,
    /// Storage bindings 1, 2, …
    pub bindings: &'static [Access],
    /// Bytes of the uniform parameters.
    pub params: usize,
    /// A set of constants that makes the source complete, for tests.
    pub example: &'static [(&'static str, Constant)],
}

/// A compile-time constant of a variant.
#[derive(Clone, Copy, Debug)]
pub enum Constant {
    /// `const NAME: u32`
    U32(u32),
    /// `const NAME: bool`
    Bool(bool),
    /// `alias NAME`
    Alias(&'static str),
    /// The part that `#import NAME` takes in place of NAME.
    Part(&'static str),
}

/// Shared parts, by the name that `#import` takes.
const LIBRARY: &[(&str, &str)] = &[
    ("acceptance", include_str!("../../../shaders/lib/acceptance.wgsl")),
    ("activation", include_str!("../../../shaders/lib/activation.wgsl")),
    ("exchange", include_str!("../../../shaders/lib/exchange.wgsl")),
    ("grid", include_str!("../../../shaders/lib/grid.wgsl")),
    ("half_sweep", include_str!("../../../shaders/lib/half_sweep.wgsl")),
    ("half_sweep_matrix", include_str!("../../../shaders/lib/half_sweep_matrix.wgsl")),
    ("matmul", include_str!("../../../shaders/lib/matmul.wgsl")),
    ("net", include_str!("../../../shaders/lib/net.wgsl")),
    ("normal", include_str!("../../../shaders/lib/normal.wgsl")),
    ("philox", include_str!("../../../shaders/lib/philox.wgsl")),
    ("states", include_str!("../../../shaders/lib/states.wgsl")),
    ("totals", include_str!("../../../shaders/lib/totals.wgsl")),
];

impl Program {
    /// The WGSL of a variant: constants, imports, source.
    ///
    /// # Errors
    /// An import that the library does not have.
    pub fn assemble(&self, constants: &[(&str, Constant)]) -> Result<String, String> {
        let mut text = String::new();
        for (name, value) in constants {
            // Writing to a string cannot fail.
            let _ = match value {
                Constant::U32(value) => writeln!(text, "const {name}: u32 = {value}u;"),
                Constant::Bool(value) => writeln!(text, "const {name}: bool = {value};"),
                Constant::Alias(value) => writeln!(text, "alias {name} = {value};"),
                Constant::Part(_) => Ok(()),
            };
        }
        for line in self.source.lines() {
            match line.strip_prefix("#import ") {
                None => text.push_str(line),
                Some(import) => {
                    let import = replacement(constants, import.trim());
                    let part = LIBRARY.iter().find(|(name, _)| *name == import);
                    let (_, part) = part.ok_or_else(|| {
                        format!(
                            "shaders/{}.wgsl imports '{import}', which is not in shaders/lib",
                            self.name
                        )
                    })?;
                    text.push_str(part);
                }
            }
            text.push('\n');
        }
        Ok(directives_first(&text))
    }
}

/// The part to import by a name.
fn replacement<'a>(constants: &[(&str, Constant)], import: &'a str) -> &'a str {
    let other = constants.iter().find_map(|(name, value)| match value {
        Constant::Part(part) if *name == import => Some(*part),
        _ => None,
    });
    other.unwrap_or(import)
}

/// WGSL wants its `enable` directives before all else.
fn directives_first(text: &str) -> String {
    let (directives, others): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.starts_with("enable "));
    [directives, others, vec![""]].concat().join("\n")
}
