//! How speech sounds to a listener: PESQ, by the Python of `tools/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A clip of `tests/speech` by its name without the ending.
pub fn clip(name: &str) -> PathBuf {
    in_tests(&format!("speech/{name}.wav"))
}

/// A path below `tests/`.
pub fn in_tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The Python that scores speech, made where it is missing.
pub fn python() -> PathBuf {
    let mut make = Command::new(in_tests("tools/python_env.sh"));
    output(make.arg(in_tests("tools/speech-requirements.txt"))).trim().into()
}

/// PESQ-WB (ITU-T P.862.2, 1 to 4.64) of a recording, mean over the clips that were said in it; each is there at least once, whole.
pub fn mean_pesq(python: &Path, said: &[PathBuf], heard: &Path) -> f64 {
    let mut score = Command::new(python);
    let text = output(score.arg(in_tests("tools/pesq_score.py")).args(said).arg(heard));
    let scores: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let sum: f64 = scores
        .iter()
        .map(|score| score["pesq_wb"].as_f64().expect("a score is a number"))
        .sum();
    sum / scores.len() as f64
}

/// What a program prints; it must succeed.
pub fn output(command: &mut Command) -> String {
    let ran = command.output().expect("the program is there");
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("programs of the tests write UTF-8")
}
