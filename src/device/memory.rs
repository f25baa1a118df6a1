//! How much of the machine's memory a program may still take.

use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// Bytes that the machine and the control group of this process (a container's, a batch system's
/// job) can still give; `None` on systems that do not tell. Takes well under a millisecond.
pub(super) fn available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let machine = Some(system.available_memory()).filter(|bytes| *bytes > 0)?;
    let group = left_by_group(&mut system);
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// Bytes up to the limit of the control group; `None` where there is no limit.
fn left_by_group(system: &mut System) -> Option<u64> {
    let own = get_current_pid().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[own]),
        false,
        ProcessRefreshKind::nothing().without_tasks(),
    );
    let limits = system.process(own)?.cgroup_limits()?;
    // Not what is called free there: it counts copies of files, which are given back when asked for.
    Some(limits.total_memory.saturating_sub(limits.rss))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An allocation that nobody could give is refused, and a small one is not.
    #[test]
    fn between_nothing_and_all_of_the_machine() {
        let mut system = System::new().unwrap();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let available = available().expect("this system tells");
        assert!(available > 1 << 20, "{available}");
        assert!(available < system.total_memory(), "{available} of {}", system.total_memory());
    }
}
