import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { hasPrometheus } from './prometheus-tools.ts'

const fileIn = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const check = (file: string) => spawnSync('promtool', ['check', 'config', '--lint-fatal', file], { encoding: 'utf8' })

describe.skipIf(!hasPrometheus('the configuration of examples/monitoring is not tried'))('examples/monitoring', () => {
  test('Prometheus takes its configuration, and finds our rules', () => {
    const { status, stdout, stderr } = check(fileIn('examples/monitoring/prometheus.yml'))

    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/monitoring\/prometheus-rules\.yml\n.*rules found/)
  })

  test('so does the one in a container, with the files at their places', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ottla-compose-'))
    try {
      copyFileSync(fileIn('examples/monitoring/prometheus-compose.yml'), join(folder, 'prometheus.yml'))
      copyFileSync(fileIn('monitoring/prometheus-rules.yml'), join(folder, 'prometheus-rules.yml'))

      const { status, stdout, stderr } = check(join(folder, 'prometheus.yml'))

      expect(status, stderr).toBe(0)
      expect(stdout).toMatch(/prometheus-rules\.yml\n.*rules found/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
