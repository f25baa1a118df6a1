// Which workgroups of a kernel a dispatch runs. The host cuts kernels that would keep a GPU too long;
// see Gpu::dispatch in src/device/gpu/queue.rs. A grid is folded at 32,768 groups, and what it has past
// the last group must return at once:
//     let number = grid_number(group);
//     if number >= params.end_group {
//         return;
//     }
// The including shader has `params` with first_group and end_group, which the host fills in.

fn grid_number(group: vec3<u32>) -> u32 {
    return params.first_group + group.x + group.y * 32768u;
}
