/**
 * The cage every decoder run sits in: which layers this system offers, and the command prefix they make.
 *
 * Each layer is a small program of util-linux or coreutils that sets one thing and then *becomes* the next program, so
 * the run stays one process with one id: `setpriv --pdeathsig KILL` (the kernel kills the run when the server dies,
 * however it dies), `nice`, `prlimit` (address space, processor time, file size, open files, no core dump). A layer
 * that is missing is left out and reported by `describeCage`; it is never skipped in silence.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** A layer that can be present or absent. */
export type CageLayer = 'setpriv' | 'nice' | 'prlimit'

/** Absolute paths of the layers that this system has. */
export type Cage = ReadonlyMap<CageLayer, string>

/** What one run may use. */
export type CageLimits = {
  readonly cpuSeconds: number
  readonly outputBytes: number
  readonly memoryBytes: number
  /** 0–19. */
  readonly nice: number
}

/** Environment of every child: no secret of ours, one language, no colours in messages. */
export const CHILD_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
  AV_LOG_FORCE_NOCOLOR: '1',
}

/** One line of a report on the cage. */
export type CageReport = {
  readonly layer: CageLayer
  readonly present: boolean
  readonly protects: string
  readonly remedy: string
}

const LAYERS: Readonly<Record<CageLayer, { protects: string; remedy: string; probe: readonly string[] }>> = {
  setpriv: {
    protects: 'a decoder never outlives a server that was killed',
    remedy: 'install util-linux (setpriv)',
    probe: ['--pdeathsig', 'KILL', 'true'],
  },
  nice: {
    protects: 'encoding gives way to requests',
    remedy: 'install coreutils (nice)',
    probe: ['-n', '0', 'true'],
  },
  prlimit: {
    protects: 'a hostile file cannot take all memory, processor time or disk',
    remedy: 'install util-linux (prlimit)',
    probe: ['--core=0', 'true'],
  },
}

/** Finds the layers by trying each on `true`, all at once. */
export async function findCage(): Promise<Cage> {
  const layers = Object.keys(LAYERS) as CageLayer[]
  const tried = await Promise.all(
    layers.map((layer) =>
      execute(layer, [...LAYERS[layer].probe], { env: CHILD_ENV, timeout: 10_000 }).then(
        () => [layer],
        () => [],
      ),
    ),
  )
  return new Map(tried.flat().map((layer) => [layer, layer]))
}

/** Every layer, whether it is there, what it protects from and what to do when it is missing. */
export function describeCage(cage: Cage): readonly CageReport[] {
  return (Object.keys(LAYERS) as CageLayer[]).map((layer) => ({
    layer,
    present: cage.has(layer),
    protects: LAYERS[layer].protects,
    remedy: LAYERS[layer].remedy,
  }))
}

/** The program and the arguments that run `program` inside the layers that are there. Pure. */
export function cageCommand(
  cage: Cage,
  limits: CageLimits,
  program: string,
  args: readonly string[],
): { program: string; args: string[] } {
  const command: string[] = []
  const setpriv = cage.get('setpriv')
  if (setpriv) command.push(setpriv, '--pdeathsig', 'KILL')
  const nice = cage.get('nice')
  if (nice) command.push(nice, '-n', String(limits.nice))
  const prlimit = cage.get('prlimit')
  if (prlimit) {
    command.push(
      prlimit,
      `--as=${limits.memoryBytes}`,
      // Two figures: at the first ffmpeg may still say why it ends, at the second the kernel ends it.
      `--cpu=${limits.cpuSeconds}:${limits.cpuSeconds + 2}`,
      `--fsize=${limits.outputBytes}`,
      '--nofile=256',
      // A dump of a decoder holds a stranger's pictures and fills the disk.
      '--core=0',
    )
  }
  command.push(program, ...args)
  return { program: command[0] ?? program, args: command.slice(1) }
}
