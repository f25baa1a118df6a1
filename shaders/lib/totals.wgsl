// Totals over the threads of a workgroup of 256, for 16 chains at a time, in a fixed order. Every
// thread keeps its parts of all chains to itself until a total is asked for.
// Constant: GROUPS, of 16 chains each.

var<private> parts: array<f32, GROUPS * 16u>;
var<workgroup> sums: array<f32, 256>; // [chain of the group][16 threads in a row]

// The total of chain `thread` of a group, in the first 16 threads. All threads must call it.
fn total(group: u32, thread: u32) -> f32 {
    let segment = thread / 16u;
    workgroupBarrier();
    sums[thread] = 0.0;
    workgroupBarrier();
    // The threads of a segment add to its sums by turns.
    for (var turn = 0u; turn < 16u; turn++) {
        if thread % 16u == turn {
            for (var chain = 0u; chain < 16u; chain++) {
                sums[chain * 16u + segment] += parts[group * 16u + chain];
            }
        }
        workgroupBarrier();
    }
    var sum = 0.0;
    if thread < 16u {
        for (var other = 0u; other < 16u; other++) {
            sum += sums[thread * 16u + other];
        }
    }
    return sum;
}
