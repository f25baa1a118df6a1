// A 64 x 64 tile of a product by 256 threads, 4 x 4 values a thread. The including shader gives
// matmul_lhs(row, k) and matmul_rhs(k, column), which answer 0 outside their operand.
// Must be called in uniform control flow.

var<workgroup> matmul_a: array<vec4<f32>, 256>; // [k][row / 4], 16 x 16
var<workgroup> matmul_b: array<vec4<f32>, 256>; // [k][column / 4], 16 x 16

// Column r of the result holds row 4 * (thread / 16) + r of the tile, its four values the columns
// from 4 * (thread % 16) on.
fn matmul_tile(first_row: u32, first_column: u32, depth: u32, thread: u32) -> mat4x4<f32> {
    var sum = mat4x4<f32>();
    let k_local = thread / 16u;
    let quad = thread % 16u;
    for (var k = 0u; k < depth; k += 16u) {
        let row = first_row + 4u * quad;
        let column = first_column + 4u * quad;
        let kk = k + k_local;
        workgroupBarrier();
        matmul_a[thread] = vec4<f32>(matmul_lhs(row, kk), matmul_lhs(row + 1u, kk),
            matmul_lhs(row + 2u, kk), matmul_lhs(row + 3u, kk));
        matmul_b[thread] = vec4<f32>(matmul_rhs(kk, column), matmul_rhs(kk, column + 1u),
            matmul_rhs(kk, column + 2u), matmul_rhs(kk, column + 3u));
        workgroupBarrier();
        for (var i = 0u; i < 16u; i++) {
            let a = matmul_a[i * 16u + k_local];
            let b = matmul_b[i * 16u + quad];
            sum += mat4x4<f32>(a.x * b, a.y * b, a.z * b, a.w * b);
        }
    }
    return sum;
}
