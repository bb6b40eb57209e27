#!/usr/bin/env bash
# What the voice chain makes of echo, noise and two who talk at once, and what it costs: the figures of docs/processing.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
out=$target/bench/voices
python=$(tests/tools/python_env.sh tests/tools/speech-requirements.txt)
"${VOICES:-$target/release/voices}" --out "$out" "$@"
"$python" benches/voices/score.py tests/speech "$out"
