#!/usr/bin/env bash
# Scores what the playout bench heard: makes the Python environment where it is missing, then runs score.py
# (pairs as JSON on stdin, the same with scores on stdout). Stays in the caller's folder, by which the paths in the pairs go.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

python=$("$root/tests/tools/python_env.sh" "$root/benches/playout/requirements.txt")
exec "$python" "$root/benches/playout/score.py" "$@"
