#!/usr/bin/env bash
# From a bare machine to a ready system. What is done already is passed over; run it as often as you like.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
started=$SECONDS
echo "Setting up (output of each step: .sandbox/logs)"
"$here/setup_venv.sh"
"$here/setup_proxy.sh"
"$here/setup_pages.sh"
"$here/setup_engine.sh"
"$here/../.venv/bin/python" "$here/../images/build.py" "$@"
echo "Ready after $((SECONDS - started)) s."
