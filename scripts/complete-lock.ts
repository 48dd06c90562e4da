/**
 * `node scripts/complete-lock.ts`: names in package-lock.json every optional package that another one asks for, also
 * those for systems whose packages the registry at hand does not carry. npm leaves such packages out when it writes the
 * file, and then `npm ci` refuses the file anywhere. To be run after `npm install`; tests/lock-file.test.ts watches over it.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url))

/** The parts of an entry that matter here. */
export type LockEntry = {
  readonly version?: string
  readonly dev?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optional?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Paths (`node_modules/a/node_modules/b`) to entries. */
export type LockPackages = Readonly<Record<string, LockEntry>>

/** The entries that are missing, by path. Throws for one whose version is not exact: then only npm can know it. */
export function findMissing(packages: LockPackages): Record<string, LockEntry> {
  const missing: Record<string, LockEntry> = {}
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(packages, path, name)) continue
      if (!/^\d+\.\d+\.\d+$/.test(version))
        throw new Error(`${path} asks for ${name} ${version}, which is not exact`)
      missing[`node_modules/${name}`] = describeByName(name, version, entry.dev === true)
    }
  }
  return missing
}

/** Whether Node would find `name` from the package at `path`. */
function isLocked(packages: LockPackages, path: string, name: string): boolean {
  const candidate = `${path === '' ? '' : `${path}/`}node_modules/${name}`
  if (packages[candidate]) return true
  if (path === '') return false
  const parent = path.lastIndexOf('/node_modules/')
  return isLocked(packages, parent < 0 ? '' : path.slice(0, parent), name)
}

/** Such packages say in their names what they are for; npm reads it from these fields to leave them alone. */
function describeByName(name: string, version: string, dev: boolean): LockEntry {
  const os = /android|darwin|linux|win32|freebsd|openharmony/.exec(name)?.[0]
  const cpu = /wasm32|arm64|x64|ia32|ppc64|riscv64|s390x|arm/.exec(name)?.[0]
  const libc = name.includes('musl') ? 'musl' : /linux.*gnu/.test(name) ? 'glibc' : undefined
  if (cpu === undefined) throw new Error(`${name} does not say which processor it is for`)
  return {
    version,
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    ...(dev ? { dev } : {}),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  }
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: LockPackages }
  const missing = findMissing(lock.packages)
  const entries = Object.entries({ ...lock.packages, ...missing })
  // Sorted as npm does it, so that its next run changes nothing.
  const packages = Object.fromEntries(entries.sort(([left], [right]) => left.localeCompare(right, 'en')))
  writeFileSync(FILE, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`)
  process.stdout.write(`${Object.keys(missing).length} entries added to package-lock.json\n`)
}
