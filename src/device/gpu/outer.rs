//! Host side of `shaders/outer.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Outer, OuterTerm, Program, Result, buffer, matmul,
    program::Constant,
    queue::{Dispatch, Grid},
    row_weights,
    sum_parts::sum_parts,
};

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    grid: Grid,
    rows: u32,
    x_columns: u32,
    y_columns: u32,
    accumulate: u32,
    weight: f32,
    part_rows: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "outer",
    source: include_str!("../../../shaders/outer.wgsl"),
    bindings: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Write,
        Access::Write,
    ],
    params: size_of::<Params>(),
    example: &[("EACH", Constant::Bool(true)), ("TILE", Constant::U32(64))],
};

/// The caller holds `sequence`.
pub(super) fn outer(gpu: &Gpu, call: &Outer<'_>, out: &mut Array) -> Result<()> {
    for (index, term) in call.terms.iter().enumerate() {
        add(gpu, call, term, call.accumulate || index > 0, out)?;
    }
    Ok(())
}

/// out ← a term, or out plus that.
fn add(
    gpu: &Gpu,
    call: &Outer<'_>,
    term: &OuterTerm<'_>,
    accumulate: bool,
    out: &mut Array,
) -> Result<()> {
    let (rows, d) = term.x.shape();
    let h = term.y.columns();
    let (weight, each) = row_weights("outer", term.weights)?;
    let cut = matmul::in_parts(gpu.filling, (d, h), rows);
    let out = buffer("outer", "out", out)?;
    let parts = match cut.parts {
        1 => None,
        parts => Some(gpu.scratch("parts of outer", parts * d * h)?),
    };
    let params = Params {
        grid: Grid::default(),
        rows: rows as u32,
        x_columns: d as u32,
        y_columns: h as u32,
        accumulate: u32::from(accumulate && parts.is_none()),
        weight,
        part_rows: cut.part_depth as u32,
    };
    let unused = gpu.unused()?;
    let nowhere = gpu.scratch("unused result", 4)?;
    let target = parts.as_ref().unwrap_or(out);
    let [values, quads] = if h.is_multiple_of(4) { [&nowhere, target] } else { [target, &nowhere] };
    let groups = d.div_ceil(cut.tile) * h.div_ceil(cut.tile) * cut.parts;
    gpu.dispatch(Dispatch {
        program: &PROGRAM,
        constants: &[
            ("EACH", Constant::Bool(each.is_some())),
            ("TILE", Constant::U32(cut.tile as u32)),
        ],
        params: bytemuck::bytes_of(&params),
        buffers: &[
            buffer("outer", "x", term.x)?,
            buffer("outer", "y", term.y)?,
            buffer("outer", "x_offset", call.x_offset)?,
            buffer("outer", "y_offset", call.y_offset)?,
            each.unwrap_or(&unused),
            values,
            quads,
        ],
        groups: groups as u32,
        work: (groups * cut.tile * cut.tile * cut.part_depth) as f64,
    })?;
    match &parts {
        None => Ok(()),
        Some(parts) => sum_parts(gpu, parts, (cut.parts, d * h), accumulate, out),
    }
}
