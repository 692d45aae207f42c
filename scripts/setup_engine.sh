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

# gVisor beside runc: a kernel of its own for researchers' containers. Only for the machine's own engine, which takes a new
# runtime without a restart; where it cannot be had, everything goes on with runc.
#   platform       systrap where the build has it, else ptrace (Debian 12), which is slower; kvm hangs in a virtual machine
#   network=host   "the host" is the container's own, empty, namespace: its carrier shares that one
#   oci-seccomp    keep to our list of system calls; otherwise it is ignored
add_gvisor() {
  if [ -n "${DOCKER_HOST:-}" ] || ! is_root || ! is_debian || has_gvisor; then return; fi
  local pid
  pid=$(cat /var/run/docker.pid 2>/dev/null) || return 0
  if tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qE -- '^--(add-runtime|config-file)'; then
    say "… gVisor: this engine has its runtimes from its command line; see docs/how-to/engines.md"
    return
  fi
  if ! command -v runsc >/dev/null; then
    if ! apt-cache show runsc >/dev/null 2>&1; then
      say "… gVisor: no package runsc for this system; runc is used"
      return
    fi
    step apt-gvisor "Installing gVisor" apt_install runsc
  fi
  for platform in systrap ptrace; do
    if timeout 30 runsc --platform="$platform" --network=host do true >/dev/null 2>&1; then
      step gvisor "Giving the container engine gVisor ($platform)" register_gvisor "$platform" "$pid"
      return
    fi
  done
  say "… gVisor: it does not run on this machine; runc is used"
}

has_gvisor() { client info --format '{{range $name, $_ := .Runtimes}}{{println $name}}{{end}}' | grep -qx runsc; }

# The file as it was comes back when the engine does not take the new one.
register_gvisor() { # PLATFORM PID
  mkdir -p /etc/docker
  [ -e "$engine_config" ] || echo '{}' >"$engine_config"
  cp -p "$engine_config" "$engine_config.before-gvisor"
  "$(command -v python3 || echo "$root/.venv/bin/python")" - "$engine_config" "$(command -v runsc)" "$1" <<'PY'
import json, os, sys
file, program, platform = sys.argv[1:]
settings = json.load(open(file))
flags = [f"--platform={platform}", "--network=host", "--oci-seccomp"]
settings.setdefault("runtimes", {})["runsc"] = {"path": program, "runtimeArgs": flags}
with open(f"{file}.new", "w") as new:
    new.write(json.dumps(settings, indent=2) + "\n")
os.replace(f"{file}.new", file)
PY
  kill -HUP "$2"
  local _
  for _ in $(seq 20); do
    if has_gvisor; then
      rm "$engine_config.before-gvisor"
      return
    fi
    sleep 0.2
  done
  mv "$engine_config.before-gvisor" "$engine_config"
  kill -HUP "$2"
  echo "The engine did not take it; its settings are as before, and runc is used."
}

if answers; then
  say "✓ container engine $(client version --format '{{.Server.Version}}')"
  add_gvisor
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
add_gvisor
