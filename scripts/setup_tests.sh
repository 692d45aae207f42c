#!/usr/bin/env bash
# What only the tests need: a Chromium to drive, PostgreSQL's programs for a database that the tests start themselves,
# and a local Spark with its Java.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium fonts-liberation)
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
if [ ${#missing[@]} -eq 0 ]; then
  say "✓ Chromium, PostgreSQL and Java for the tests"
elif is_root && is_debian; then
  step apt-tests "Installing for the tests: ${missing[*]}" apt_install "${missing[@]}"
else
  give_up "the tests need ${missing[*]}, which only root can install (on Debian or Ubuntu)." \
    "Run once: sudo scripts/setup_tests.sh" \
    "Without them: make test-fast"
fi

spark=$(sha256sum <"$root/requirements/spark.lock")
install_spark() {
  "$root/.venv/bin/python" -m pip install --require-hashes --no-build-isolation --requirement "$root/requirements/spark.lock"
  echo "$spark" >"$root/.venv/installed-spark"
}
if [ "$(cat "$root/.venv/installed-spark" 2>/dev/null)" = "$spark" ]; then
  say "✓ Spark for the tests"
else
  step spark "Installing Spark for the tests" install_spark
fi
