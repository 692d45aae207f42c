#!/usr/bin/env bash
# What 'docker compose up' needs: the images, and .env with their names and this machine's numbers. Starts nothing.
set -euo pipefail
# shellcheck source=scripts/steps.sh
source "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
cd "$root"

scripts/setup_venv.sh
scripts/setup_engine.sh
.venv/bin/python images/build.py --compose

home=${SANDBOX_HOME:-$root/.sandbox/compose}
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
tag() { .venv/bin/python -c 'import json, sys; print(json.load(open(".sandbox/images.json"))[sys.argv[1]]["tag"])' "$1"; }

# What somebody wrote there stays: only our own lines are written anew.
touch .env
{
  grep -vE '^(SANDBOX_(HOME|HOUSE_IMAGE|ENGINE_IMAGE|POSTGRES_IMAGE|DOCKER_GROUP)=|# Written by)' .env || true
  echo "# Written by scripts/compose.sh; lines that you add stay."
  echo "SANDBOX_HOME=$home"
  echo "SANDBOX_HOUSE_IMAGE=$(tag house)"
  echo "SANDBOX_ENGINE_IMAGE=$(tag engine)"
  echo "SANDBOX_POSTGRES_IMAGE=${SANDBOX_POSTGRES_IMAGE:-$(tag postgres)}"
  echo "SANDBOX_DOCKER_GROUP=$(stat --format %g "${socket#unix://}")"
} >.env.new
mv .env.new .env
say "✓ .env"
# The tour's public data come in packages that the containers do not have.
.venv/bin/python -m sandbox.demo.datasets "$home/demo-data"
if docker compose version >/dev/null 2>&1; then
  echo "Now: docker compose up"
elif command -v docker-compose >/dev/null; then
  echo "Now: docker-compose up"
else
  echo "Now install Docker Compose (Debian: apt-get install docker-compose), then: docker-compose up"
fi
