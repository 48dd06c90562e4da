/**
 * How long the event loop stands still at most while the server does what takes it longest: nothing but moving bytes and
 * answering should happen in it. By the clock it also stands still while others have the processor, as the first line
 * shows, in which nobody asks anything; so the verdict is by the processor time of the loop's longest turn.
 * `npm run bench -- stalls [part of a line's name]`.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { startBrowsing } from '../tests/browser/pages-browser.ts'
import { playInto } from '../tests/browser/webrtc-pages.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../tests/harness/server.ts'
import { openVideo } from './first-segment.ts'
import { createInput, publishTarget, waitUntilLive } from './live-input.ts'
import { makeBroadcastFilm } from './live-load.ts'
import { publishFile } from './live-publisher.ts'
import { watchParts } from './live-viewer.ts'
import { benchSource } from './sources.ts'
import { formatTable } from './table.ts'

const WATCH = fileURLToPath(new URL('loop-watch.ts', import.meta.url))
/** The watch says something every second. */
const TOLD_EVERY_MS = 1_100
const toldSchema = z.object({ atMs: z.number(), wallMs: z.number(), busyMs: z.number() })
const LIMIT_MS = 20
const PATIENCE_MS = 60_000
const FILM_SECONDS = 7_200
const CLIP_SECONDS = 600
const CROWD = 100
const LISTED = 1_000
const LISTS = 20
const LIVE_MS = 10_000
const PART_VIEWERS = 10
const WHEP_VIEWERS = 2

type Stage = {
  readonly server: TestServer
  readonly folder: string
  /** Begins to count; what came before is preparation. */
  readonly begin: () => Promise<void>
}

type Line = { readonly name: string; readonly run: (stage: Stage) => Promise<void> }

const LINES: readonly Line[] = [
  {
    name: 'nothing, for five seconds',
    run: async ({ begin }) => {
      await begin()
      await sleep(5_000)
    },
  },
  { name: 'two hours of H.264, from the first byte to a picture', run: takeFilm },
  { name: `${CROWD} uploads at once, of ten seconds each`, run: takeCrowd },
  { name: `the list of ${LISTED} videos, ${LISTS} times`, run: listVideos },
  { name: 'a clip of ten minutes of two hours, and a file of it', run: cutClip },
  { name: `a broadcast, ${PART_VIEWERS} viewers of LL-HLS, ${WHEP_VIEWERS} of WHEP`, run: broadcast },
]

await measure(process.argv[2] ?? '')

async function measure(part: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-bench-stalls-'))
  const rows: string[][] = []
  try {
    for (const { name, run } of LINES.filter((line) => line.name.includes(part))) {
      // Each its own: what one leaves to be done must not burden the next.
      const watched = join(folder, `loop-${rows.length}`)
      await using server = await startServer({
        env: { HEADWATER_LIVE_LADDER: 'off', NODE_OPTIONS: `--import=${WATCH}`, BENCH_LOOP_FILE: watched },
      })
      let beganMs = 0
      await run({
        server,
        folder,
        begin: async () => {
          await sleep(TOLD_EVERY_MS)
          beganMs = Date.now()
        },
      })
      await sleep(TOLD_EVERY_MS)
      rows.push(row(name, await longest(watched, beganMs)))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
  const heads = ['the longest turn of the event loop during', 'by the clock', 'computing', 'limit', '']
  process.stdout.write(formatTable(heads, rows))
}

type Turn = { readonly wallMs: number; readonly busyMs: number }

/** The longest turns that were told after `beganMs`. */
async function longest(path: string, beganMs: number): Promise<Turn> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean)
  const told = lines.map((line) => toldSchema.parse(JSON.parse(line))).filter(({ atMs }) => atMs > beganMs)
  return {
    wallMs: Math.max(...told.map(({ wallMs }) => wallMs)),
    busyMs: Math.max(...told.map(({ busyMs }) => busyMs)),
  }
}

