#!/usr/bin/env bash
# What only the tests need: a Chromium to drive, PostgreSQL's programs for a database that the tests start themselves,
# and a Java for their Spark.
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
