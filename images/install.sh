#!/bin/sh
# Inside an image's build: /opt/venv from the lock, compiled, without pip and without a trace of the host's settings.
# /tmp is a tmpfs here. Missing .pyc files would be compiled anew at each start, since the root is read-only then.
set -eu
export PIP_CONFIG_FILE=/run/build/pip.conf PIP_CERT=/run/build/ca.pem NETRC=/run/build/netrc
export PIP_CACHE_DIR=/run/build/cache PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m venv --without-pip /opt/venv
python3 -m venv /tmp/pip
pip() { /tmp/pip/bin/pip --python /opt/venv/bin/python "$@"; }
pip install --require-hashes --no-deps --only-binary :all: --no-compile --progress-bar off --requirement /run/build/lock
pip check
# What no notebook opens: the libraries' own tests (the larger ones), headers, and the maps of minified scripts.
cd /opt/venv
rm -rf include share/man
cd lib/python3*/site-packages
for library in matplotlib pandas pyarrow scipy sklearn statsmodels; do
  [ ! -d "$library" ] || find "$library" -type d -name tests -prune -exec rm -rf {} +
done
rm -rf pyarrow/include
# It builds a parser when it is imported: 0.8 s of every start of a notebook. jsonschema does without, and then leaves
# one format unchecked (iri), which nothing here uses.
rm -rf rfc3987_syntax rfc3987_syntax-*.dist-info
find /opt/venv -name '*.js.map' -delete
[ ! -d jupyterlab/staging ] || find jupyterlab/staging -type f ! -name package.json -delete # the server reads that one
/opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash .
