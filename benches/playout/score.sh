#!/usr/bin/env bash
# Scores what the playout bench heard: makes the Python environment where it is missing, then runs score.py
# (pairs as JSON on stdin, the same with scores on stdout).
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(tests/tools/python_env.sh benches/playout/requirements.txt)
exec "$python" benches/playout/score.py "$@"
