//! Cooperative matrices (tensor cores) for `gibbs`: which adapters have what
//! `shaders/lib/half_sweep_matrix.wgsl` needs, its tiles, and the check that stands before its use.

use serde::{Deserialize, Serialize};
use wgpu::{CooperativeScalarType, Features};

use super::{Array, Gibbs, Gpu, Kernels, Result, gibbs, program::Constant, tile::Tile};
use crate::random::{HostRng, Stream};

/// Cooperative matrices of f16 whose products are summed in f32, as a device has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Matrices {
    /// Side of the squares: 16, or 8 where there is no other.
    pub size: u32,
    /// Subgroups that a workgroup of 256 threads has at most.
    pub subgroups: u32,
}

/// What a device must be opened with.
pub const FEATURES: Features =
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(Features::SHADER_F16).union(Features::SUBGROUP);

impl Matrices {
    /// What an adapter offers; none where it lacks one of the [`FEATURES`] or the types.
    pub fn of(adapter: &wgpu::Adapter) -> Option<Self> {
        if !adapter.features().contains(FEATURES) {
            return None;
        }
        let offered = adapter.cooperative_matrix_properties();
        let fits = |size: &u32| {
            offered.iter().any(|found| {
                [found.m_size, found.n_size, found.k_size] == [*size; 3]
                    && found.ab_type == CooperativeScalarType::F16
                    && found.cr_type == CooperativeScalarType::F32
            })
        };
        let info = adapter.get_info();
        // Metal cannot be asked; where it has such matrices, its subgroups have 32 threads.
        let is_metal = info.backend == wgpu::Backend::Metal;
        let least = if is_metal { 32 } else { info.subgroup_min_size };
        let subgroups = 256u32.checked_div(least).filter(|count| *count > 0)?;
        [16, 8].into_iter().find(fits).map(|size| Self { size, subgroups })
    }

    /// Every tile there is; a subgroup takes four squares of chains.
    pub fn tiles(self) -> impl Iterator<Item = Tile> {
        let spans = (1..=256 / (4 * self.size)).filter(|spans| [1, 2, 3, 4, 6, 8].contains(spans));
        spans.map(move |spans| Tile {
            blocks: 0,
            part: 0,
            chains: 4 * self.size * spans,
            matrices: Some(self),
        })
    }

    /// Bytes of workgroup memory beside the states: two buffers of factors, and a square of sums for
    /// every subgroup.
    pub(super) fn bytes(self, chains: usize) -> usize {
        let (size, subgroups) = (self.size as usize, self.subgroups as usize);
        2 * 2 * DEPTH * size * (chains + 8) + 4 * subgroups * size * (size + 4)
    }

    /// The constants of `lib/half_sweep_matrix.wgsl`.
    pub(super) fn constants(self) -> Vec<(&'static str, Constant)> {
        let [left, right, sum] = if self.size == 16 {
            ["coop_mat16x16<f16, A>", "coop_mat16x16<f16, B>", "coop_mat16x16<f32, C>"]
        } else {
            ["coop_mat8x8<f16, A>", "coop_mat8x8<f16, B>", "coop_mat8x8<f32, C>"]
        };
        vec![
            ("half_sweep", Constant::Part("half_sweep_matrix")),
            ("SIZE", Constant::U32(self.size)),
            ("SUBGROUPS", Constant::U32(self.subgroups)),
            ("Left", Constant::Alias(left)),
            ("Right", Constant::Alias(right)),
            ("Sum", Constant::Alias(sum)),
        ]
    }
}

/// Squares along k in a buffer.
const DEPTH: usize = 2;

/// Visible and hidden units of the problem on which a tile must agree, which fill no square.
const SHAPE: (usize, usize) = (150, 90);
/// How far means may be apart: a unit's input is of order 1, and off by some 1e-6 either way.
const CLOSE: f32 = 1e-5;

