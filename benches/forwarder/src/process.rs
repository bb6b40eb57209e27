//! What a process used, by /proc.

use std::fs;
use std::io;
use std::path::Path;

/// ESRCH.
const NO_SUCH_PROCESS: i32 = 3;

/// CPU time of all threads that a process has now, nanoseconds: what the scheduler gave them (`schedstat`).
///
/// # Errors
/// The process is gone, or the kernel does not count.
pub fn cpu_ns(pid: u32) -> io::Result<u64> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        match first_number(&task?.path().join("schedstat")) {
            Ok(spent) => total += spent,
            // A thread may end while the folder, or its file, is read.
            Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// Memory of a process that is in RAM, kB.
///
/// # Errors
/// The process is gone.
pub fn rss_kb(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("process {pid} has ended")))
}

fn first_number(path: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let number = text.split_whitespace().next().and_then(|number| number.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("{} holds no number", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_cpu_and_memory() {
        let pid = std::process::id();
        let before = cpu_ns(pid).unwrap();
        let spent = (0..).map(|_| cpu_ns(pid).unwrap()).find(|after| *after > before);
        assert!(spent.is_some() && rss_kb(pid).unwrap() > 100);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu_ns(u32::MAX).is_err() && rss_kb(u32::MAX).is_err());
    }
}
