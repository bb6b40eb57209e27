//! What it costs a server to be one of a cloud, while all its rooms are its own: the same one alone and beside a broker, alternating.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::broker::Broker;
use super::fan_out::{FAN_OUTS, FanOut, middle, run_server};
use super::rig::{Measured, Outcome, Rig};

/// Both servers, with and without `[cluster]`, in one scenario. Times are microseconds of CPU for each packet that a listener got.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct InACloudResult {
    pub(crate) name: String,
    pub(crate) alone_us: f64,
    pub(crate) in_a_cloud_us: f64,
    pub(crate) ratio: f64,
    pub(crate) alone_runs_us: Vec<f64>,
    pub(crate) in_a_cloud_runs_us: Vec<f64>,
    /// Of all runs of both.
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    /// CPU of the server in the cloud while everybody is there and nobody speaks, for each second.
    pub(crate) idle_alone_ms: f64,
    pub(crate) idle_in_a_cloud_ms: f64,
}

/// The scenarios without the widest ones: what is different would be no more there.
pub(crate) fn measure(program: &Path, runs: usize, time: Duration) -> Outcome<Vec<InACloudResult>> {
    let broker = Broker::start()?;
    let in_a_cloud = Measured::InACloud {
        program: program.into(),
        broker: broker.url(),
    };
    let alone = Measured::Own(program.into());
    let scenarios = FAN_OUTS
        .iter()
        .filter(|scenario| scenario.rooms * scenario.listeners <= 1_000);
    scenarios
        .map(|scenario| compare(scenario, &alone, &in_a_cloud, runs, time))
        .collect()
}

fn compare(scenario: &FanOut, alone: &Measured, in_a_cloud: &Measured, runs: usize, time: Duration) -> Outcome<InACloudResult> {
    let mut rigs = [Rig::start(alone, "alone")?, Rig::start(in_a_cloud, "alone")?];
    for rig in &mut rigs {
        scenario.begin(rig)?;
    }
    let (mut alone, mut in_a_cloud) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        let [one, other] = &mut rigs;
        let (one, other) = (run_server(one, time)?, run_server(other, time)?);
        eprintln!(
            "  {} run {run}: alone {:.2} us, in a cloud {:.2} us",
            scenario.name, one.us, other.us
        );
        alone.push(one);
        in_a_cloud.push(other);
    }
    let idle = |rig: &Rig| -> Outcome<f64> { Ok(rig.cpu_over(time)? as f64 / 1e6 / time.as_secs_f64()) };
    let (idle_alone_ms, idle_in_a_cloud_ms) = (idle(&rigs[0])?, idle(&rigs[1])?);
    let all = || alone.iter().chain(&in_a_cloud).map(|run| &run.traffic);
    let (expected, delivered) = (
        all().map(|traffic| traffic.expected).sum(),
        all().map(|traffic| traffic.delivered).sum(),
    );
    let of = |runs: &[super::fan_out::Run]| runs.iter().map(|run| run.us).collect();
    let (alone_runs_us, in_a_cloud_runs_us) = (of(&alone), of(&in_a_cloud));
    let (alone_us, in_a_cloud_us) = (middle(&mut alone).us, middle(&mut in_a_cloud).us);
    Ok(InACloudResult {
        name: scenario.name.into(),
        alone_us,
        in_a_cloud_us,
        ratio: in_a_cloud_us / alone_us,
        alone_runs_us,
        in_a_cloud_runs_us,
        expected,
        delivered,
        idle_alone_ms,
        idle_in_a_cloud_ms,
    })
}
