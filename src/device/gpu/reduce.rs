//! Host side of `shaders/reduce.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{
    Access, Array, Gpu, Program, Reduce, Result, buffer,
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
    columns: u32,
    accumulate: u32,
    weight: f32,
    part_size: u32,
    pad: u32,
}

pub(super) const PROGRAM: Program = Program {
    name: "reduce",
    source: include_str!("../../../shaders/reduce.wgsl"),
    bindings: &[Access::Read, Access::Read, Access::Read, Access::Write],
    params: size_of::<Params>(),
    example: &[("OPERATION", Constant::U32(0)), ("EACH", Constant::Bool(false))],
};

/// Columns of a workgroup.
const COLUMNS: usize = 16;
/// Rows of a part of column sums, at least: each thread of a workgroup adds 16.
const LEAST_ROWS: usize = 256;
/// Workgroups of so many threads that fill a device, for one of the largest products'.
const FILLING: f64 = 8.0;

/// The rows of each part of column sums, where workgroups that sum whole columns do not fill a device.
fn part_rows(device: f64, rows: usize, columns: usize) -> usize {
    let wanted = (FILLING * device) as usize / columns.div_ceil(COLUMNS);
    rows.div_ceil(wanted.clamp(1, (rows / LEAST_ROWS).max(1))).max(1)
}

/// Values of a part of a sum over a whole array: 256 a thread. The order of such a sum is the same on
/// every device.
const PART_VALUES: usize = 65_536;
/// The operation that sums the parts of such a sum.
const SUM: u32 = 5;

/// The caller holds `sequence`.
pub(super) fn reduce(gpu: &Gpu, call: Reduce<'_>, x: &Array, out: &mut Array) -> Result<()> {
    let (rows, columns) = x.shape();
    let mut params = Params {
        rows: rows as u32,
        columns: columns as u32,
        part_size: PART_VALUES as u32,
        ..Params::zeroed()
    };
    let unused = gpu.unused()?;
    let out = buffer("reduce", "out", out)?;
    let (mut other, mut each, mut has_each) = (None, None, false);
    // Workgroups of a part, and the values that it leaves.
    let (mut parts, mut groups, mut width) = (x.len().div_ceil(PART_VALUES), 1, 1);
    let mut accumulates = false;
    let operation = match call {
        Reduce::ColumnSum { weights, accumulate } => {
            let part_rows = part_rows(gpu.filling, rows, columns);
            parts = rows.div_ceil(part_rows).max(1);
            (groups, width, accumulates) = (columns.div_ceil(COLUMNS), columns, accumulate);
            params.part_size = part_rows as u32;
            params.accumulate = u32::from(accumulate && parts == 1);
            (params.weight, each) = row_weights("reduce", weights)?;
            has_each = each.is_some();
            0
        }
        Reduce::SumOfSquares => 1,
        Reduce::SquaredDistance(array) => {
            other = Some(buffer("reduce", "other", array)?);
            2
        }
        Reduce::NonFinite => 3,
        Reduce::RowDot(array) => {
            other = Some(buffer("reduce", "other", array)?);
            has_each = array.rows() > 1;
            (parts, groups) = (1, rows.div_ceil(16));
            4
        }
    };
    let in_parts = match parts {
        1 => None,
        parts => Some(gpu.scratch("parts of sums", parts * width)?),
    };
    let source = buffer("reduce", "x", x)?;
    let run = |operation, params: &Params, source, target, groups: usize, work: usize| {
        gpu.dispatch(Dispatch {
            program: &PROGRAM,
            constants: &[
                ("OPERATION", Constant::U32(operation)),
                ("EACH", Constant::Bool(has_each)),
            ],
            params: bytemuck::bytes_of(params),
            buffers: &[source, other.unwrap_or(&unused), each.unwrap_or(&unused), target],
            groups: groups as u32,
            work: work as f64,
        })
    };
    run(operation, &params, source, in_parts.as_ref().unwrap_or(out), parts * groups, x.len())?;
    match &in_parts {
        None => Ok(()),
        Some(sums) if operation == 0 => sum_parts(gpu, sums, (parts, columns), accumulates, out),
        Some(sums) => {
            let count = parts as u32;
            let params = Params { rows: count, columns: 1, part_size: count, ..params };
            run(SUM, &params, sums, out, 1, parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_columns_of_many_rows_are_summed_in_parts() {
        let parts = |device: f64, rows: usize, columns| {
            let part = part_rows(device, rows, columns);
            assert!(part > 0 && (rows.div_ceil(part) - 1) * part < rows, "no part is empty");
            rows.div_ceil(part)
        };
        // 4,096 chains and 500 examples of a 784-500 on a large GPU: 784 workgroups, and 49.
        assert_eq!([parts(128.0, 4096, 784), parts(128.0, 500, 784)], [16, 1]);
        assert_eq!(parts(128.0, 65_536, 784), 20, "more would not run at once");
        assert_eq!(parts(128.0, 4096, 65_536), 1, "columns alone fill the device");
        assert_eq!([parts(8.0, 4096, 784), parts(8.0, 4097, 17)], [1, 16]);
        assert_eq!([parts(128.0, 1, 1), parts(128.0, 511, 1), parts(128.0, 512, 1)], [1, 1, 2]);
    }
}
