/**
 * The cage every decoder run sits in: what this system offers for it, found at start by trying, and what is missing.
 *
 * - **walls**: namespaces of the run's own, made by `bwrap` (bubblewrap) or, where that is missing, by `unshare` of
 *   util-linux. Inside there is no network, no other process, and no file but the decoder, its libraries, its inputs and
 *   its folder; all but the folder read-only. They fall with the run's first process, and with them everything in them.
 * - **own user**: a server that was started as root runs each decoder as a user of its own (`run-users.ts`).
 * - **setpriv** takes every privilege away, and has the kernel kill the run when the server dies, however it dies;
 *   **prlimit** bounds address space, processor time, file size, open files and processes; **nice** lets requests go first.
 *
 * A layer that is missing is left out and reported by `describeCage`; it is never skipped in silence. The command that
 * all of it makes is in `cage-command.ts`.
 */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, release } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Cage, CageTool } from './cage-command.ts'
import { CHILD_ENV } from './child-env.ts'
import { runCaged } from './run-caged.ts'
import { RunUsers } from './run-users.ts'
import { findVisible } from './visible-files.ts'

const execute = promisify(execFile)

/** `auto`: what the system offers; `require`: all of it or no start; `off`: neither walls nor a user of its own. */
export type CageMode = 'auto' | 'require' | 'off'

/** One line of a report on the cage. */
export type CageReport = {
  readonly layer: 'private view' | 'own user' | 'no privileges' | 'limits' | 'process limit' | 'nice'
  readonly present: boolean
  /** The program that makes it, or why it is not there. */
  readonly by: string
  readonly protects: string
  readonly remedy: string
}

/** What the search needs. `program`: the decoder; `folder`: that of the runs; made where it is missing. */
export type CageSearch = {
  readonly program: string
  readonly folder: string
  readonly mode: CageMode
  /** Where the tools are looked for, as in `PATH`; the children's own unless said otherwise. */
  readonly searchPath?: string
}

/** Below it the kernel counts a user's processes over all namespaces together (Linux 5.14, per-namespace `ucounts`). */
const COUNTS_APART = [5, 14] as const
/** A sound of 64 samples: the smallest file that a decoder reads. */
const PROBE_SAMPLES = 64
/** A layer that is refused says so at once; one that is only slow, on a busy machine, must not be taken for refused. */
const PROBE_MS = 60_000

/** Finds the layers by trying each. Leaves nothing in the folder. Throws `setting_invalid` where all are required and one is missing. */
export async function findCage(search: CageSearch): Promise<Cage> {
  const cage = await tryLayers(search)
  if (search.mode === 'require') requireAll(cage)
  return cage
}

async function tryLayers(search: CageSearch): Promise<Cage> {
  const tools = await findTools(search.searchPath ?? CHILD_ENV.PATH)
  const isRoot = process.getuid?.() === 0
  const bare: Cage = {
    tools,
    isRoot,
    walls: null,
    ownUser: false,
    visible: { links: [], folders: [], files: [] },
    countsProcesses: false,
    cores: availableParallelism(),
  }
  if (search.mode === 'off') return bare
  const ownUser = isRoot && tools.has('setpriv')
  const visible = await findVisible(search.program, tools)
  // A user's processes are counted apart where the user is the run's own, or where a namespace counts for itself.
  const countsProcesses = ownUser || (!isRoot && countsApart(release()))
  for (const walls of ['bwrap', 'unshare'] as const) {
    const cage = { ...bare, walls, ownUser, visible, countsProcesses }
    if (tools.has(walls) && (walls === 'bwrap' || tools.has('setpriv')) && (await holds(cage, search)))
      return cage
  }
  const open = { ...bare, ownUser, countsProcesses: ownUser }
  return ownUser && (await holds(open, search)) ? open : bare
}

/** Every layer, whether it is there, what it protects from and what to do when it is missing. */
export function describeCage(cage: Cage): readonly CageReport[] {
  const { tools, walls } = cage
  const privileges = tools.has('setpriv') || walls === 'bwrap'
  return [
    {
      layer: 'private view',
      present: walls !== null,
      by: walls ?? 'refused by the kernel, or no program for it',
      protects: 'a hostile file reaches no network, no file but its own and no other process',
      remedy: tools.has('bwrap')
        ? 'allow namespaces to this user (the sysctl user.max_user_namespaces, an AppArmor profile for bwrap, the rules of the container)'
        : 'install bubblewrap (Debian: sudo apt-get install bubblewrap)',
    },
    ...(cage.isRoot
      ? [
          {
            layer: 'own user' as const,
            present: cage.ownUser,
            by: cage.ownUser ? 'setpriv' : 'runs as root',
            protects: 'a decoder is not root, and no two are the same user',
            remedy: 'install util-linux (setpriv), or start the server as a plain user',
          },
        ]
      : []),
    {
      layer: 'no privileges',
      present: privileges,
      by: tools.has('setpriv') ? 'setpriv' : (walls ?? 'missing'),
      protects: 'a decoder gains no rights, and never outlives a server that was killed',
      remedy: 'install util-linux (setpriv)',
    },
    {
      layer: 'limits',
      present: tools.has('prlimit'),
      by: tools.has('prlimit') ? 'prlimit' : 'missing',
      protects: 'a hostile file cannot take all memory, processor time or disk',
      remedy: 'install util-linux (prlimit)',
    },
    {
      layer: 'process limit',
      present: tools.has('prlimit') && cage.countsProcesses,
      by: tools.has('prlimit') && cage.countsProcesses ? 'prlimit' : 'processes cannot be counted apart',
      protects: 'a decoder cannot start processes without end',
      remedy: 'needs the private view, or a start as root with setpriv',
    },
    {
      layer: 'nice',
      present: tools.has('nice'),
      by: tools.has('nice') ? 'nice' : 'missing',
      protects: 'encoding gives way to requests',
      remedy: 'install coreutils (nice)',
    },
  ]
}

