#!/usr/bin/env bash
# Gives each peer an environment of its own under .sandbox/bench-envs: their requirements contradict one another.
# A peer that cannot be installed leaves the end of pip's output in NAME.failed, and the report says so.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
envs=.sandbox/bench-envs
mkdir -p "$envs"
python=${PYTHON:-python3.11}

install() { # name, then what pip is asked for
  local name=$1
  shift
  local wanted="$*"
  if [[ -f $envs/$name/installed && $(<"$envs/$name/installed") == "$wanted" ]]; then
    return
  fi
  echo "benchmarks: installing $name"
  rm -rf "${envs:?}/$name" "$envs/$name.failed"
  if "$python" -m venv "$envs/$name" >"$envs/$name.log" 2>&1 &&
    "$envs/$name/bin/pip" install --quiet --disable-pip-version-check "$@" >>"$envs/$name.log" 2>&1; then
    echo "$wanted" >"$envs/$name/installed"
  else
    # No address of a registry belongs in a report.
    tail -n 3 "$envs/$name.log" | sed -E 's#https?://[^ ]+#(address)#g' >"$envs/$name.failed"
  fi
}

install opendp 'opendp[polars]==0.16.*' 'pyarrow'
install smartnoise 'smartnoise-sql' 'pyarrow' 'setuptools<81' # it still asks for pkg_resources
install pipelinedp 'pipeline-dp==0.3.1' 'pandas' 'pyarrow'
install pydp 'python-dp==1.1.5' 'pandas' 'pyarrow'
install tumult 'tmlt.analytics==0.21.0' 'pandas' 'pyarrow' 'setuptools' # Spark needs Java as well
install diffprivlib 'diffprivlib==0.6.6' 'scikit-learn<1.9' 'pandas' 'pyarrow'
