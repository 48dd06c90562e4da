/**
 * `npm test`: formatting, lint, types, dependencies, then every test; with arguments
 * (`npm test -- --project unit src/media`) only the tests they choose. Ends with the line `N passed, N failed`, in which each check counts as one. Where CI is set, a
 * skipped test is a failed one.
 */

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules/.bin')

/** Name, program of node_modules/.bin, arguments. */
const CHECKS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'biome', 'format', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types', 'tsc', '--noEmit'],
  ['types of the web pages', 'tsc', '--noEmit', '-p', 'web'],
]

type Count = { passed: number; failed: number }

process.exitCode = await main(process.argv.slice(2))

async function main(filters: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  const checks = filters.length === 0 ? await runChecks() : { passed: 0, failed: 0 }
  const tests = await runTests(filters)
  const total = { passed: checks.passed + tests.passed, failed: checks.failed + tests.failed }
  say(`Took ${secondsSince(startedAt)}.`)
  say(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 ? 0 : 1
}

async function runChecks(): Promise<Count> {
  const count = { passed: 0, failed: 0 }
  // It waits for a registry, the others for the processor.
  const auditing = run(process.execPath, [join(root, 'scripts/audit.ts')], 'collect')
  for (const [name, program, ...args] of CHECKS) {
    const startedAt = performance.now()
    const { code, output } = await run(join(bin, program), args, 'collect')
    count[code === 0 ? 'passed' : 'failed'] += 1
    say(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${secondsSince(startedAt)})`)
    if (code !== 0) say(output.trimEnd())
  }
  const audit = await auditing
  count[audit.code === 0 ? 'passed' : 'failed'] += 1
  // Also what it could not look at is worth reading.
  say(`${audit.code === 0 ? 'ok    ' : 'FAILED'} dependencies\n${audit.output.trimEnd()}`)
  return count
}

async function runTests(filters: readonly string[]): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-test-'))
  try {
    const report = join(folder, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const { code } = await run(process.execPath, [vitest, 'run', ...reporters, ...filters], 'show')
    return await countTests(report, code)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Report = {
  numPassedTests: number
  numFailedTests: number
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { status: string; fullName: string }[]
  }[]
}

async function countTests(reportFile: string, code: number): Promise<Count> {
  const text = await readFile(reportFile, 'utf8').catch(() => undefined)
  if (text === undefined) return { passed: 0, failed: 1 }
  const report = JSON.parse(text) as Report
  // A file that cannot even be loaded holds no failed test, but is a failure all the same.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length
  const skipped = report.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status !== 'passed' && test.status !== 'failed')
      .map((test) => `${file.name.replace(root, '')}: ${test.fullName}`),
  )
  if (skipped.length > 0) say(`Skipped:\n${skipped.map((line) => `  ${line}`).join('\n')}`)
  const failed = report.numFailedTests + brokenFiles + (process.env.CI ? skipped.length : 0)
  return { passed: report.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed }
}

function run(
  program: string,
  args: readonly string[],
  output: 'show' | 'collect',
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: output === 'show' ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    })
    const texts: string[] = []
    child.stdout?.on('data', (bytes: Buffer) => texts.push(bytes.toString()))
    child.stderr?.on('data', (bytes: Buffer) => texts.push(bytes.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output: texts.join('') }))
  })
}

function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
