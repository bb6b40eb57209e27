#!/usr/bin/env bash
# A Python environment with what REQUIREMENTS lists: `python_env.sh REQUIREMENTS` makes it where it is missing or out of date
# and prints the path of its python. Environments lie in target/python/, one for each requirements file.
set -euo pipefail

requirements=$(realpath "${1:?usage: python_env.sh REQUIREMENTS}")
root=$(cd "$(dirname "$0")/../.." && pwd)
name=$(realpath --relative-to "$root" "$requirements" | tr '/.' '--')
venv=${CARGO_TARGET_DIR:-$root/target}/python/$name

# Tests that run side by side ask at the same time: the first makes it, the others wait for it.
mkdir -p "$(dirname "$venv")"
exec 9> "$venv.lock"
flock 9

if ! cmp -s "$requirements" "$venv/installed.txt"; then
  echo "making a Python environment for ${requirements#"$root"/} ..." >&2
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" -q --disable-pip-version-check install -r "$requirements" >&2
  # Written last: an environment that was not finished is made again.
  cp "$requirements" "$venv/installed.txt"
fi
echo "$venv/bin/python"
