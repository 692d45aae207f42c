#!/bin/bash
# Writes the root file system that every image starts from (Debian 12, a Python, tini) as a tar to standard output.
# Runs on the host as root. It reads the packages through the host's own apt settings when the host is Debian 12 too.
# shellcheck disable=SC2016 # what is in single quotes is for apt and for mmdebstrap's own shell
set -euo pipefail

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT

# A RAM disk with room makes this twice as fast; nothing here needs to survive a power cut.
ram_free_kib=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1 || echo 0)
if [ "${ram_free_kib// /}" -gt 2000000 ] && ! findmnt --noheadings --output OPTIONS /dev/shm | grep -qwE 'noexec|nodev'; then
  export TMPDIR=/dev/shm
fi

mirror=()
apt-get indextargets --format '$(CREATED_BY) $(ORIGIN) $(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null |
  sed -nE 's/^Packages Debian bookworm[a-z-]* //p' | sort -u >"$work/sources.list" || true
if [ -s "$work/sources.list" ]; then mirror=("$work/sources.list"); fi
apt-config dump 2>/dev/null | grep -E '^Acquire::(https?|Retries|Check-)' >"$work/apt.conf" || true

# Set-uid programs have no use in a container without privileges; caches, manuals and settings of this host stay out.
mmdebstrap --quiet --variant=minbase \
  --include=python3,python3-venv,tini,ca-certificates,libgomp1 \
  --aptopt="$work/apt.conf" --aptopt='Acquire::Languages "none"' \
  --dpkgopt=force-unsafe-io \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook='find "$1/usr" -type f -perm /6000 -exec chmod ug-s {} +' \
  --customize-hook='rm -rf "$1"/etc/apt/sources.list* "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap' \
  --customize-hook='rm -rf "$1"/etc/resolv.conf "$1"/etc/hostname "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*' \
  bookworm - "${mirror[@]}"
