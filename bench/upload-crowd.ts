/** Many uploads at once: whether all come through, what memory they take, and how long a reader waits meanwhile. */

import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ownEndpoint, startOwnServer } from './own-server.ts'
import { cpuSeconds, peakBytes } from './process-figures.ts'
import { createUpload, type Endpoint, sendUpload } from './tus-sender.ts'

export type CrowdFigures = {
  readonly failed: number
  readonly bytesPerSecond: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  /** Of `GET ~/{uid}` while the uploads ran. */
  readonly medianMs: number
  readonly p99Ms: number
  readonly reads: number
}

const CHUNK_BYTES = 16 * 1_048_576
const WARM_UP_READS = 30

/** `uploads` uploads of `eachBytes` at once to a server on `dataDir`, which is removed afterwards. */
export async function measureCrowd(
  dataDir: string,
  size: { uploads: number; eachBytes: number },
): Promise<CrowdFigures> {
  const program = startOwnServer(dataDir)
  try {
    const endpoint = ownEndpoint(await program.ready)
    const { uid } = await createUpload(endpoint, 1)
    await sendUpload(endpoint, CHUNK_BYTES, CHUNK_BYTES)
    const cpuBefore = cpuSeconds(program.pid)
    const reader = await startReader(endpoint, uid)
    const startMs = performance.now()
    const sent = await Promise.allSettled(
      Array.from({ length: size.uploads }, () => sendUpload(endpoint, size.eachBytes, CHUNK_BYTES)),
    )
    const elapsedMs = performance.now() - startMs
    const times = (await reader.stop()).toSorted((one, other) => one - other)
    return {
      failed: sent.filter(({ status }) => status === 'rejected').length,
      bytesPerSecond: ((size.uploads * size.eachBytes) / elapsedMs) * 1000,
      cpuSeconds: cpuSeconds(program.pid) - cpuBefore,
      peakBytes: peakBytes(program.pid),
      medianMs: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
      reads: times.length,
    }
  } finally {
    await program.kill('tree')
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Resolves once the reader is warm. `stop` answers the milliseconds of every later reading; throws when one was refused. */
async function startReader(endpoint: Endpoint, uid: string): Promise<{ stop(): Promise<readonly number[]> }> {
  const script = join(import.meta.dirname, 'ask-video.ts')
  const child = spawn(process.execPath, [script, `${endpoint.url}/${uid}`, endpoint.token], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let text = ''
  const warm = Promise.withResolvers<void>()
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    if (text.split('\n').length > WARM_UP_READS) warm.resolve()
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  // A reader that ends before is told when it is stopped.
  await Promise.race([warm.promise, ended])
  return {
    async stop() {
      child.stdin.end()
      const code = await ended
      if (code !== 0) throw new Error(`the reader ended with ${code}`)
      return text.split('\n').filter(Boolean).slice(WARM_UP_READS).map(Number)
    },
  }
}

/** Of sorted values. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
