//! What a network did to each packet.

use std::path::Path;

use serde::Deserialize;

use crate::Fault;

/// A recorded or made network: entry `i`, wrapping, is what happens to packet `i`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Trace {
    pub(crate) name: String,
    /// 1: the packet is lost.
    drop: Vec<u8>,
    /// Its delay in ms, where it is not.
    delay: Vec<f64>,
}

impl Trace {
    /// Whether packet `index` is lost.
    pub(crate) fn loses(&self, index: usize) -> bool {
        self.drop[index % self.drop.len()] != 0
    }

    /// The delay of packet `index` in µs; `None`: it is lost.
    pub(crate) fn delay_us(&self, index: usize) -> Option<i64> {
        let ms = self.delay[index % self.delay.len()];
        (!self.loses(index)).then_some((ms * 1_000.0) as i64)
    }
}

/// All traces of a folder in the order of their names.
pub(crate) fn read_all(folder: &Path, only: &[String]) -> Result<Vec<Trace>, Fault> {
    let mut traces = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let trace = read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if only.is_empty() || only.contains(&trace.name) {
                traces.push(trace);
            }
        }
    }
    if traces.is_empty() {
        return Err(format!("{}: no traces (.json with name, drop, delay)", folder.display()).into());
    }
    traces.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(traces)
}

fn read(path: &Path) -> Result<Trace, Fault> {
    let trace: Trace = serde_json::from_slice(&std::fs::read(path)?)?;
    if trace.drop.is_empty() || trace.delay.is_empty() || trace.delay.iter().any(|delay| !(0.0..=60_000.0).contains(delay)) {
        return Err("`drop` and `delay` have at least one entry, delays are 0 to 60,000 ms".into());
    }
    Ok(trace)
}
