/**
 * Broadcasts: how old the picture is when it is seen, what passing them through costs, and whether the recording is what
 * was sent, and whether many hours take more memory than one. `short` measures for a few seconds each, four inputs instead of
 * twenty, and a quarter of an hour instead of eight. What cannot be measured is told.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type Browsing, startBrowsing } from '../tests/browser/pages-browser.ts'
import { playInto } from '../tests/browser/webrtc-pages.ts'
import { startServer, type TestServer } from '../tests/harness/server.ts'
import { type Ages, playWithFfmpeg, watchPage } from './live-glass.ts'
import { type BenchInput, createInput, publishTarget, waitUntilLive } from './live-input.ts'
import { type Held, measureHours } from './live-hours.ts'
import { compareRecording, type Load, makeBroadcastFilm, measureLoad } from './live-load.ts'
import { publishClock } from './live-publisher.ts'
import { formatTable, median, megabytes } from './table.ts'

const isShort = process.argv.includes('short')
const GLASS_MS = isShort ? 3_000 : 30_000
const LOAD_SECONDS = isShort ? 4 : 60
const HOURS = isShort ? 0.25 : 8
/** Segments are as long as the publisher's groups of pictures. */
const HLS_LIMIT_MS = 3 * 2_000

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-bench-live-'))
  // Lower rungs take whatever processor time nobody else wants; here the broadcast itself is measured.
  const server = await startServer({ env: { HEADWATER_LIVE_LADDER: 'off', HEADWATER_SRT_PORT: '0' } })
  try {
    await tellGlass(server)
    await tellLoad(server, folder)
  } finally {
    await server.stop()
    await rm(folder, { recursive: true })
  }
  await tellHours()
}

async function tellGlass(target: TestServer): Promise<void> {
  const input = await createInput(target)
  await using publisher = publishClock(publishTarget(input))
  await waitUntilLive(target, input)
  const browsing = await startBrowsing()
  const rows: string[][] = []
  try {
    for (const way of WAYS) rows.push(await glassRow(way, { target, input, browsing }))
  } finally {
    await browsing.close()
  }
  const heads = ['published by RTMP (H.264, AAC), seen by', 'median', 'p95', 'limits', 'pictures', '']
  process.stdout.write(`${formatTable(heads, rows)}\n`)
  const said = await publisher.stop()
  if (said !== '') process.stdout.write(`The publisher said: ${said}\n`)
}

type Stage = { readonly target: TestServer; readonly input: BenchInput; readonly browsing: Browsing }
type Way = {
  readonly name: string
  readonly limits: readonly [medianMs: number, p95Ms: number]
  readonly measure: (stage: Stage) => Promise<Ages>
}

const WAYS: readonly Way[] = [
  {
    name: 'RTMP playback, ffmpeg',
    limits: [1_000, 1_000],
    measure: async ({ input: { rtmpPlayback } }) => {
      if (rtmpPlayback === undefined) throw new Error('RTMP playback is off')
      return playWithFfmpeg(
        ['-f', 'live_flv', '-i', `${rtmpPlayback.url}${rtmpPlayback.streamKey}`],
        GLASS_MS,
      )
    },
  },
  {
    name: 'SRT playback (its latency 120 ms), ffmpeg',
    limits: [500, 500],
    measure: async ({ input: { srtPlayback } }) => {
      if (srtPlayback === undefined) throw new Error('SRT playback is off')
      const { url, streamId, passphrase } = srtPlayback
      // ffmpeg counts microseconds.
      const query = `streamid=${streamId}&passphrase=${passphrase}&latency=120000&mode=caller`
      return playWithFfmpeg(['-f', 'mpegts', '-i', `${url}?${query}`], GLASS_MS)
    },
  },
  {
    name: 'WHEP, Chromium',
    limits: [150, 300],
    measure: ({ target, input, browsing }) =>
      watch(browsing, async (page) => {
        await page.goto(`${target.url}/readyz`)
        await page.setContent('<video autoplay muted playsinline></video>')
        await playInto(page, input.webRTCPlayback.url)
      }),
  },
  {
    name: 'LL-HLS (parts of 0.5 s), our player in Chromium',
    limits: [1_500, 2_000],
    measure: ({ target, input, browsing }) =>
      watch(browsing, (page) =>
        page.goto(`${target.url}/${input.uid}/iframe?autoplay=true&muted=true&protocol=llhls`),
      ),
  },
  {
    name: 'HLS (segments of 2 s), our player in Chromium',
    limits: [HLS_LIMIT_MS, HLS_LIMIT_MS],
    measure: ({ target, input, browsing }) =>
      watch(browsing, (page) =>
        page.goto(`${target.url}/${input.uid}/iframe?autoplay=true&muted=true&protocol=hls`),
      ),
  },
]

async function watch(browsing: Browsing, open: (page: Page) => Promise<unknown>): Promise<Ages> {
  await using visitor = await browsing.visit()
  await open(visitor.page)
  return await watchPage(visitor.page, GLASS_MS)
}

async function glassRow({ name, limits, measure }: Way, stage: Stage): Promise<string[]> {
  try {
    const ages = [...(await measure(stage))].sort((one, other) => one - other)
    const p95 = ages[Math.floor(ages.length * 0.95)] ?? Number.NaN
    const middle = median(ages)
    const [mostMiddle, mostP95] = limits
    const verdict = middle <= mostMiddle && p95 <= mostP95 ? 'ok' : 'TOO SLOW'
    return [name, ms(middle), ms(p95), `${ms(mostMiddle)} / ${ms(mostP95)}`, String(ages.length), verdict]
  } catch (error) {
    return [name, '', '', '', '', `not measured: ${sentenceOf(error)}`]
  }
}

