#!/usr/bin/env bash
# What a listener hears over bad networks, in virtual time: benches/playout over the clips of tests/speech, with 32.5 and with
# 46 kbit/s, then over ten other seeds of every loss; writes target/bench/playout-*.json and draws docs/pesq-over-loss.svg from the
# latter. About a quarter of an hour.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
out=$target/bench
bench() {
  "$target/release/playout-bench" --clips tests/speech --traces "$out/$1" --max-kbps "$2" --json "$out/$3"
}

mkdir -p "$out"
rm -rf "$out/traces" "$out/fresh-traces"
python3 benches/playout/traces.py --out "$out/traces"
# Nothing was tuned on these. Without loss all seeds are the same.
python3 benches/playout/traces.py --out "$out/fresh-traces" --only clean
python3 benches/playout/traces.py --out "$out/fresh-traces" --only rnd5 rnd10 rnd20 rnd30 ge10 ge20 ge30 \
  --seed 101 102 103 104 105 106 107 108 109 110

bench traces 32.5 playout-32.5.json
bench traces 46 playout-46.json
bench fresh-traces 32.5 playout-fresh-32.5.json
bench fresh-traces 46 playout-fresh-46.json
python3 benches/playout/picture.py --out docs/pesq-over-loss.svg \
  "ours, 32.5 kbit/s=$out/playout-fresh-32.5.json" "ours, 46 kbit/s=$out/playout-fresh-46.json"
