#!/usr/bin/env bash
# What only the tests need: a Chromium to drive, PostgreSQL's programs for a database that the tests start themselves,
# a local Spark with its Java, Docker Compose, an OpenID Connect provider, a validator of RO-Crates, and R's image.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium fonts-liberation)
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing+=(fonts-droid-fallback fontconfig) # Chinese, for the pictures
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
{ command -v docker-compose || docker compose version; } >/dev/null 2>&1 || missing+=(docker-compose)
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
if [ ${#missing[@]} -eq 0 ]; then
  say "✓ Chromium, PostgreSQL, Java and Docker Compose for the tests"
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

# The validator of RO-Crates: it asks for an older rich than the sandbox's, so it has an environment of its own.
validator=$root/.venv/rocrate
crates=$(sha256sum <"$root/tests/standards/rocrate.lock")
install_validator() {
  rm -rf "$validator"
  "$root/.venv/bin/python" -m venv "$validator"
  "$validator/bin/pip" install --require-hashes --requirement "$root/tests/standards/rocrate.lock"
  echo "$crates" >"$validator/installed"
}
if [ "$(cat "$validator/installed" 2>/dev/null)" = "$crates" ]; then
  say "✓ RO-Crate validator for the tests"
else
  step rocrate "Installing the RO-Crate validator for the tests" install_validator
fi

# The OpenID Connect provider that the tests sign in with, run by the Node that a Python package carries.
provider=$root/.venv/oidc-provider
wanted=$(cat "$root"/tests/e2e/provider/package.json "$root"/tests/e2e/provider/package-lock.json | sha256sum)
install_provider() {
  trust_this_machine
  rm -rf "$provider"
  mkdir "$provider"
  cp "$root/tests/e2e/provider/package.json" "$root/tests/e2e/provider/package-lock.json" "$provider"
  (cd "$provider" && npm_of_the_venv ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier)
}
if [ "$(cat "$provider/installed" 2>/dev/null)" = "$wanted" ]; then
  say "✓ OpenID Connect provider for the tests"
else
  step provider "Installing the OpenID Connect provider for the tests" install_provider
  echo "$wanted" >"$provider/installed"
fi

# The rules of accessibility that every page is held against in the browser.
axe=$root/.venv/axe
rules=$(cat "$root"/tests/e2e/axe/package.json "$root"/tests/e2e/axe/package-lock.json | sha256sum)
install_axe() {
  trust_this_machine
  rm -rf "$axe"
  mkdir "$axe"
  cp "$root/tests/e2e/axe/package.json" "$root/tests/e2e/axe/package-lock.json" "$axe"
  (cd "$axe" && npm_of_the_venv ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier)
}
if [ "$(cat "$axe/installed" 2>/dev/null)" = "$rules" ]; then
  say "✓ rules of accessibility for the tests"
else
  step axe "Installing the rules of accessibility for the tests" install_axe
  echo "$rules" >"$axe/installed"
fi

# The one image that set-up builds on demand.
"$root/.venv/bin/python" "$root/images/build.py" --only r
