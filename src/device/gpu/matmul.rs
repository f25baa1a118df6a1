//! Tile choice for `shaders/lib/matmul.wgsl`. All tiles take 256 threads and 16 KiB of workgroup
//! memory at most, which every device has; how many of them fill the device is what counts.

/// Workgroups of a tile of 128 that fill a device, by its kind: a large GPU has 100 to 150
/// multiprocessors, an integrated one a tenth of them; a software driver has threads.
pub(super) fn filling(device: wgpu::DeviceType) -> f64 {
    match device {
        wgpu::DeviceType::IntegratedGpu => 16.0,
        wgpu::DeviceType::Cpu => 8.0,
        _ => 128.0,
    }
}

/// A tile of `size` x `size` values.
struct Tile {
    size: usize,
    /// Workgroups that fill a device, relative to the largest tile.
    filling: f64,
    /// Multiply-adds a second of a filled device, relative to the largest tile: by what threads read
    /// from workgroup memory for each, and how many of a multiprocessor's there are to hide waits.
    speed: f64,
}

const TILES: [Tile; 3] = [
    Tile { size: 128, filling: 1.0, speed: 1.0 },
    Tile { size: 64, filling: 1.0, speed: 0.7 },
    Tile { size: 32, filling: 2.0, speed: 0.5 },
];

/// The parts of a sum are multiples of the longest block.
const BLOCK: usize = 32;
/// The most parts of a sum.
const MOST_PARTS: usize = 32;
/// What another dispatch costs, in multiply-adds of a multiprocessor (2 μs), and what a value of a
/// part does, in multiply-adds of the whole device (8 bytes).
const DISPATCH: f64 = 5e5;
const VALUE: f64 = 50.0;

/// How a product is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Side of a tile.
    pub tile: usize,
    /// Parts of the sum over k, and their length.
    pub parts: usize,
    pub part_depth: usize,
}

/// Time of a product `[rows, columns]` of sums over `depth`, in multiply-adds of a filled device.
fn cost(device: f64, tile: &Tile, (rows, columns): (usize, usize), cut: Cut) -> f64 {
    let groups = rows.div_ceil(tile.size) * columns.div_ceil(tile.size) * cut.parts;
    let busy = (groups as f64).max(device * tile.filling);
    let product = busy * (tile.size * tile.size * cut.part_depth) as f64 / tile.speed;
    let adding = match cut.parts {
        1 => 0.0,
        parts => device * DISPATCH + VALUE * (rows * columns * parts) as f64,
    };
    product + adding
}

/// The cut of least cost among tiles of at least `least` and sums in at most `most_parts` parts.
fn cheapest(
    device: f64,
    sizes: (usize, usize),
    depth: usize,
    (least, most_parts): (usize, usize),
) -> Cut {
    let mut best = (f64::INFINITY, Cut { tile: 64, parts: 1, part_depth: depth });
    for tile in TILES.iter().filter(|tile| tile.size >= least) {
        for wanted in 1..=most_parts {
            let part_depth = depth.div_ceil(wanted).next_multiple_of(BLOCK);
            let parts = depth.div_ceil(part_depth).max(1);
            let cut = Cut { tile: tile.size, parts, part_depth };
            let cost = cost(device, tile, sizes, cut);
            if cost < best.0 {
                best = (cost, cut);
            }
        }
    }
    best.1
}

/// The tile of a product whose every sum must not depend on the number of rows: none is cut.
pub(super) fn whole(device: f64, sizes: (usize, usize), depth: usize) -> usize {
    cheapest(device, sizes, depth, (0, 1)).tile
}

/// The same for sums of rows, which add up each 64 columns first.
pub(super) fn by_columns(device: f64, sizes: (usize, usize), depth: usize) -> usize {
    cheapest(device, sizes, depth, (64, 1)).tile
}

/// The cut of a product with few values and long sums.
pub(super) fn in_parts(device: f64, sizes: (usize, usize), depth: usize) -> Cut {
    cheapest(device, sizes, depth, (0, MOST_PARTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: f64 = 128.0;

    #[test]
    fn large_products_take_large_tiles_and_small_ones_fill_the_device() {
        let tile = |rows, columns| whole(LARGE, (rows, columns), 784);
        assert_eq!([tile(4096, 500), tile(65_536, 128)], [128, 128]);
        assert_eq!([tile(1024, 500), tile(2048, 500)], [64, 64]);
        assert_eq!([tile(500, 500), tile(1, 500), tile(65_536, 10)], [32, 32, 32]);
        assert_eq!(whole(filling(wgpu::DeviceType::IntegratedGpu), (500, 500), 784), 128);
        assert_eq!(by_columns(LARGE, (1, 500), 784), 64);
    }

    /// Those of tests/kernels/cuts.rs.
    #[test]
    fn a_small_device_takes_every_tile() {
        let tile = |sizes, depth| whole(0.5, sizes, depth);
        assert_eq!([tile((120, 124), 9), tile((33, 257), 20), tile((130, 70), 65)], [128, 64, 32]);
        assert_eq!(in_parts(0.5, (70, 65), 33), Cut { tile: 128, parts: 1, part_depth: 64 });
        assert_eq!(in_parts(0.5, (132, 36), 40), Cut { tile: 64, parts: 1, part_depth: 64 });
        assert_eq!([whole(8.0, (120, 124), 9), in_parts(8.0, (132, 36), 40).tile], [32, 32]);
    }

    #[test]
    fn long_sums_of_few_values_are_cut() {
        let cut = in_parts(LARGE, (784, 500), 4096);
        assert_eq!(cut, Cut { tile: 128, parts: 5, part_depth: 832 });
        assert_eq!(in_parts(LARGE, (784, 500), 500).parts, 1);
        assert_eq!(in_parts(LARGE, (784, 500), 60).parts, 1);
        assert_eq!(in_parts(LARGE, (4096, 4096), 4096).parts, 1);
        assert_eq!(in_parts(LARGE, (12, 7), 65_536).parts, MOST_PARTS);
    }

    /// Every row is in one part, and no part is empty.
    #[test]
    fn parts_cover_the_sum() {
        for depth in [1, 31, 32, 33, 500, 4096, 4097, 65_536] {
            for sizes in [(1, 1), (12, 7), (784, 500), (3000, 3000)] {
                for device in [8.0, 16.0, LARGE] {
                    let Cut { parts, part_depth, .. } = in_parts(device, sizes, depth);
                    assert!(parts * part_depth >= depth, "{depth}: {parts} x {part_depth}");
                    assert!((parts - 1) * part_depth < depth, "{depth}: {parts} x {part_depth}");
                    assert!(part_depth.is_multiple_of(BLOCK));
                }
            }
        }
    }
}
