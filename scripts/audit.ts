/**
 * `npm run audit`: whether what we depend on may be used (licences), and whether something of it is known to be dangerous
 * (advisories). `npm test` runs it too. Licences are read from the lock file and what is installed, without a network. For
 * advisories the registry that npm is set up with is asked; where none answers, that is said and is no failure: a clean
 * clone must be testable offline. A dependency of the running program with an advisory of high or critical severity is one.
 */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Licences that ask for no more than a notice, or only concern changes to their own files. */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MPL-2.0',
  'OFL-1.1',
  'Unlicense',
])

/** What may have another licence, and why that is no matter. */
const EXCEPTIONS: readonly {
  readonly packages: RegExp
  readonly licence: string
  readonly because: string
}[] = [
  {
    packages: /^@img\/sharp-/,
    licence: 'LGPL-3.0-or-later',
    because: 'libvips is a shared library, loaded as it is and replaceable',
  },
  {
    packages: /^@ffmpeg-binary\//,
    licence: 'GPL-3.0-or-later',
    because: 'a program of its own, started as a process and only where the machine has no ffmpeg',
  },
  { packages: /^combine-errors$/, licence: 'none', because: 'its Readme says MIT, its package.json nothing' },
]

/** Advisories that were looked at and do not concern us: the end of their address, why, and the day it is looked at again. */
const ACCEPTED: Readonly<Record<string, { readonly because: string; readonly untilDay: string }>> = {}

/** An entry of the lock file. */
export type LockedPackage = {
  readonly license?: string
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** What was found: sentences for people, and whether one of them is a failure. */
export type Finding = { readonly lines: readonly string[]; readonly failed: boolean }

/**
 * Looks at the licence of every package: paths (`node_modules/a/node_modules/b`) to entries. `installed` tells the licence
 * that the package itself names; undefined = it is not there, as those for other systems are.
 */
export function checkLicences(
  packages: Readonly<Record<string, LockedPackage>>,
  installed: (path: string) => string | undefined,
): Finding {
  const entries = Object.entries(packages).filter(([path]) => path !== '')
  const elsewhere: string[] = []
  const wrong = entries.flatMap(([path, entry]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const licence = installed(path) ?? entry.license
    if (licence === undefined && (entry.optional || entry.devOptional)) {
      elsewhere.push(name)
      return []
    }
    return isAllowed(name, licence ?? 'none')
      ? []
      : [`licences: ${name} has ${licence ?? 'none'}, which is not allowed`]
  })
  if (wrong.length > 0) return { lines: wrong, failed: true }
  const known = entries.length - elsewhere.length
  const unknown =
    elsewhere.length === 0 ? '' : `; ${elsewhere.length} for other systems are not here to be read`
  return { lines: [`licences: those of ${known} packages are allowed${unknown}`], failed: false }
}

/** SPDX 2.3 annex D, as far as packages use it: one of the alternatives must be allowed, all of its parts. */
function isAllowed(name: string, expression: string): boolean {
  const excepted = EXCEPTIONS.filter(({ packages }) => packages.test(name)).map(({ licence }) => licence)
  return expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((alternative) =>
      alternative.split(' AND ').every((part) => ALLOWED.has(part) || excepted.includes(part)),
    )
}

type Advisory = { readonly title?: string; readonly url?: string; readonly severity?: string }
type Vulnerability = { readonly name: string; readonly via: readonly (string | Advisory)[] }

/** Reads what `npm audit --json` printed; `today` as `2026-11-21`. */
export function checkAdvisories(
  printed: string,
  today: string,
  accepted: typeof ACCEPTED = ACCEPTED,
): Finding {
  const report = parseReport(printed)
  if (report?.vulnerabilities === undefined) {
    const why = report?.message ?? report?.error?.summary ?? report?.error?.code ?? 'npm printed no report'
    return {
      lines: [`advisories: NOT CHECKED, since the registry does not answer (${why.split('\n', 1)[0]})`],
      failed: false,
    }
  }
  const found = Object.values(report.vulnerabilities).flatMap(({ name, via }) =>
    // A text is the name of the package whose advisory it is; that one has an entry of its own.
    via.flatMap((each) => (typeof each === 'string' ? [] : [judge(name, each, { today, accepted })])),
  )
  if (found.length === 0) return { lines: ['advisories: none for what the program runs on'], failed: false }
  return { lines: found.map(({ line }) => line), failed: found.some(({ fails }) => fails) }
}

function judge(
  name: string,
  { title = '', url = '', severity = 'unknown' }: Advisory,
  { today, accepted }: { today: string; accepted: typeof ACCEPTED },
): { line: string; fails: boolean } {
  const pardon = accepted[url.slice(url.lastIndexOf('/') + 1)]
  const pardoned = pardon !== undefined && today <= pardon.untilDay
  const line = `advisories: ${name}: ${title} (${severity}) ${url}${pardoned ? `; accepted until ${pardon.untilDay}: ${pardon.because}` : ''}`
  return { line, fails: !pardoned && severity !== 'low' && severity !== 'moderate' && severity !== 'info' }
}

type Report = {
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>
  readonly message?: string
  readonly error?: { readonly summary?: string; readonly code?: string }
}

function parseReport(printed: string): Report | undefined {
  try {
    return JSON.parse(printed) as Report
  } catch {
    return undefined
  }
}

/** What npm prints; its own failure is a report, too. */
function askRegistry(): Promise<string> {
  const script = process.env.npm_execpath
  const [program, ...before] = script?.endsWith('.js') ? [process.execPath, script] : ['npm']
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=15000']
  return new Promise((resolve) => {
    const child = spawn(program, [...before, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] })
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.once('error', ({ message }) => resolve(JSON.stringify({ message })))
    child.once('close', () => resolve(Buffer.concat(parts).toString()))
  })
}

function installedLicence(path: string): string | undefined {
  try {
    const text = readFileSync(join(ROOT, path, 'package.json'), 'utf8')
    const named = JSON.parse(text) as { license?: string; licenses?: readonly { type?: string }[] }
    // The list is how packages said it before SPDX.
    return named.license ?? named.licenses?.map(({ type }) => type ?? 'none').join(' OR ')
  } catch {
    return undefined
  }
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>
  }
  const findings = [
    checkLicences(lock.packages, installedLicence),
    checkAdvisories(await askRegistry(), new Date().toISOString().slice(0, 10)),
  ]
  for (const line of findings.flatMap(({ lines }) => lines)) process.stdout.write(`${line}\n`)
  if (findings.some(({ failed }) => failed)) process.exitCode = 1
}
