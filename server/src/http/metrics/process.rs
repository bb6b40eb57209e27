//! What the system says of this process, under the names that Prometheus' own libraries have for it.

use std::fmt;

use procfs::process::{self, LimitValue};
use procfs::{page_size, ticks_per_second};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// This process; `None` is what the system does not tell.
#[derive(Debug, Default)]
pub(super) struct Process {
    cpu_s: Option<f64>,
    resident_bytes: Option<u64>,
    threads: Option<u64>,
    started_unix_s: Option<f64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
}

impl Process {
    pub(super) fn read() -> Self {
        let Ok(this) = process::Process::myself() else {
            return Self::default();
        };
        let stat = this.stat().ok();
        let stat = stat.as_ref();
        let ticks = ticks_per_second() as f64;
        Self {
            cpu_s: stat.map(|stat| (stat.utime + stat.stime) as f64 / ticks),
            resident_bytes: stat.map(|stat| stat.rss.saturating_mul(page_size())),
            threads: stat.and_then(|stat| u64::try_from(stat.num_threads).ok()),
            started_unix_s: stat.and_then(|stat| started(stat.starttime as f64 / ticks)),
            open_fds: this.fd_count().ok().map(|count| count as u64),
            max_fds: this.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
                LimitValue::Value(value) => Some(value),
                LimitValue::Unlimited => None,
            }),
        }
    }
}

/// Seconds after the system's start, as Unix time.
fn started(after_boot_s: f64) -> Option<f64> {
    let booted = procfs::boot_time_secs().ok()?;
    Some(booted as f64 + after_boot_s)
}

impl Collector for Process {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(cpu) = self.cpu_s {
            let help = "CPU time used by the whole process.";
            let encoder = to.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
            ConstCounter::new(cpu).encode(encoder)?;
        }
        let gauges = [
            (
                "process_resident_memory",
                "Memory in RAM.",
                Some(&Unit::Bytes),
                self.resident_bytes.map(|bytes| bytes as f64),
            ),
            (
                "process_threads",
                "Threads of the system.",
                None,
                self.threads.map(|threads| threads as f64),
            ),
            (
                "process_start_time",
                "When the process started, in Unix time.",
                Some(&Unit::Seconds),
                self.started_unix_s,
            ),
            (
                "process_open_fds",
                "Open file descriptors.",
                None,
                self.open_fds.map(|fds| fds as f64),
            ),
            (
                "process_max_fds",
                "File descriptors that may be open.",
                None,
                self.max_fds.map(|fds| fds as f64),
            ),
        ];
        for (name, help, unit, value) in gauges {
            if let Some(value) = value {
                ConstGauge::new(value).encode(to.encode_descriptor(name, help, unit, MetricType::Gauge)?)?;
            }
        }
        Ok(())
    }
}
