// Installs a Debian or Ubuntu package that the scripts and tests need and that isn't there. Touches the system's packages
// only; a service that a package brings is neither started nor enabled.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The path of a program, looked for in PATH and in the folders of system programs; undefined where it isn't installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return folders.map(folder => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Why nothing can be installed here, as a sentence; undefined where it can. */
export function whyNoInstall(): string | undefined {
  if (process.getuid?.() !== 0) return 'installing packages needs root'
  if (findProgram('apt-get') === undefined)
    return 'only Debian and Ubuntu packages can be installed (no apt-get here)'
  return undefined
}

// One installation at a time on a machine (flock); the package lists are fetched only where the packages aren't in them.
// policy-rc.d keeps invoke-rc.d and systemd from starting what is installed; units that came are disabled again.
const script = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
  trap 'exit 130' HUP INT TERM
fi
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }
for package in "$@"; do apt-cache show "$package" >/dev/null 2>&1 || stale=1; done
if [ -n "$stale" ]; then apt update; fi
apt install -y --no-install-recommends "$@" || { apt update; apt install -y --no-install-recommends "$@"; }
if [ -d /run/systemd/system ]; then
  for package in "$@"; do
    units=$(dpkg -L "$package" | sed -n 's|.*/systemd/system/\\([^/]*\\.\\(service\\|socket\\)\\)$|\\1|p')
    [ -z "$units" ] || systemctl -q disable $units || true
  done
fi
`

/**
 * Installs packages by apt-get.
 * @throws Error with the end of apt's output where that fails, or with the reason why it can't be tried.
 */
export async function aptInstall(packages: readonly string[]): Promise<void> {
  const obstacle = whyNoInstall()
  if (obstacle !== undefined) throw new Error(`${packages.join(', ')}: ${obstacle}`)
  const lock = existsSync('/run/lock') ? '/run/lock/juice-apt' : '/tmp/juice-apt.lock'
  const output: Buffer[] = []
  const child = spawn('flock', [lock, '/bin/sh', '-c', script, 'apt', ...packages], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  if (code === 0) return
  const text = Buffer.concat(output).toString().trim().split('\n').slice(-15).join('\n')
  throw new Error(`apt-get could not install ${packages.join(', ')}:\n${text}`)
}
