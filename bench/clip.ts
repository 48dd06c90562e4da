/**
 * From the request for a clip of ten minutes out of the middle of two hours to its first segments, to all of it and to a
 * file of it: none of them may depend on the length. `npm run bench -- clip [seconds of the source] [ready]`; with
 * `ready` only while the source's ladder is being encoded, which of two hours takes the better part of an hour.
 */

import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../tests/harness/server.ts'
import { checkDecodes, openVideo } from './first-segment.ts'
import { benchSource } from './sources.ts'
import { formatTable, median, seconds } from './table.ts'

const RUNS = 5
const PATIENCE_MS = 120_000
const SOURCE_SECONDS = 7_200
const CLIP_SECONDS = 600
const READY_LIMIT_MS = 5_000
const DOWNLOAD_LIMIT_MS = 10_000
const POLL_MS = 10

const sourceSeconds = Number(process.argv[2] ?? SOURCE_SECONDS)
const stages = [
  ['while its ladder is encoded', 'ready'],
  ['when it is complete', 'complete'],
] as const
/** Beginning and ending between two cuts. */
const clipSeconds = Math.min(CLIP_SECONDS, Math.floor(sourceSeconds / 2))
const startSeconds = Math.floor((sourceSeconds - clipSeconds) / 2) + 1

type Measured = {
  readonly readyMs: number
  readonly firstMs: number
  readonly wholeMs: number
  readonly fileMs: number
}

const server = await startServer()
try {
  const rows: string[][] = []
  for (const [name, waitFor] of process.argv[3] === 'ready' ? stages.slice(0, 1) : stages) {
    const path = await benchSource('h264', sourceSeconds)
    const { uid } = await uploadFile(server, path)
    await waitForVideo(server, uid, waitFor, 6 * 3_600_000)
    const runs: Measured[] = []
    for (let run = 0; run < RUNS; run += 1) runs.push(await measure(server, uid, waitFor === 'complete'))
    rows.push(row(`${name}: ready`, runs, 'readyMs', READY_LIMIT_MS))
    rows.push(row('  first segments decode', runs, 'firstMs', READY_LIMIT_MS))
    if (waitFor === 'complete') rows.push(row('  every quality is whole', runs, 'wholeMs', null))
    rows.push(row('  from there to a file', runs, 'fileMs', DOWNLOAD_LIMIT_MS))
    await callApi(server, `/stream/${uid}`, { method: 'DELETE' })
  }
  const title = `a clip of ${clipSeconds} s of ${sourceSeconds} s`
  process.stdout.write(formatTable([title, 'median', 'worst', 'limit', ''], rows))
  process.stdout.write(`\n${RUNS} runs each.\n`)
} finally {
  await server.stop()
}

/** Makes a clip, measures it and deletes it; `whole`: also waits for all of its qualities. */
async function measure(target: TestServer, source: string, whole: boolean): Promise<Measured> {
  const startedMs = performance.now()
  const since = () => performance.now() - startedMs
  const { uid } = await callApi<{ uid: string }>(target, '/stream/clip', {
    method: 'POST',
    body: {
      clippedFromVideoUID: source,
      startTimeSeconds: startSeconds,
      endTimeSeconds: startSeconds + clipSeconds,
    },
  })
  await waitForVideo(target, uid, 'ready', PATIENCE_MS)
  const readyMs = since()
  const opening = await openVideo(target.url, uid, PATIENCE_MS)
  const firstMs = since()
  for (const piece of opening.pieces) await checkDecodes(piece)
  if (whole) await waitForVideo(target, uid, 'complete', PATIENCE_MS)
  const wholeMs = since()
  await callApi(target, `/stream/${uid}/downloads`, { method: 'POST', body: {} })
  await waitForFile(target, uid)
  const fileMs = since() - wholeMs
  await callApi(target, `/stream/${uid}`, { method: 'DELETE' })
  return { readyMs, firstMs, wholeMs, fileMs }
}

async function waitForFile(target: TestServer, uid: string): Promise<void> {
  for (;;) {
    const shown = await callApi<{ default: { status: string } }>(target, `/stream/${uid}/downloads`)
    if (shown.default.status === 'ready') return
    if (shown.default.status === 'error') throw new Error(`no file could be made of clip ${uid}`)
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS)
    })
  }
}

function row(name: string, runs: readonly Measured[], key: keyof Measured, limitMs: number | null): string[] {
  const times = runs.map((run) => run[key])
  const middle = median(times)
  const verdict = limitMs === null ? '' : middle <= limitMs ? 'ok' : 'TOO SLOW'
  return [
    name,
    seconds(middle),
    seconds(Math.max(...times)),
    limitMs === null ? '' : seconds(limitMs),
    verdict,
  ]
}