/** The layers in a few words, for the line that tells of a start. */
export function summarizeCage(cage: Cage): string {
  const present = describeCage(cage).filter((report) => report.present)
  return (
    present.map(({ layer, by }) => (layer === 'private view' ? `${layer} (${by})` : layer)).join(', ') ||
    'none'
  )
}

function requireAll(cage: Cage): void {
  const missing = describeCage(cage).filter(({ present }) => !present)
  if (missing.length === 0) return
  const sentences = missing.map(({ layer, remedy }) => `no ${layer}: ${remedy}`)
  throw new HeadwaterError(
    'setting_invalid',
    `HEADWATER_CAGE is "require", but of the decoder's cage this system lacks something (${sentences.join('; ')}).`,
  )
}

/** Whether a kernel of this release counts a user's processes in each user namespace for itself. Pure. */
export function countsApart(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10))
  return major > COUNTS_APART[0] || (major === COUNTS_APART[0] && minor >= COUNTS_APART[1])
}

/** Tools by the paths at which a search path has them. */
async function findTools(searchPath: string): Promise<ReadonlyMap<CageTool, string>> {
  const probes: Readonly<Record<CageTool, readonly string[]>> = {
    bwrap: ['--version'],
    unshare: ['--version'],
    setpriv: ['--pdeathsig', 'KILL', '--no-new-privs', 'true'],
    prlimit: ['--core=0', 'true'],
    nice: ['-n', '0', 'true'],
  }
  const found = await Promise.all(
    (Object.keys(probes) as CageTool[]).map(async (tool) => {
      const path = await findInPath(tool, searchPath)
      if (path === undefined) return []
      const worked = execute(path, [...probes[tool]], { env: CHILD_ENV, timeout: PROBE_MS })
      return await worked.then(
        () => [[tool, path] as const],
        () => [],
      )
    }),
  )
  return new Map(found.flat())
}

async function findInPath(name: string, searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(':')) {
    const path = join(folder, name)
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return path
  }
  return undefined
}

/** Whether the real decoder, in this cage, reads a file that only the server may read, and writes one. */
async function holds(cage: Cage, { program, folder }: CageSearch): Promise<boolean> {
  // Named as runs are, so that what a crash leaves is removed as theirs is; and as no other probe, since the folder may yet
  // turn out to be another server's.
  const name = `run-probe-${randomBytes(6).toString('hex')}`
  const [runFolder, sound] = [join(folder, name), join(folder, `${name}.wav`)]
  try {
    await mkdir(runFolder, { mode: 0o700, recursive: true })
    await writeFile(sound, probeSound(), { mode: 0o600 })
    const end = await runCaged(cage, new RunUsers(), {
      program,
      args: ['-f', 'wav', '-i', '{input}', '-c', 'copy', '-f', 'wav', 'out.wav'],
      folder: runFolder,
      inputs: new Map([['input', sound]]),
      limits: { cpuSeconds: 10, outputBytes: 65_536, memoryBytes: 3 * 1024 ** 3, nice: 1 },
      verbose: false,
      wallMs: PROBE_MS,
      keepBytes: 1024,
      signal: AbortSignal.timeout(2 * PROBE_MS),
      onProgress: () => {},
    })
    await access(join(runFolder, 'out.wav'))
    return end.exitCode === 0
  } catch {
    // Whatever it was: this system does not offer the layer, and the report says so.
    return false
  } finally {
    for (const path of [runFolder, sound]) await rm(path, { recursive: true, force: true })
  }
}

/** RIFF/WAVE: 8 kHz, mono, 16 bits of silence. */
function probeSound(): Uint8Array {
  const data = PROBE_SAMPLES * 2
  const bytes = Buffer.alloc(44 + data)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(36 + data, 4)
  bytes.write('WAVEfmt ', 8)
  for (const [at, value] of [
    [16, 16],
    [24, 8000],
    [28, 16_000],
    [40, data],
  ] as const)
    bytes.writeUInt32LE(value, at)
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16],
  ] as const)
    bytes.writeUInt16LE(value, at)
  bytes.write('data', 36)
  return bytes
}
