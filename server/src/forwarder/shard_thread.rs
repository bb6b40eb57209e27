//! What is known of a shard's thread from outside: whether it lives, and what it used of the CPU.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use nix::unistd::gettid;

/// One shard as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardStatus {
    /// Whether its thread runs. One that ended takes no packets and does not come back.
    pub alive: bool,
    /// CPU time that its thread used since it started; `None` once it ended, or where the kernel does not tell
    /// (`/proc/self/task/TID/schedstat`).
    pub cpu: Option<Duration>,
}

/// Shared by a shard's thread, which writes twice in its life, and the handle.
#[derive(Debug, Default)]
pub(crate) struct ShardThread {
    /// 0 before the thread runs.
    id: AtomicI32,
    ended: AtomicBool,
}

impl ShardThread {
    /// Runs `shard` on the calling thread, which is known from then on; its end is noticed even where it panics.
    pub(crate) fn run(&self, shard: impl FnOnce()) {
        let _end = NoticesEnd(self);
        self.id.store(gettid().as_raw(), Ordering::Release);
        shard();
    }

    pub(crate) fn status(&self) -> ShardStatus {
        let alive = !self.ended.load(Ordering::Acquire);
        let id = self.id.load(Ordering::Acquire);
        // The number of a thread that ended may be another's by now.
        let cpu = (alive && id != 0).then(|| cpu_time(id)).flatten();
        ShardStatus { alive, cpu }
    }
}

struct NoticesEnd<'a>(&'a ShardThread);

impl Drop for NoticesEnd<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

fn cpu_time(thread: i32) -> Option<Duration> {
    let task = procfs::process::Process::myself().ok()?.task_from_tid(thread).ok()?;
    Some(Duration::from_nanos(task.schedstat().ok()?.sum_exec_runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_alive_before_it_runs_uses_cpu_and_is_over_after_a_panic() {
        let thread = ShardThread::default();
        assert_eq!(thread.status(), ShardStatus { alive: true, cpu: None });
        let before = std::panic::catch_unwind(|| {
            thread.run(|| {
                while thread.status().cpu.is_none_or(|cpu| cpu.is_zero()) {
                    std::hint::spin_loop();
                }
                assert!(thread.status().alive);
                std::panic::resume_unwind(Box::new("over"));
            });
        });
        assert_eq!(before.unwrap_err().downcast_ref::<&str>(), Some(&"over"));
        assert_eq!(thread.status(), ShardStatus { alive: false, cpu: None });
    }
}
