/**
 * One large upload in 50 MiB chunks: our server, the reference server (@tus/server with @tus/file-store) and a plain
 * write, in turns in one run. In memory the servers themselves are measured; on the disk ours, which answers only after
 * fdatasync, against writing the same bytes with fdatasync after every 50 MiB.
 *
 * A server has taken as much before it is measured, and thrown it away: what is to be compiled is compiled then, and in memory
 * the room for the file is at hand. A plain write is measured as it comes and a second time: the host of a virtual machine
 * takes unused memory back, and gives it again, page by page, at a fraction of the speed of memory.
 */

import { execFileSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Program, startProgram } from '../tests/faults/program.ts'
import { ownEndpoint, startOwnServer } from './own-server.ts'
import { cpuSeconds, peakBytes } from './process-figures.ts'
import { type Endpoint, sendInVain, sendUpload } from './tus-sender.ts'

/** Of one upload. */
export type RateFigures = {
  readonly bytesPerSecond: number
  readonly cpuSeconds: number
  /** 0 where no process of its own was measured. */
  readonly peakBytes: number
}

const MIB = 1_048_576
const CHUNK_BYTES = 50 * MIB
const PLAIN = Buffer.alloc(MIB, 'headwater ')

/** Each once per round, so that a noisy minute burdens all of them. */
export async function takeTurns<Name extends string>(
  rounds: number,
  measure: Readonly<Record<Name, () => Promise<RateFigures>>>,
): Promise<Record<Name, RateFigures[]>> {
  const names = Object.keys(measure) as Name[]
  const taken = Object.fromEntries(names.map((name) => [name, [] as RateFigures[]])) as Record<
    Name,
    RateFigures[]
  >
  for (let round = 0; round < rounds; round++) {
    for (const name of names) taken[name].push(await measure[name]())
  }
  return taken
}

/** Our server on a new folder in `folder`. */
export async function measureOurs(folder: string, fileBytes: number): Promise<RateFigures> {
  const dataDir = await freshFolder(folder, 'ours')
  return measureServer(startOwnServer(dataDir), { dataDir, fileBytes, endpointOf: ownEndpoint })
}

/** The reference server as its documentation sets it up. */
export async function measureReference(folder: string, fileBytes: number): Promise<RateFigures> {
  const dataDir = await freshFolder(folder, 'reference')
  const program = startProgram([dataDir], {}, [process.execPath, join(import.meta.dirname, 'tus-peer.ts')])
  const endpointOf = (url: string): Endpoint => ({ url: `${url}/files`, token: 'none' })
  return measureServer(program, { dataDir, fileBytes, endpointOf })
}

/**
 * The same bytes and the same syncs without any server: what the disk allows, through the system's cache. `again`: once more
 * with the memory that the first time needed.
 */
export async function measurePlainWrite(
  folder: string,
  fileBytes: number,
  { again = false } = {},
): Promise<RateFigures> {
  const path = await freshFolder(folder, 'plain')
  if (again) {
    await writePlainly(join(path, 'before'), fileBytes)
    await rm(join(path, 'before'))
  }
  execFileSync('sync')
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  await writePlainly(join(path, 'file'), fileBytes)
  const elapsedMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpuBefore)
  await rm(path, { recursive: true })
  return { bytesPerSecond: (fileBytes / elapsedMs) * 1000, cpuSeconds: (user + system) / 1e6, peakBytes: 0 }
}

async function writePlainly(file: string, fileBytes: number): Promise<void> {
  const handle = await open(file, 'w')
  for (let offset = 0; offset < fileBytes; offset += CHUNK_BYTES) {
    const chunkBytes = Math.min(CHUNK_BYTES, fileBytes - offset)
    for (let at = 0; at < chunkBytes; at += MIB) {
      await handle.write(PLAIN, 0, Math.min(MIB, chunkBytes - at), offset + at)
    }
    await handle.datasync()
  }
  await handle.close()
}

async function measureServer(
  program: Program,
  options: { dataDir: string; fileBytes: number; endpointOf: (url: string) => Endpoint },
): Promise<RateFigures> {
  const { dataDir, fileBytes, endpointOf } = options
  try {
    const endpoint = endpointOf(await program.ready)
    await sendInVain(endpoint, fileBytes, CHUNK_BYTES)
    execFileSync('sync')
    const cpuBefore = cpuSeconds(program.pid)
    const startMs = performance.now()
    await sendUpload(endpoint, fileBytes, CHUNK_BYTES)
    const elapsedMs = performance.now() - startMs
    return {
      bytesPerSecond: (fileBytes / elapsedMs) * 1000,
      cpuSeconds: cpuSeconds(program.pid) - cpuBefore,
      peakBytes: peakBytes(program.pid),
    }
  } finally {
    await program.kill('tree')
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function freshFolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  await rm(path, { recursive: true, force: true })
  await mkdir(path)
  return path
}
