#!/usr/bin/env bash
# Writes requirements/*.lock from pyproject.toml and requirements/*.in: pinned, with hashes, with no address.
# Also the package-lock.json of the proxy, of the pages, and of the tests' OpenID Connect provider and rules of accessibility.
# all.lock comes first and constrains the others, so that a package has one version on the host and in every image.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"
[ -x .venv/bin/python ] || scripts/setup_venv.sh

uv=$(command -v uv || echo "$root/.sandbox/lock-tool/bin/uv")
if [ ! -x "$uv" ]; then
  install_uv() { .venv/bin/python -m venv .sandbox/lock-tool && .sandbox/lock-tool/bin/pip install uv; }
  step lock-tool "Fetching uv, which writes the locks" install_uv
fi

compile() { # NAME, the rest goes to uv; a lock that exists keeps its versions unless --upgrade is given
  local name=$1
  shift
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --custom-compile-command 'make lock' --output-file "requirements/$name.lock" "$@"
}
engine_requirements() { # without the client's own dependencies: the engine draws no charts
  .venv/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["engine"], sep="\n")'
}
lock_everything() {
  compile build requirements/build.in "$@"
  compile all pyproject.toml requirements/build.in --extra engine --extra server --extra demo --extra dev \
    --constraints requirements/build.lock "$@"
  compile spark requirements/spark.in --constraints requirements/all.lock "$@"
  compile notebook pyproject.toml requirements/notebook.in --constraints requirements/all.lock "$@"
  compile house pyproject.toml --extra engine --extra server --extra kubernetes --constraints requirements/all.lock "$@"
  engine_requirements | compile engine - --constraints requirements/all.lock "$@"
}
lock_npm() { # FOLDER with a package.json
  cd "$1"
  npm_of_the_venv install \
    --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --no-update-notifier
  # A lock holds names, versions and hashes; no addresses, also not where authors ask for support.
  "$root/.venv/bin/python" - <<'PY'
import json, pathlib
lock = pathlib.Path("package-lock.json")
document = json.loads(lock.read_text())
for package in document["packages"].values():
    package.pop("funding", None)
lock.write_text(json.dumps(document, indent=2) + "\n")
PY
}
step lock "Writing requirements/*.lock" lock_everything "$@"
for folder in images/proxy images/pages tests/e2e/provider tests/e2e/axe; do
  step lock-npm "Writing $folder/package-lock.json" lock_npm "$folder"
done
