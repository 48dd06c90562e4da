/**
 * 1 GiB by tus in 50 MiB chunks: our server, the reference server (@tus/server with @tus/file-store) and a plain write,
 * in turns in one run. In memory (`/dev/shm`) the servers themselves are measured; on the disk ours, which answers only
 * after fdatasync, against writing the same bytes with fdatasync after every 50 MiB.
 */

import { mkdtempSync, readFileSync } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Program, startProgram } from '../tests/faults/program.ts'
import { formatTable, median, megabytes } from './table.ts'

const MIB = 1_048_576
const CHUNK_BYTES = 50 * MIB
const RUNS = 3
const FILE_BYTES = Number(process.argv[2] ?? 1024) * MIB
const ACCOUNT_ID = 'b'.repeat(32)
const TOKEN = 'token-of-the-benchmark'
const CHUNK = Buffer.alloc(CHUNK_BYTES, 'headwater ')

const LIMITS = { timesReference: 2, ofPlainWrite: 0.85, peakBytes: 250e6 }

type Figures = { readonly bytesPerSecond: number; readonly cpuSeconds: number; readonly peakBytes: number }

const memory = mkdtempSync('/dev/shm/headwater-bench-')
const disk = mkdtempSync(join(process.env.BENCH_DISK ?? tmpdir(), 'headwater-bench-'))
try {
  const inMemory = await takeTurns({ ours: () => ours(memory), reference: () => reference(memory) })
  const onDisk = await takeTurns({ ours: () => ours(disk), plain: () => plainWrite(disk) })
  const times = rate(inMemory.ours) / rate(inMemory.reference)
  const share = rate(onDisk.ours) / rate(onDisk.plain)
  const peakBytes = Math.max(...[...inMemory.ours, ...onDisk.ours].map((each) => each.peakBytes))
  process.stdout.write(
    `${formatTable(
      [`${FILE_BYTES / MIB} MiB in 50 MiB chunks, median of ${RUNS}`, 'MB/s', 'CPU', 'peak memory'],
      [
        row('memory: headwater', inMemory.ours),
        row('memory: @tus/server + @tus/file-store', inMemory.reference),
        row('disk: headwater', onDisk.ours),
        row('disk: plain write + fdatasync', onDisk.plain),
      ],
    )}\n${formatTable(
      ['', 'measured', 'limit', ''],
      [
        verdict(
          'times the reference server',
          times.toFixed(2),
          `>= ${LIMITS.timesReference}`,
          times >= LIMITS.timesReference,
        ),
        verdict(
          'of a plain write on the disk',
          share.toFixed(2),
          `>= ${LIMITS.ofPlainWrite}`,
          share >= LIMITS.ofPlainWrite,
        ),
        verdict(
          'peak memory',
          megabytes(peakBytes),
          megabytes(LIMITS.peakBytes),
          peakBytes < LIMITS.peakBytes,
        ),
      ],
    )}`,
  )
} finally {
  await rm(memory, { recursive: true, force: true })
  await rm(disk, { recursive: true, force: true })
}

/** Each once per round, so that a noisy minute burdens all of them; the first round only warms up. */
async function takeTurns<Name extends string>(
  measure: Readonly<Record<Name, () => Promise<Figures>>>,
): Promise<Record<Name, Figures[]>> {
  const names = Object.keys(measure) as Name[]
  const taken = Object.fromEntries(names.map((name) => [name, [] as Figures[]])) as Record<Name, Figures[]>
  for (let round = 0; round < RUNS; round++) {
    for (const name of names) taken[name].push(await measure[name]())
  }
  return taken
}

async function ours(folder: string): Promise<Figures> {
  const dataDir = await freshFolder(folder, 'ours')
  const program = startProgram(['serve'], {
    HEADWATER_DATA_DIR: dataDir,
    HEADWATER_PORT: '0',
    HEADWATER_ACCOUNT_ID: ACCOUNT_ID,
    HEADWATER_API_TOKEN: TOKEN,
    HEADWATER_MIN_FREE_BYTES: '0',
    HEADWATER_LOG_LEVEL: 'error',
  })
  return measureServer(program, dataDir, (url) => `${url}/client/v4/accounts/${ACCOUNT_ID}/stream`)
}

