// @ts-check
// For a new machine: installs kcat where that takes no more than apt-get. Without it, what kcat checks is skipped, loudly.
import { spawnSync } from 'node:child_process'
import { hasKcat } from './requirements.mjs'

if (hasKcat()) console.error('kcat is installed')
else if (!install())
  console.error('SKIPPED: kcat is not installed, and apt-get cannot install it here; nothing is read back with kcat')

/** @returns {boolean} */
function install() {
  if (process.getuid?.() !== 0) return false
  const apt = (/** @type {string[]} */ ...args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 10 * 60_000,
    }).status === 0
  return apt('update', '-q') && apt('install', '-q', '-y', '--no-install-recommends', 'kcat') && hasKcat()
}
