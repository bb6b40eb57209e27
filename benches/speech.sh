#!/usr/bin/env bash
# What a listener hears of real speech over a clean link: `publish` and `play` as separate processes against the server.
# Prints and writes target/bench/speech.json: PESQ-WB (ITU-T P.862.2), longest gap, delay, correlation for each clip.
set -euo pipefail
cd "$(dirname "$0")/.."

out=target/bench
mkdir -p "$out"
venv=$out/venv
if ! "$venv/bin/python" -c 'import pesq' 2>/dev/null; then
  echo "making a Python environment with pesq, numpy and scipy in $venv ..."
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install pesq numpy scipy
fi
exec "$venv/bin/python" benches/speech.py --bin target/release --out "$out" "$@"