impl Gpu {
    /// Whether a tile with cooperative matrices draws what a tile without draws, on a problem with
    /// random weights: a driver may have them and multiply wrongly. States may differ where a uniform
    /// is 1e-5 from its probability or closer, which is one in 50,000.
    ///
    /// # Errors
    /// The device refuses the kernel, or is lost.
    pub fn agrees(&self, tile: Tile) -> Result<bool> {
        let problem = Problem::new(tile.chains as usize + 5);
        let plain = Tile { blocks: 1, part: 4, chains: 4, matrices: None };
        let (wanted, found) = (problem.ends(self, plain)?, problem.ends(self, tile)?);
        let apart = |at: usize| wanted[at].iter().zip(&found[at]).filter(|(a, b)| a != b).count();
        let states = problem.chains * (SHAPE.0 + SHAPE.1);
        let means = wanted[2].iter().zip(&found[2]).all(|(a, b)| (a - b).abs() <= CLOSE);
        Ok(means && apart(0) + apart(1) <= 3 + states / 5000)
    }

    fn filled(&self, rows: usize, columns: usize, values: &[f32]) -> Result<Array> {
        let mut array = Array { rows, columns, storage: self.allocate(rows, columns)? };
        self.write(&mut array, 0, values)?;
        Ok(array)
    }
}

/// Chains to sample with random weights.
struct Problem {
    chains: usize,
    weights: Vec<f32>,
    visible_bias: Vec<f32>,
    hidden_bias: Vec<f32>,
    visible: Vec<f32>,
    hidden: Vec<f32>,
}

impl Problem {
    fn new(chains: usize) -> Self {
        let (d, h) = SHAPE;
        let mut rng = HostRng::new(0, Stream::Data, 0);
        let mut normals = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.normal()).collect() };
        let weights = normals(d * h).iter().map(|w| 0.2 * w).collect();
        let (visible_bias, hidden_bias) = (normals(d), normals(h));
        let mut bits =
            |n: usize| normals(n).iter().map(|x| f32::from(u8::from(*x < 0.0))).collect();
        let (visible, hidden) = (bits(chains * d), bits(chains * h));
        Self { chains, weights, visible_bias, hidden_bias, visible, hidden }
    }

    /// The visible states that a sweep draws, then the hidden ones that it draws from visible units
    /// which are held, and their means.
    fn ends(&self, gpu: &Gpu, tile: Tile) -> Result<[Vec<f32>; 3]> {
        let [drawn, _, _] = self.sweep(gpu, tile, None)?;
        let held = gpu.filled(1, SHAPE.0, &[1.0; SHAPE.0])?;
        let [_, hidden, means] = self.sweep(gpu, tile, Some(&held))?;
        Ok([drawn, hidden, means])
    }

    /// Visible states, hidden states and hidden means after one sweep.
    fn sweep(&self, gpu: &Gpu, tile: Tile, clamp: Option<&Array>) -> Result<[Vec<f32>; 3]> {
        let ((d, h), n) = (SHAPE, self.chains);
        let mut visible = gpu.filled(n, d, &self.visible)?;
        let mut hidden = gpu.filled(n, h, &self.hidden)?;
        let mut hidden_means = gpu.filled(n, h, &vec![f32::NAN; n * h])?;
        let call = Gibbs {
            weights: &gpu.filled(d, h, &self.weights)?,
            visible_bias: &gpu.filled(1, d, &self.visible_bias)?,
            hidden_bias: &gpu.filled(1, h, &self.hidden_bias)?,
            visible: &mut visible,
            hidden: &mut hidden,
            hidden_means: &mut hidden_means,
            clamp,
            beta: 1.0,
            sweeps: 1,
            seed: 0,
            first_step: 0,
        };
        gibbs::by_tile(gpu, &call, tile)?;
        let read = |array: &Array| pollster::block_on(gpu.read_back(array));
        Ok([read(&visible)?, read(&hidden)?, read(&hidden_means)?])
    }
}
