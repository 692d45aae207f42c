#!/usr/bin/env bash
# What the portal's pages run in a browser: two libraries from npm, each with its licence, beside our own few lines.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"

vendor=sandbox/portal/static/vendor
wanted=$(cat images/pages/package.json images/pages/package-lock.json scripts/setup_pages.sh | sha256sum)

install_pages() {
  local from=.venv/pages
  trust_this_machine
  rm -rf "$from" "$vendor"
  mkdir "$from" "$vendor"
  cp images/pages/package.json images/pages/package-lock.json "$from"
  (cd "$from" && npm_of_the_venv ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier)
  local htmx=$from/node_modules/htmx.org editor=$from/node_modules/codemirror
  cp "$htmx/dist/htmx.min.js" "$vendor"
  cp "$htmx/LICENSE" "$vendor/htmx.LICENSE"
  cp "$editor/lib/codemirror.js" "$editor/lib/codemirror.css" "$editor/mode/sql/sql.js" \
    "$editor/addon/hint/show-hint.js" "$editor/addon/hint/show-hint.css" "$editor/addon/hint/sql-hint.js" \
    "$editor/addon/edit/matchbrackets.js" "$editor/addon/display/placeholder.js" "$vendor"
  cp "$editor/LICENSE" "$vendor/codemirror.LICENSE"
}

if [ "$(cat "$vendor/installed" 2>/dev/null)" = "$wanted" ]; then
  say "✓ what the portal's pages run"
  exit
fi
step pages "Fetching what the portal's pages run" install_pages
echo "$wanted" >"$vendor/installed"