async function reference(folder: string): Promise<Figures> {
  const dataDir = await freshFolder(folder, 'reference')
  const peer = join(import.meta.dirname, 'tus-peer.ts')
  const program = startProgram([dataDir], {}, [process.execPath, peer])
  return measureServer(program, dataDir, (url) => `${url}/files`)
}

async function measureServer(
  program: Program,
  dataDir: string,
  endpointOf: (url: string) => string,
): Promise<Figures> {
  try {
    const endpoint = endpointOf(await program.ready)
    // What only the first upload pays (compiling, opening) is no matter of the rate.
    await upload(endpoint, 60 * MIB)
    const cpuBefore = cpuSeconds(program.pid)
    const startMs = performance.now()
    await upload(endpoint, FILE_BYTES)
    const elapsedMs = performance.now() - startMs
    return {
      bytesPerSecond: (FILE_BYTES / elapsedMs) * 1000,
      cpuSeconds: cpuSeconds(program.pid) - cpuBefore,
      peakBytes: peakBytes(program.pid),
    }
  } finally {
    await program.kill('tree')
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function upload(endpoint: string, lengthBytes: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const shared = { authorization: `Bearer ${TOKEN}`, 'tus-resumable': '1.0.0' }
  try {
    const made = await send(agent, 'POST', endpoint, { ...shared, 'upload-length': String(lengthBytes) })
    if (made.statusCode !== 201) throw new Error(`creation answered ${made.statusCode}`)
    const location = new URL(made.headers.location ?? '', endpoint).href
    for (let offset = 0; offset < lengthBytes; offset += CHUNK_BYTES) {
      const body = CHUNK.subarray(0, Math.min(CHUNK_BYTES, lengthBytes - offset))
      const headers = {
        ...shared,
        'content-type': 'application/offset+octet-stream',
        'content-length': String(body.length),
        'upload-offset': String(offset),
      }
      const patched = await send(agent, 'PATCH', location, headers, body)
      if (patched.statusCode !== 204) throw new Error(`PATCH answered ${patched.statusCode}`)
    }
  } finally {
    agent.destroy()
  }
}

function send(
  agent: Agent,
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: Uint8Array,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, (answer) => {
      answer.resume().once('end', () => resolve(answer))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

/** The same bytes and the same syncs without any server: what the disk allows. */
async function plainWrite(folder: string): Promise<Figures> {
  const file = join(await freshFolder(folder, 'plain'), 'file')
  const handle = await open(file, 'w')
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  for (let offset = 0; offset < FILE_BYTES; offset += CHUNK_BYTES) {
    const chunkBytes = Math.min(CHUNK_BYTES, FILE_BYTES - offset)
    for (let at = 0; at < chunkBytes; at += MIB) {
      await handle.write(CHUNK, at, Math.min(MIB, chunkBytes - at), offset + at)
    }
    await handle.datasync()
  }
  const elapsedMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpuBefore)
  await handle.close()
  await rm(file)
  return { bytesPerSecond: (FILE_BYTES / elapsedMs) * 1000, cpuSeconds: (user + system) / 1e6, peakBytes: 0 }
}

async function freshFolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  await rm(path, { recursive: true, force: true })
  await mkdir(path)
  return path
}

/** User and system time of a process so far; Linux only, like `peakBytes`. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const ticks = Number(fields[11]) + Number(fields[12])
  // USER_HZ is 100 on every Linux that Node runs on.
  return ticks / 100
}

function peakBytes(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}

function rate(figures: readonly Figures[]): number {
  return median(figures.map((each) => each.bytesPerSecond))
}

function row(name: string, figures: readonly Figures[]): string[] {
  const cpu = median(figures.map((each) => each.cpuSeconds))
  const peak = Math.max(...figures.map((each) => each.peakBytes))
  return [name, (rate(figures) / 1e6).toFixed(0), `${cpu.toFixed(2)} s`, peak === 0 ? '' : megabytes(peak)]
}

function verdict(what: string, measured: string, limit: string, good: boolean): string[] {
  return [what, measured, limit, good ? 'good' : 'MISSED']
}
