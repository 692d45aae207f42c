#!/usr/bin/env bash
# .venv: the host's Python packages, exactly as requirements/all.lock pins them, and this project itself, editable.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"

# What was installed last time, so that a second run takes no time.
packages=$(cat requirements/build.lock requirements/all.lock | sha256sum)
project=$(sed '/^\[tool.ruff\]/,$d' pyproject.toml | sha256sum) # what follows are settings of checkers
installed() { [ "$(cat ".venv/installed-$1" 2>/dev/null)" = "$2" ]; }

find_python() { # the first Python of at least 3.11 that can make virtual environments, else any of at least 3.11
  local name path any=
  for name in "${PYTHON:-}" python3 /usr/bin/python3 python3.11 python3.12 python3.13 python3.14; do
    path=$(command -v "$name" 2>/dev/null) || continue
    "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    any=${any:-$path}
    if "$path" -c 'import ensurepip, venv' 2>/dev/null; then
      echo "$path"
      return
    fi
  done
  echo "$any"
}

make_venv() {
  rm -rf .venv
  "$python" -m venv .venv
}

# Packages first made installable (pip, setuptools), then everything by hash, then the project without any look-up.
install_packages() {
  .venv/bin/python -m pip install --require-hashes --requirement requirements/build.lock
  .venv/bin/python -m pip install --require-hashes --no-build-isolation --requirement requirements/all.lock
}
install_project() {
  .venv/bin/python -m pip install --no-deps --no-build-isolation --no-index --editable .
  .venv/bin/python -m pip check
}

if .venv/bin/python -c '' 2>/dev/null && installed packages "$packages" && installed project "$project"; then
  say "✓ Python packages"
  exit
fi
python=$(find_python)
if [ -z "$python" ]; then
  give_up "no Python of version 3.11 or newer was found." \
    "Install one (Debian: apt-get install python3 python3-venv), or name one: PYTHON=/path/to/python3 $0"
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if is_root && is_debian; then
    step apt-venv "Installing python3-venv" apt_install python3-venv
  else
    give_up "$python cannot make virtual environments (it lacks ensurepip)." \
      "Run once: sudo apt-get install python3-venv    (or your system's package for it)"
  fi
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  step venv "Making the virtual environment with $("$python" --version)" make_venv
fi
if ! installed packages "$packages"; then
  step packages "Installing the Python packages" install_packages
  echo "$packages" >.venv/installed-packages
fi
step project "Installing this project" install_project
echo "$project" >.venv/installed-project