async function tellLoad(target: TestServer, folder: string): Promise<void> {
  const rows: string[][] = []
  const one = { inputs: 1, viewersEach: 10, film: '', seconds: LOAD_SECONDS }
  const large = await makeBroadcastFilm(folder, { size: '1920x1080', bitrate: '4000k' })
  rows.push(
    ...(await loadRows(target, '1 × 1080p30 4 Mbit/s, 10 viewers of LL-HLS', { ...one, film: large }, 0.1)),
  )
  const small = await makeBroadcastFilm(folder, { size: '1280x720', bitrate: '2000k' })
  const inputs = isShort ? 4 : 20
  const many = { inputs, viewersEach: 1, film: small, seconds: LOAD_SECONDS }
  rows.push(...(await loadRows(target, `${inputs} × 720p30 2 Mbit/s, a viewer each`, many, null)))
  rows.push(...(await recordingRows(target, small)))
  process.stdout.write(`${formatTable(['passed through, with recording', 'measured', 'limit', ''], rows)}\n`)
}

async function loadRows(
  target: TestServer,
  name: string,
  load: Load,
  mostShare: number | null,
): Promise<string[][]> {
  try {
    const { serverShare, publishersShare, bytesPerInput, seen, expectedParts } = await measureLoad(
      target,
      load,
    )
    const dropped = seen.reduce((sum, each) => sum + each.dropped, 0)
    const fewest = Math.min(...seen.map(({ parts }) => parts))
    const share = [`${name}: the server, of a core`, percent(serverShare)]
    return [
      mostShare === null
        ? [...share, '', '']
        : [...share, percent(mostShare), serverShare <= mostShare ? 'ok' : 'TOO MUCH'],
      ['  its publishers, of a core', percent(publishersShare), '', ''],
      // The first broadcast of a server makes room for all that follow; it says nothing of one more.
      ...(load.inputs === 1 ? [] : [memoryRow(bytesPerInput)]),
      [
        `  parts dropped (each viewer got ${fewest} or more of ${Math.floor(expectedParts)})`,
        String(dropped),
        '0',
        dropped === 0 ? 'ok' : 'DROPPED',
      ],
    ]
  } catch (error) {
    return [[name, '', '', `not measured: ${sentenceOf(error)}`]]
  }
}

/** One broadcast of many hours, by a clock that runs as quickly as it is taken in. */
async function tellHours(): Promise<void> {
  const held = await measureHours(HOURS)
  const [first, last] = [held[0], held.at(-1)]
  if (first === undefined || last === undefined) return
  const grown = (of: (each: Held) => number): number => of(last) - of(first)
  const hours = grown((each) => each.hours)
  const row = (name: string, of: (each: Held) => number, limit = '', verdict = '') => [
    name,
    ...held.map((each) => kilobytes(of(each))),
    limit,
    verdict,
  ]
  const isSteady = grown(({ heapBytes }) => heapBytes) <= MOST_GROWN_BYTES
  const rows = [
    row('heap after a collection', (each) => each.heapBytes, '+ 5,000 kB', isSteady ? 'ok' : 'GROWS'),
    row('buffers: the parts in memory, tables', (each) => each.bufferBytes),
    row('  of them the tables of all segments and parts', (each) => each.tableBytes),
    row('playlist of the last segments', (each) => each.liveTextBytes),
    row('playlist from the start (DVR)', (each) => each.dvrTextBytes),
    row('recorded', (each) => each.recordedBytes),
    [
      'segments that the recording has not',
      ...held.map(({ holes }) => String(holes)),
      '0',
      last.holes === 0 ? 'ok' : 'HOLES',
    ],
  ]
  const heads = [
    'recording by a fast clock',
    ...held.map((each) => `after ${each.hours.toFixed(2)} h`),
    '',
    '',
  ]
  process.stdout.write(`${formatTable(heads, rows)}\n`)
  const perHour = kilobytes(grown(({ tableBytes }) => tableBytes) / hours)
  process.stdout.write(`An hour of segments of two seconds takes ${perHour} of tables.\n`)
}

const MOST_GROWN_BYTES = 5e6

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1_000).toLocaleString('en')} kB`
}

const MOST_BYTES = 30e6

function memoryRow(bytes: number): string[] {
  return [
    '  memory for each input',
    megabytes(bytes),
    megabytes(MOST_BYTES),
    bytes <= MOST_BYTES ? 'ok' : 'TOO MUCH',
  ]
}

async function recordingRows(target: TestServer, film: string): Promise<string[][]> {
  const name = 'recording: samples that are as they were sent'
  try {
    const { pictures, sounds, readyMs } = await compareRecording(target, film)
    const all = pictures.same === pictures.sent
    return [
      [`${name}: pictures`, `${pictures.same} of ${pictures.sent}`, 'all', all ? 'ok' : 'DIFFERENT'],
      // It begins with the first picture: what sounded before that has no place in it.
      ['  sounds', `${sounds.same} of ${sounds.sent}`, 'those from the first picture on', ''],
      [
        '  the video is ready after the end, 1 s of it its window',
        ms(readyMs),
        ms(3_000),
        readyMs <= 3_000 ? 'ok' : 'TOO SLOW',
      ],
    ]
  } catch (error) {
    return [[name, '', '', `not measured: ${sentenceOf(error)}`]]
  }
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function sentenceOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 160) ?? ''
}

await measure()
