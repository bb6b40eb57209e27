//! Rows of results, scored by PESQ and PLCMOS.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};

use crate::{Fault, call::Heard, clips::Clip, trace::Trace};

/// One clip over one trace.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) clip: String,
    pub(crate) trace: String,
    /// All RTP payload bytes.
    pub(crate) kbps: f64,
    /// Mean over the frames played from their own packet of playout start less arrival.
    pub(crate) delay_ms: f64,
    /// PESQ-WB (ITU-T P.862.2), 1..=4.64; `null`: not scored.
    pub(crate) pesq_wb: Option<f64>,
    /// PLCMOS; `null`: not scored.
    pub(crate) plcmos: Option<f64>,
    /// Fraction of samples that were concealed.
    pub(crate) concealed: f64,
    #[serde(skip)]
    reference: PathBuf,
    #[serde(skip)]
    degraded: PathBuf,
}

impl Row {
    pub(crate) fn new(clip: &Clip, trace: &Trace, heard: &Heard, degraded: PathBuf) -> Self {
        Self {
            clip: clip.name.clone(),
            trace: trace.name.clone(),
            kbps: heard.kbps,
            delay_ms: heard.delay_ms,
            pesq_wb: None,
            plcmos: None,
            concealed: heard.concealed,
            reference: clip.path.clone(),
            degraded,
        }
    }
}

#[derive(Serialize)]
struct Pair<'a> {
    clip: &'a str,
    trace: &'a str,
    reference: &'a PathBuf,
    degraded: &'a PathBuf,
}

#[derive(Deserialize)]
struct Scores {
    pesq_wb: f64,
    plcmos: f64,
}

/// Scores all rows by `score.sh`, which makes its Python environment where there is none.
pub(crate) fn score(rows: &mut [Row]) -> Result<(), Fault> {
    let pairs: Vec<_> = rows
        .iter()
        .map(|row| Pair {
            clip: &row.clip,
            trace: &row.trace,
            reference: &row.reference,
            degraded: &row.degraded,
        })
        .collect();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut scorer = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/score.sh"))
        .args(["--jobs", &jobs.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("score.sh: {error}"))?;
    if let Some(mut stdin) = scorer.stdin.take() {
        stdin.write_all(&serde_json::to_vec(&pairs)?)?;
    }
    let output = scorer.wait_with_output()?;
    if !output.status.success() {
        return Err("the scores could not be made: see above".into());
    }
    let scores: Vec<Scores> = serde_json::from_slice(&output.stdout)?;
    if scores.len() != rows.len() {
        return Err(format!("{} scores for {} rows", scores.len(), rows.len()).into());
    }
    for (row, scores) in rows.iter_mut().zip(scores) {
        row.pesq_wb = Some(scores.pesq_wb);
        row.plcmos = Some(scores.plcmos);
    }
    Ok(())
}

/// Prints the means over all clips of each trace.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "{:<12} {:>6} {:>8} {:>7} {:>7} {:>9}",
        "trace", "kbps", "delay ms", "PESQ", "PLCMOS", "concealed"
    );
    for of_trace in rows.chunk_by(|a, b| a.trace == b.trace) {
        let mean = |value: &dyn Fn(&Row) -> f64| of_trace.iter().map(value).sum::<f64>() / of_trace.len() as f64;
        println!(
            "{:<12} {:>6.1} {:>8.1} {:>7.2} {:>7.2} {:>8.1} %",
            of_trace.first().map_or("", |row| row.trace.as_str()),
            mean(&|row| row.kbps),
            mean(&|row| row.delay_ms),
            mean(&|row| row.pesq_wb.unwrap_or(f64::NAN)),
            mean(&|row| row.plcmos.unwrap_or(f64::NAN)),
            mean(&|row| 100.0 * row.concealed),
        );
    }
}
