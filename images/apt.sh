#!/bin/sh
# Inside an image's build: the named Debian packages, through the host's package sources when the base carries none.
set -eu
packages=$*
set -- -o Acquire::Languages=none -o Dir::Cache::archives=/tmp/archives
if [ ! -s /etc/apt/sources.list ] && [ -z "$(ls /etc/apt/sources.list.d 2>/dev/null)" ] && [ -s /run/build/sources.list ]; then
  export APT_CONFIG=/run/build/apt.conf
  set -- "$@" -o Dir::Etc::sourcelist=/run/build/sources.list -o Dir::Etc::sourceparts=- \
    -o Acquire::https::CAInfo=/run/build/ca.pem
fi
mkdir -p /tmp/archives/partial
apt-get "$@" update
apt-get "$@" install --yes --no-install-recommends $packages # words, on purpose
rm -rf /tmp/archives /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/*
