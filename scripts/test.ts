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
import { OUTCOMES, type Outcomes } from '../tests/harness/outcomes.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules/.bin')

/** Name, program of node_modules/.bin, arguments. */
const CHECKS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'biome', 'format', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types', 'tsc', '--noEmit'],
  ['types of the web pages', 'tsc', '--noEmit', '-p', 'web'],
]

/** Files that failed beside others and are run again; more of them are no chance. */
const MOST_AGAIN = 8

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

/**
 * Every test once, several files at a time. Where few files fail they are run again, alone: what fails then, too, is broken;
 * what fails only beside others is named, for it has a race or a wait that is too short.
 */
async function runTests(filters: readonly string[]): Promise<Count> {
  const first = await runVitest(filters)
  const failedFiles = first.files.filter(({ failed }) => failed > 0).map(({ file }) => file)
  if (failedFiles.length === 0 || failedFiles.length > MOST_AGAIN) return countOf(first)
  say(`Again, alone: ${failedFiles.join(' ')}`)
  const again = await runVitest([...failedFiles, '--maxWorkers=1'])
  const mended = again.files.filter(({ failed }) => failed === 0).map(({ file }) => file)
  if (mended.length > 0) say(`Failed only beside others: ${mended.join(' ')}`)
  return countOf({
    files: [...first.files.filter(({ file }) => !failedFiles.includes(file)), ...again.files],
    strayErrors: first.strayErrors + again.strayErrors,
  })
}

/** `args`: which files, and other words for vitest. What it prints is shown. */
async function runVitest(args: readonly string[]): Promise<Outcomes> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-test-'))
  try {
    const file = join(folder, 'outcomes.json')
    const reporters = ['--reporter=default', `--reporter=${join(root, 'tests/harness/outcomes.ts')}`]
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    await run(process.execPath, [vitest, 'run', ...reporters, ...args], 'show', { [OUTCOMES]: file })
    const text = await readFile(file, 'utf8').catch(() => undefined)
    return text === undefined ? { files: [], strayErrors: 1 } : (JSON.parse(text) as Outcomes)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function countOf({ files, strayErrors }: Outcomes): Count {
  const skipped = files.flatMap((file) => file.skipped.map((name) => `${file.file}: ${name}`))
  if (skipped.length > 0) say(`Skipped:\n${skipped.map((line) => `  ${line}`).join('\n')}`)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
  return {
    passed: sum(files.map(({ passed }) => passed)),
    failed: sum(files.map(({ failed }) => failed)) + strayErrors + (process.env.CI ? skipped.length : 0),
  }
}

function run(
  program: string,
  args: readonly string[],
  output: 'show' | 'collect',
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
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
