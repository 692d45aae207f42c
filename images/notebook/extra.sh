#!/bin/sh
# Packages that the operator adds for everybody: the wheels in images/notebook/wheels, without a network and without
# running any of their code. What they need has to be there, in the lock or beside them.
set -eu
ls /run/build/wheels/*.whl >/dev/null 2>&1 || exit 0
python3 -m venv /tmp/pip
pip() { /tmp/pip/bin/pip --python /opt/venv/bin/python --isolated "$@"; }
pip install --no-index --no-deps --only-binary :all: --no-compile --progress-bar off /run/build/wheels/*.whl
pip check
cd /opt/venv/lib/python3*/site-packages
/opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash .
