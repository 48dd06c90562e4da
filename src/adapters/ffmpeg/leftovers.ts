/**
 * What a server that was killed may leave of its runs: their folders, and now and then a process. A run dies with its
 * server by a tie that each layer of the cage makes for itself, and a server that is killed while a layer is being made
 * leaves one that was not tied yet, waiting for ever for a parent that is gone.
 */

import { readdir, readFile, readlink, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** The programs that a run is, one after the other; anybody else who works in such a folder is left alone. */
const LAYERS: ReadonlySet<string> = new Set([
  'bwrap',
  'unshare',
  'setpriv',
  'prlimit',
  'nice',
  'sh',
  'ffmpeg',
])

/**
 * Ends the processes of runs in the folders of `workDir` whose names begin with `prefix`, and removes the folders. Only for
 * whoever holds the data folder: whatever is there then is left over. Systems without `/proc` have no cage that could stay.
 */
export async function clearLeftovers(workDir: string, prefix: string): Promise<void> {
  const start = join(workDir, prefix)
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  await Promise.all(
    pids.map(async (pid) => {
      if (await isRunBelow(start, pid)) endQuietly(Number(pid))
    }),
  )
  for (const entry of await readdir(workDir)) {
    if (entry.startsWith(prefix)) await rm(join(workDir, entry), { recursive: true, force: true })
  }
}

/** Whether a process is a run's: one of its programs, told of its folder or working in it. */
async function isRunBelow(start: string, pid: string): Promise<boolean> {
  // It may have ended meanwhile, and those of others do not say where they work.
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const [program = '', ...args] = line.split('\0')
  if (!LAYERS.has(basename(program))) return false
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
  return [cwd, ...args].some((text) => text.includes(start))
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself, or belongs to somebody else.
  }
}
