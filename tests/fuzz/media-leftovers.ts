/** What strangers' files left behind on a server that has nothing more to do. */

import { setTimeout as sleep } from 'node:timers/promises'
import { descendantsOf, processesOf } from '../faults/program.ts'
import { readBlobs, readWorkFolder } from '../faults/stored-state.ts'

/** How long clearing up may take after the last answer. */
const SETTLE_MS = 30_000

/**
 * A sentence for every process, working file, blob and draft that nothing accounts for once everything has settled.
 * `pid`: the server's, whose own process may stay.
 */
export async function findLeftovers(dataDir: string, pid: number): Promise<readonly string[]> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const left = await look(dataDir, pid)
    if (left.length === 0 || performance.now() > deadline) return left
    await sleep(100)
  }
}

async function look(dataDir: string, pid: number): Promise<string[]> {
  const processes = new Set([...descendantsOf(pid), ...processesOf(dataDir).map((each) => each.pid)])
  processes.delete(pid)
  const { recorded, present, orphanDrafts } = await readBlobs(dataDir)
  const orphans = Object.keys(present).filter((name) => recorded[name] === undefined)
  const missing = Object.keys(recorded).filter((name) => present[name] !== recorded[name])
  const all: Readonly<Record<string, readonly (string | number)[]>> = {
    processes: [...processes],
    'working files': await readWorkFolder(dataDir),
    'blobs without a row': orphans,
    'rows without a blob': missing,
    'drafts without an upload': orphanDrafts,
  }
  return Object.entries(all).flatMap(([what, names]) =>
    names.length === 0 ? [] : [`left over: ${what}: ${names.join(', ')}`],
  )
}