function row(name: string, { wallMs, busyMs }: Turn): string[] {
  const verdict = busyMs <= LIMIT_MS ? 'ok' : 'TOO LONG'
  return [name, `${wallMs.toFixed(0)} ms`, `${busyMs.toFixed(0)} ms`, `${LIMIT_MS} ms`, verdict]
}

async function takeFilm({ server, begin }: Stage): Promise<void> {
  // The first video of a server loads what none has needed before.
  await openVideo(server.url, (await uploadFile(server, await benchSource('h264', 10))).uid, PATIENCE_MS)
  const path = await benchSource('h264', FILM_SECONDS)
  await begin()
  const { uid } = await uploadFile(server, path)
  await openVideo(server.url, uid, PATIENCE_MS)
  await waitForVideo(server, uid, 'ready', PATIENCE_MS)
}

async function takeCrowd({ server, begin }: Stage): Promise<void> {
  const path = await benchSource('h264', 10)
  await openVideo(server.url, (await uploadFile(server, path)).uid, PATIENCE_MS)
  await begin()
  const sent = await Promise.all(Array.from({ length: CROWD }, () => uploadFile(server, path)))
  await Promise.all(sent.map(({ uid }) => waitForVideo(server, uid, 'ready', PATIENCE_MS)))
}

async function listVideos({ server, begin }: Stage): Promise<void> {
  for (let made = 0; made < LISTED; made += 1) {
    const body = { maxDurationSeconds: 60, creator: `member-${made % 20}`, meta: { name: `video ${made}` } }
    await callApi(server, '/stream/direct_upload', { method: 'POST', body })
  }
  await callApi(server, '/stream')
  await begin()
  for (let asked = 0; asked < LISTS; asked += 1) await callApi(server, '/stream')
}

async function cutClip({ server, begin }: Stage): Promise<void> {
  const { uid: source } = await uploadFile(server, await benchSource('h264', FILM_SECONDS))
  await waitForVideo(server, source, 'ready', PATIENCE_MS)
  const startTimeSeconds = (FILM_SECONDS - CLIP_SECONDS) / 2 + 1
  const times = { startTimeSeconds, endTimeSeconds: startTimeSeconds + CLIP_SECONDS }
  await begin()
  const { uid } = await callApi<{ uid: string }>(server, '/stream/clip', {
    method: 'POST',
    body: { clippedFromVideoUID: source, ...times },
  })
  await waitForVideo(server, uid, 'ready', PATIENCE_MS)
  await openVideo(server.url, uid, PATIENCE_MS)
  await callApi(server, `/stream/${uid}/downloads`, { method: 'POST', body: {} })
  for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs; await sleep(50)) {
    const shown = await callApi<{ default: { status: string } }>(server, `/stream/${uid}/downloads`)
    if (shown.default.status === 'ready') return
  }
  throw new Error('the file was not made in time')
}

async function broadcast({ server, folder, begin }: Stage): Promise<void> {
  const film = await makeBroadcastFilm(folder, { size: '1280x720', bitrate: '2000k' })
  const input = await createInput(server)
  await using _publisher = publishFile(film, publishTarget(input))
  await waitUntilLive(server, input)
  const browsing = await startBrowsing()
  const ending = new AbortController()
  try {
    await begin()
    const viewers = Array.from({ length: PART_VIEWERS }, () =>
      watchParts(server.url, input.uid, ending.signal),
    )
    for (let count = 0; count < WHEP_VIEWERS; count += 1) {
      const { page } = await browsing.visit()
      await page.goto(`${server.url}/readyz`)
      await page.setContent('<video autoplay muted playsinline></video>')
      await playInto(page, input.webRTCPlayback.url)
    }
    await sleep(LIVE_MS)
    ending.abort()
    await Promise.all(viewers)
  } finally {
    ending.abort()
    await browsing.close()
  }
}
