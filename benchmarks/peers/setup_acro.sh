#!/usr/bin/env bash
# Gives ACRO an environment of its own under .sandbox/bench-envs, from a lock with hashes: it asks for an older pandas.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
env=.sandbox/bench-envs/acro
lock=benchmarks/peers/acro.lock
if [[ -f $env/installed ]] && cmp -s "$lock" "$env/installed"; then
  exit 0
fi
echo "benchmarks: installing acro"
rm -rf "$env"
"${PYTHON:-python3.11}" -m venv "$env"
"$env/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
cp "$lock" "$env/installed"
