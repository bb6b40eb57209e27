#!/usr/bin/env bash
# What a listener hears of real speech over a clean link: `publish` and `play` as separate processes against the server.
# Prints and writes target/bench/speech.json: PESQ-WB (ITU-T P.862.2), longest gap, delay, correlation for each clip.
set -euo pipefail
cd "$(dirname "$0")/.."

out=target/bench
mkdir -p "$out"
python=$(tests/tools/python_env.sh tests/tools/speech-requirements.txt)
exec "$python" benches/speech.py --bin target/release --out "$out" "$@"
