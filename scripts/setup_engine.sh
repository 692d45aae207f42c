#!/usr/bin/env bash
# The container engine: uses the one that answers, else installs and starts Debian's own (root only).
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

engine_log=/var/log/sandbox-dockerd.log # beside the engine's data, since it outlives this checkout
engine_config=/etc/docker/daemon.json

# Debian's client builds with BuildKit on its own; a bare newer one may lack its buildx plugin.
client() { if [ -x /usr/bin/docker ]; then /usr/bin/docker "$@"; else docker "$@"; fi; }
answers() { client version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Every line is there for a reason:
#   icc, userland-proxy   containers on a default bridge cannot talk to each other; no extra listener per port
#   no-new-privileges     set-uid programs gain nothing, whatever a container asks for
#   log-opts              a chatty container cannot fill the disk
engine_settings() {
  cat <<JSON
{
  "storage-driver": "$(storage_driver)",
  "iptables": $(firewall_works && echo true || echo false),
  "userland-proxy": false,
  "icc": false,
  "no-new-privileges": true,
  "log-driver": "json-file",
  "log-opts": {"max-size": "10m", "max-file": "3"}
}
JSON
}

firewall_works() { iptables --table nat --list >/dev/null 2>&1; }

# overlay2 when the file system of the engine's data can carry it; some virtual machines cannot.
storage_driver() {
  local trial driver=vfs
  mkdir -p /var/lib/docker
  trial=$(mktemp --directory /var/lib/docker/trial.XXXXXX)
  mkdir "$trial"/{lower,upper,work,merged}
  if mount --types overlay overlay "$trial/merged" \
    --options "lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" 2>/dev/null; then
    umount "$trial/merged"
    driver=overlay2
  elif command -v fuse-overlayfs >/dev/null; then
    driver=fuse-overlayfs
  fi
  rm -rf "$trial"
  echo "$driver"
}

# A pid file left by a crash makes dockerd refuse to start (or wait for a stranger) when its number was given out again.
forget_stale_pid() { # PID-FILE PROGRAM
  [ -f "$1" ] || return 0
  [ "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" = "$2" ] || rm -f "$1"
}

start_engine() {
  mkdir -p /etc/docker
  [ -e "$engine_config" ] || engine_settings >"$engine_config"
  if [ -d /run/systemd/system ]; then
    systemctl enable --now docker
  else
    forget_stale_pid /var/run/docker.pid dockerd
    forget_stale_pid /var/run/docker/containerd/containerd.pid containerd
    # A session of its own: it must outlive this shell.
    (cd / && setsid --fork dockerd >>"$engine_log" 2>&1 </dev/null)
  fi
  local _
  for _ in $(seq 150); do
    if answers; then return; fi
    sleep 0.2
  done
  tail -n 30 "$engine_log" 2>/dev/null || journalctl --unit docker --lines 30 || true
  return 1
}

explain() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    give_up "no container engine answers at DOCKER_HOST ($DOCKER_HOST)." \
      "Start that engine, or unset DOCKER_HOST to use the default one."
  elif [ -S "${XDG_RUNTIME_DIR:-/nowhere}/docker.sock" ]; then
    give_up "the engine of your own user is there, but not asked for." \
      "Run: export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock    then once more."
  elif [ -S /var/run/docker.sock ] && ! [ -w /var/run/docker.sock ]; then
    give_up "the container engine of this machine does not let the user $(id -un) in." \
      "Run: sudo usermod --append --groups docker $(id -un)    then log in again." \
      "(Members of that group can become root: use a machine of its own.)"
  elif is_debian; then
    give_up "no container engine answers, and only root can install or start one." \
      "Run once: sudo scripts/setup_engine.sh" \
      "and:      sudo usermod --append --groups docker $(id -un)    then log in again."
  fi
  give_up "no container engine answers, and this script can install one on Debian and Ubuntu only." \
    "Install Docker Engine 20.10 or newer, start it, and run this once more."
}

if answers; then
  say "✓ container engine $(client version --format '{{.Server.Version}}')"
  exit
fi
if [ -n "${DOCKER_HOST:-}" ] || ! is_root || ! is_debian; then explain; fi
missing=()
for program in dockerd:docker.io iptables:iptables mmdebstrap:mmdebstrap; do
  command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  step apt-engine "Installing the container engine (${missing[*]})" apt_install "${missing[@]}"
fi
if ! answers; then # where systemd runs, the package has started it
  step engine "Starting the container engine" start_engine
fi
