#!/usr/bin/env bash
# Gives the attack on trained models an environment of its own in the home, from a lock with hashes (about 500 MB).
# Without it, models that ask to leave are for people alone.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"
env=${SANDBOX_HOME:-.sandbox}/attack
lock=requirements/attack.lock
if [[ -f $env/installed ]] && cmp -s "$lock" "$env/installed"; then
  exit 0
fi
install_attack() {
  rm -rf "$env"
  "${PYTHON:-python3.11}" -m venv "$env"
  "$env/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$lock"
  cp "$lock" "$env/installed"
}
step attack "Installing what attacks trained models" install_attack
