/**
 * Pictures of a video: the first time each instant is asked for, when a frame must be decoded, and again, when it is
 * kept; of a source that is passed through and, once its lowest quality is encoded, from that.
 */

import { stat } from 'node:fs/promises'
import { createUpload, sendFrom } from '../src/commands/tus-client.ts'
import { startServer, type TestServer, waitForVideo } from '../tests/harness/server.ts'
import { openVideo } from './first-segment.ts'
import { benchSource } from './sources.ts'
import { formatTable, median } from './table.ts'

const SOURCE_SECONDS = 60
const PICTURES = 12
const LIMITS = { firstMs: 250, againMs: 5 } as const

const server = await startServer()
try {
  const uid = await upload(server)
  const early = await measure(server, uid, 1)
  await waitForVideo(server, uid, 'complete', 600_000)
  const late = await measure(server, uid, 3)
  const rows = [
    row('first, just uploaded', early.first, LIMITS.firstMs),
    row('the same again', early.again, LIMITS.againMs),
    row('first, all encoded', late.first, LIMITS.firstMs),
    row('the same again', late.again, LIMITS.againMs),
  ]
  const heads = [`${PICTURES} thumbnails of a minute`, 'median', 'worst', 'limit', '']
  process.stdout.write(formatTable(heads, rows))
} finally {
  await server.stop()
}

async function upload(target: TestServer): Promise<string> {
  const path = await benchSource('h264', SOURCE_SECONDS)
  const client = {
    serverUrl: target.url,
    accountUrl: `${target.apiUrl}/accounts/${target.accountId}`,
    token: target.token,
  }
  const { size: sizeBytes } = await stat(path)
  const { location, uid } = await createUpload(client, { name: 'bench', sizeBytes })
  await sendFrom(client, location, 0, { path, sizeBytes, onProgress: () => {}, onRetry: () => {} })
  await openVideo(target.url, uid, 60_000)
  return uid
}

/** Instants all over the video, none of which is asked for twice but to see it again. */
async function measure(
  target: TestServer,
  uid: string,
  offsetSeconds: number,
): Promise<{ first: readonly number[]; again: readonly number[] }> {
  const first: number[] = []
  const again: number[] = []
  for (let count = 0; count < PICTURES; count += 1) {
    const seconds = offsetSeconds + (count * SOURCE_SECONDS) / (PICTURES + 1)
    const url = `${target.url}/${uid}/thumbnails/thumbnail.jpg?time=${seconds.toFixed(1)}s&height=360`
    first.push(await timeFetch(url))
    again.push(await timeFetch(url))
  }
  return { first, again }
}

async function timeFetch(url: string): Promise<number> {
  const startMs = performance.now()
  const answer = await fetch(url)
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`${url} was answered ${answer.status}`)
  return performance.now() - startMs
}

function row(name: string, times: readonly number[], limitMs: number): string[] {
  const middle = median(times)
  const format = (ms: number) => `${ms.toFixed(1)} ms`
  return [
    name,
    format(middle),
    format(Math.max(...times)),
    format(limitMs),
    middle <= limitMs ? 'ok' : 'TOO SLOW',
  ]
}
