/**
 * From the last byte of an upload to the first picture and sound a player could show. H.264 must not depend on the
 * length and stay within a second; 1080p HEVC must start within 5 s and seek into what is not encoded yet within 6 s.
 * Besides: how long the server's event loop stood still at most while it took and opened these sources.
 */

import { stat } from 'node:fs/promises'
import { createUpload, sendFrom } from '../src/commands/tus-client.ts'
import { startServer, type TestServer } from '../tests/harness/server.ts'
import { checkDecodes, fetchSegment, type Opening, openVideo } from './first-segment.ts'
import { benchSource } from './sources.ts'
import { formatTable, median, megabytes, seconds } from './table.ts'

const RUNS = 5
const PATIENCE_MS = 60_000
/** Name, seconds, limit in ms. */
const LENGTHS = [
  ['10 s', 10, 1_000],
  ['10 min', 600, 1_000],
  ['2 h', 7_200, 1_000],
] as const
/** What two hours may take more than ten seconds. */
const MORE_LIMIT_MS = 250
const HEVC = { durationSeconds: 120, firstLimitMs: 5_000, seekLimitMs: 6_000, seekTo: 0.75 } as const

const server = await startServer()
try {
  const rows: string[][] = []
  const medians: number[] = []
  await longestStandstillMs(server)
  for (const [name, durationSeconds, limitMs] of LENGTHS) {
    const path = await benchSource('h264', durationSeconds)
    const times: number[] = []
    for (let run = 0; run < RUNS; run++) {
      const { ms, uid } = await measureOpening(server, path)
      times.push(ms)
      await forget(server, uid)
    }
    medians.push(median(times))
    rows.push(row(`H.264/AAC, ${name}, ${megabytes((await stat(path)).size)}`, times, limitMs))
  }
  const more = (medians.at(-1) ?? Number.NaN) - (medians[0] ?? Number.NaN)
  rows.push(row('  2 h more than 10 s', [more], MORE_LIMIT_MS))
  const standstillMs = await longestStandstillMs(server)
  rows.push(...(await measureHevc(server)))
  const heads = ['last byte → first segment of picture and sound', 'median', 'worst', 'limit', '']
  process.stdout.write(formatTable(heads, rows))
  process.stdout.write(
    `\n${RUNS} runs each. The event loop stood still for ${standstillMs.toFixed(0)} ms at most, H.264 sources.\n`,
  )
} finally {
  await server.stop()
}

/** Since it was last asked. The server looks every ten milliseconds and tells what passed between two looks. */
async function longestStandstillMs(target: TestServer): Promise<number> {
  const text = await (await fetch(`${target.url}/metrics`)).text()
  const max = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1])
  return Math.max(0, max * 1_000 - 10)
}

async function measureHevc(target: TestServer): Promise<string[][]> {
  const path = await benchSource('hevc', HEVC.durationSeconds)
  const { ms, opening, uid } = await measureOpening(target, path)
  const segments = opening.tracks[0]?.segments ?? []
  const wanted = segments[Math.floor(segments.length * HEVC.seekTo)] ?? ''
  const startedMs = performance.now()
  const segment = await fetchSegment(wanted, startedMs + PATIENCE_MS)
  const seekMs = performance.now() - startedMs
  const init = await fetchSegment(opening.tracks[0]?.init ?? '', startedMs + PATIENCE_MS)
  await checkDecodes(Buffer.concat([init, segment]))
  await forget(target, uid)
  return [
    row(`HEVC 1080p, ${HEVC.durationSeconds} s`, [ms], HEVC.firstLimitMs),
    row(`  then a seek to ${HEVC.seekTo * 100} %, not encoded yet`, [seekMs], HEVC.seekLimitMs),
  ]
}

/** Ends its encode, so that every measurement meets the same idle server. */
async function forget(target: TestServer, uid: string): Promise<void> {
  const response = await fetch(`${target.apiUrl}/accounts/${target.accountId}/stream/${uid}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${target.token}` },
  })
  await response.arrayBuffer()
}

async function measureOpening(
  target: TestServer,
  path: string,
): Promise<{ ms: number; opening: Opening; uid: string }> {
  const client = {
    serverUrl: target.url,
    accountUrl: `${target.apiUrl}/accounts/${target.accountId}`,
    token: target.token,
  }
  const { size: sizeBytes } = await stat(path)
  const { location, uid } = await createUpload(client, { name: 'bench', sizeBytes })
  let lastByteMs = Number.NaN
  await sendFrom(client, location, 0, {
    path,
    sizeBytes,
    onProgress: (sent) => {
      if (sent === sizeBytes) lastByteMs = performance.now()
    },
    onRetry: (sentence) => process.stderr.write(`${sentence}\n`),
  })
  const opening = await openVideo(target.url, uid, PATIENCE_MS)
  const ms = performance.now() - lastByteMs
  for (const piece of opening.pieces) await checkDecodes(piece)
  return { ms, opening, uid }
}

function row(name: string, times: readonly number[], limitMs: number): string[] {
  const middle = median(times)
  return [
    name,
    seconds(middle),
    seconds(Math.max(...times)),
    seconds(limitMs),
    middle <= limitMs ? 'ok' : 'TOO SLOW',
  ]
}
