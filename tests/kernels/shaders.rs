//! Every variant of every shader against its host side, through naga; needs no GPU.

use std::path::Path;

use ergodic::{
    device::gpu::{Access, Constant, Matrices, PROGRAMS, Program, Tile},
    wgpu::naga::{
        AddressSpace, GlobalVariable, Module, ShaderStage, StorageAccess, TypeInner,
        front::wgsl,
        proc::{GlobalCtx, Layouter},
        valid::{Capabilities, ValidationFlags, Validator},
    },
};

type Constants = Vec<(&'static str, Constant)>;

/// The constants of every variant that the host side can ask for: those of the example, each over
/// its whole range.
fn variants(program: &Program) -> Vec<Constants> {
    if ["gibbs", "anneal", "temper"].contains(&program.name) {
        // The states fill 16 KiB at most, with the sums of anneal and temper, and what temper knows
        // of its replicas.
        let (fixed, each) = match program.name {
            "gibbs" => (0, 0),
            "anneal" => (1024, 0),
            _ => (1024, 12),
        };
        let of_tile = |tile: Tile| {
            let most = (16_384 - fixed - each * tile.chains) / 4 / tile.words();
            [2, 19, most].map(|units| tile.constants(units).to_vec())
        };
        let mut variants: Vec<_> = Tile::all().flat_map(of_tile).collect();
        if program.name == "gibbs" {
            variants.extend(matrix_tiles().map(|(tile, units)| tile.constants(units as u32)));
        }
        return variants;
    }
    // The tiles that the host can ask for: WORDS = QUADS · units; with 16 bytes for each of THREADS
    // and QUADS and 16 for flags, all fill 16 KiB at most.
    let tiles =
        [(4, 32, 12), (4, 64, 952), (2, 64, 782), (2, 256, 764), (1, 128, 894), (1, 256, 766)];
    if program.name == "langevin" {
        let mut variants = Vec::new();
        for (quads, threads, words) in tiles {
            for choice in 0..2 * 4 * 3 {
                variants.push(vec![
                    ("QUADS", Constant::U32(quads)),
                    ("THREADS", Constant::U32(threads)),
                    ("WORDS", Constant::U32(words)),
                    ("METROPOLIS", Constant::Bool(choice % 2 == 1)),
                    ("NONLINEARITY", Constant::U32(choice / 2 % 4)),
                    ("HEAD", Constant::U32(choice / 8)),
                ]);
            }
        }
        return variants;
    }
    let mut variants: Vec<Constants> = vec![Vec::new()];
    for (name, example) in program.example {
        let values: Vec<Constant> = match (*example, *name) {
            (Constant::Bool(_), _) => [false, true].map(Constant::Bool).to_vec(),
            (Constant::U32(_), "ACTIVATION") => (0..7).map(Constant::U32).collect(),
            (Constant::U32(_), "COMPANION") => (0..3).map(Constant::U32).collect(),
            (Constant::U32(_), "PASS") => (0..2).map(Constant::U32).collect(),
            (Constant::U32(_), "SIZE") => [8, 16].map(Constant::U32).to_vec(),
            (Constant::U32(_), "TILE") => [32, 64, 128].map(Constant::U32).to_vec(),
            // More operations than a program has take its last branch.
            (Constant::U32(_), "OPERATION") => (0..14).map(Constant::U32).collect(),
            (example, _) => vec![example],
        };
        variants = variants
            .iter()
            .flat_map(|variant| {
                values.iter().map(|value| [variant.clone(), vec![(*name, *value)]].concat())
            })
            .collect();
    }
    variants
}

/// Tiles with cooperative matrices of subgroups of 8 to 64 threads, and units to sample with them.
fn matrix_tiles() -> impl Iterator<Item = (Tile, usize)> {
    let matrices = [8, 16]
        .into_iter()
        .flat_map(|size| [4, 8, 16, 32].map(|subgroups| Matrices { size, subgroups }));
    matrices.flat_map(Matrices::tiles).flat_map(|tile| [2, 19, 1284].map(|units| (tile, units)))
}

/// What a device must offer beyond the base for a variant.
fn capabilities(program: &Program, constants: &[(&str, Constant)]) -> Capabilities {
    let by_matrices = constants.iter().any(|(_, value)| matches!(value, Constant::Part(_)));
    match (by_matrices, program.name) {
        (true, _) => {
            Capabilities::COOPERATIVE_MATRIX | Capabilities::SHADER_FLOAT16 | Capabilities::SUBGROUP
        }
        (false, "split") => Capabilities::SHADER_FLOAT16,
        (false, _) => Capabilities::empty(),
    }
}

/// Calls `check` with every variant of every program, assembled, parsed and validated for a
/// device that offers nothing beyond the base, but where a variant is only for devices that do.
fn for_each_variant(check: impl Fn(&str, &Program, &Module)) {
    for program in PROGRAMS {
        for constants in std::iter::once(program.example.to_vec()).chain(variants(program)) {
            let what = format!("{} {constants:?}", program.name);
            let source = program.assemble(&constants).unwrap_or_else(|error| panic!("{error}"));
            let module = wgsl::parse_str(&source)
                .unwrap_or_else(|error| panic!("{what}: {}", error.emit_to_string(&source)));
            Validator::new(ValidationFlags::all(), capabilities(program, &constants))
                .validate(&module)
                .unwrap_or_else(|error| panic!("{what}: {}", error.emit_to_string(&source)));
            check(&what, program, &module);
        }
    }
}

fn globals(module: &Module, space: fn(&AddressSpace) -> bool) -> Vec<&GlobalVariable> {
    module.global_variables.iter().map(|(_, global)| global).filter(|g| space(&g.space)).collect()
}

#[test]
fn there_is_one_entry_point_of_at_most_256_threads() {
    for_each_variant(|what, _, module| {
        let [entry] = &module.entry_points[..] else { panic!("{what}: not one entry point") };
        assert_eq!((entry.name.as_str(), entry.stage), ("main", ShaderStage::Compute), "{what}");
        assert!(entry.workgroup_size.iter().product::<u32>() <= 256, "{what}");
    });
}

#[test]
fn bindings_are_those_that_the_host_makes() {
    for_each_variant(|what, program, module| {
        let mut found: Vec<_> = globals(module, |space| {
            matches!(space, AddressSpace::Uniform | AddressSpace::Storage { .. })
        })
        .into_iter()
        .map(|global| {
            let binding = global.binding.unwrap_or_else(|| panic!("{what}: no binding"));
            (binding.group, binding.binding, global.space)
        })
        .collect();
        found.sort_by_key(|(_, binding, _)| *binding);
        let storage = program.bindings.iter().map(|access| AddressSpace::Storage {
            access: match access {
                Access::Read => StorageAccess::LOAD,
                Access::Write => StorageAccess::LOAD | StorageAccess::STORE,
            },
        });
        let spaces = std::iter::once(AddressSpace::Uniform).chain(storage);
        let wanted: Vec<_> =
            spaces.enumerate().map(|(index, space)| (0, index as u32, space)).collect();
        assert_eq!(found, wanted, "{what}");
    });
}

#[test]
fn uniform_parameters_lie_as_in_the_host_struct() {
    for_each_variant(|what, program, module| {
        let uniforms = globals(module, |space| *space == AddressSpace::Uniform);
        let [uniform] = uniforms[..] else { panic!("{what}: not one uniform") };
        let TypeInner::Struct { members, span } = &module.types[uniform.ty].inner else {
            panic!("{what}: the uniform is no struct")
        };
        assert_eq!(*span as usize, program.params, "{what}: bytes");
        // The host structs are made of 4-byte fields without gaps.
        assert_eq!(members.len() * 4, program.params, "{what}: number of members");
        for (index, member) in members.iter().enumerate() {
            assert_eq!(member.offset as usize, 4 * index, "{what}: {:?}", member.name);
            let inner = &module.types[member.ty].inner;
            assert!(matches!(inner, TypeInner::Scalar(s) if s.width == 4), "{what}: {inner:?}");
        }
    });
}

fn workgroup_bytes(what: &str, module: &Module) -> usize {
    let mut layouter = Layouter::default();
    let context = module.to_ctx();
    update(&mut layouter, context, what);
    let shared = globals(module, |space| *space == AddressSpace::WorkGroup);
    shared.iter().map(|global| layouter[global.ty].size as usize).sum()
}

fn has_matrices(module: &Module) -> bool {
    module.types.iter().any(|(_, ty)| matches!(ty.inner, TypeInner::CooperativeMatrix { .. }))
}

/// But for variants with cooperative matrices, which are only for devices with room for them.
#[test]
fn workgroup_memory_fits_the_base_limit() {
    for_each_variant(|what, _, module| {
        let bytes = workgroup_bytes(what, module);
        assert!(bytes <= 16_384 || has_matrices(module), "{what}: {bytes} bytes");
    });
}

#[test]
fn workgroup_memory_of_cooperative_matrices_is_what_the_host_reckons() {
    let gibbs = PROGRAMS.iter().find(|program| program.name == "gibbs").unwrap();
    for (tile, units) in matrix_tiles() {
        let what = format!("{tile:?}, {units} units");
        let module = wgsl::parse_str(&gibbs.assemble(&tile.constants(units as u32)).unwrap());
        assert_eq!(workgroup_bytes(&what, &module.unwrap()), tile.bytes(units), "{what}");
    }
}

fn update(layouter: &mut Layouter, context: GlobalCtx<'_>, what: &str) {
    layouter.update(context).unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// Names of the files with an extension in a folder of the repository, without it.
fn names(folder: &str, extension: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_kernel_is_found_by_its_name() {
    let shaders = names("shaders", "wgsl");
    let mut programs: Vec<_> = PROGRAMS.iter().map(|program| program.name.to_string()).collect();
    programs.sort();
    assert_eq!(shaders, programs, "shaders/NAME.wgsl and gpu::PROGRAMS");
    let hosts = names("src/device/gpu", "rs");
    for name in &shaders {
        assert!(hosts.contains(name), "shaders/{name}.wgsl has no src/device/gpu/{name}.rs");
    }
    let library = names("shaders/lib", "wgsl");
    for name in &shaders {
        let path = format!("{}/shaders/{name}.wgsl", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            if let Some(import) = line.trim().strip_prefix("#import") {
                let import = import.trim().to_string();
                assert!(library.contains(&import), "shaders/{name}.wgsl imports {import}");
            }
        }
    }
}
