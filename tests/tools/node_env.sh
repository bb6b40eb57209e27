#!/usr/bin/env bash
# Installs the npm packages of FOLDER exactly as its package-lock.json says, where that was not done yet: `node_env.sh FOLDER`.
set -euo pipefail

cd "${1:?usage: node_env.sh FOLDER}"
cmp -s package-lock.json node_modules/.installed-lock.json && exit 0
echo "installing npm packages in $1 ..." >&2
npm ci --no-audit --no-fund --loglevel=error >&2
# Written last: an installation that was not finished is made again.
cp package-lock.json node_modules/.installed-lock.json
