# Sourced by the scripts that people run: installs the project's packages where they are missing or older than the
# lockfile, and puts the pinned Node first in PATH. Needs any Node from 20 on with its npm; writes node_modules only.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

if ! command -v npm >/dev/null 2>&1; then
  echo "npm was not found: install Node.js 20 or newer with npm, then run this again" >&2
  exit 1
fi

# npm writes node_modules/.package-lock.json at the end of a complete installation.
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "installing packages (once, about half a minute) ..." >&2
  # Accounts of services often have no home, where npm would keep its cache.
  if [ -z "${npm_config_cache:-}" ] && [ ! -w "${HOME:-/nonexistent}" ]; then
    export npm_config_cache="$root/build/npm-cache"
  fi
  if ! npm ci >"$root/node_modules.install.log" 2>&1; then
    cat "$root/node_modules.install.log" >&2
    echo "npm ci failed: see above" >&2
    exit 1
  fi
  rm -f "$root/node_modules.install.log"
  if [ ! -x node_modules/.bin/node ]; then
    echo "npm ran no install scripts, which bring Node 24 and PostgreSQL: run npm ci --ignore-scripts=false first" >&2
    exit 1
  fi
  touch node_modules/.package-lock.json
fi

export PATH="$root/node_modules/.bin:$PATH"
