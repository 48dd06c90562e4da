/**
 * The whole ladder of a 1080p clip, by the worker role, against one hand-written ffmpeg command that makes the same
 * rungs with the same settings from the same source (cascaded scalers, sound included). Wall clock and processor time of
 * the whole machine, and when the first four seconds of every rung were there.
 */

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createWorkerRole } from '../src/roles/worker.ts'
import { type Engine, startEngine } from '../tests/media/engine.ts'
import { formatTable } from './table.ts'

const execute = promisify(execFile)
const CLIP_SECONDS = Number(process.argv[2] ?? 24)
const FOLDER = join(tmpdir(), 'headwater-bench-encode')

type Figures = { readonly wallS: number; readonly cpuS: number; readonly firstS: number | null }

await mkdir(FOLDER, { recursive: true })
const h264 = await clip('h264', '-c:v libx264 -preset veryfast -b:v 6M -maxrate 9M -bufsize 12M -g 48 -bf 2')
const hevc = await clip('hevc', '-c:v libx265 -preset ultrafast -crf 24 -x265-params log-level=error')
const rows: string[][] = []
const byHandH264 = await measure(() => byHand(h264))
add('one command, H.264 source', byHandH264, byHandH264)
add('Headwater, every rung', await measure(() => byWorker(h264, true)), byHandH264)
add('Headwater, source kept as its top rung', await measure(() => byWorker(h264, false)), byHandH264)
const byHandHevc = await measure(() => byHand(hevc))
add('one command, HEVC source', byHandHevc, byHandHevc)
add('Headwater, low rung first', await measure(() => byWorker(hevc, false)), byHandHevc)
const heads = [`${CLIP_SECONDS} s of 1080p24`, 'wall', 'ratio', 'CPU', 'ratio', 'first 4 s of all']
process.stdout.write(formatTable(heads, rows))

function add(name: string, figures: Figures, against: Figures): void {
  const { wallS, cpuS, firstS } = figures
  rows.push([
    name,
    `${wallS.toFixed(1)} s`,
    (wallS / against.wallS).toFixed(2),
    `${cpuS.toFixed(1)} s`,
    (cpuS / against.cpuS).toFixed(2),
    firstS === null ? '' : `${firstS.toFixed(1)} s`,
  ])
}

/** Moving pattern and grain, so that it costs what footage costs. */
async function clip(name: string, codec: string): Promise<string> {
  const path = join(FOLDER, `${name}-${CLIP_SECONDS}.mp4`)
  if (existsSync(path)) return path
  const picture = `testsrc2=s=1920x1080:r=24:d=${CLIP_SECONDS},noise=alls=6:allf=t,format=yuv420p`
  const tone = `sine=r=48000:d=${CLIP_SECONDS}`
  const draft = `${path}.draft.mp4`
  await execute('ffmpeg', [
    ...words('-v error -y -f lavfi -i'),
    picture,
    ...words('-f lavfi -i'),
    tone,
    ...words(codec),
    ...words('-c:a aac -ac 2'),
    draft,
  ])
  await rename(draft, path)
  return path
}

async function measure(work: () => Promise<number | null>): Promise<Figures> {
  const cpu = cpuSeconds()
  const startedMs = performance.now()
  const firstS = await work()
  return { wallS: (performance.now() - startedMs) / 1000, cpuS: cpuSeconds() - cpu, firstS }
}

/**
 * What the machine has computed since it started, in hundredths as Linux counts (proc_stat(5)): of whatever runs in the
 * decoder's cage no process outside is told, so the whole is counted and nothing else may run meanwhile.
 */
function cpuSeconds(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/) ?? []
  const [user = 0, nice = 0, system = 0] = fields.slice(1).map(Number)
  return (user + nice + system) / 100
}

/** What a careful person would type. */
async function byHand(source: string): Promise<null> {
  const folder = await mkdtemp(join(FOLDER, 'by-hand-'))
  const rungs = [
    [1920, 1080, 'high', 7500, 10_000],
    [1280, 720, 'high', 4200, 5600],
    [854, 480, 'high', 2100, 2800],
    [640, 360, 'main', 1050, 1400],
    [426, 240, 'main', 450, 600],
  ] as const
  const graph = rungs
    .map(([width, height], index) => {
      const from = index === 0 ? '[0:v]' : `[d${index - 1}]`
      const split = index === rungs.length - 1 ? '' : `,split=2`
      const next = index === rungs.length - 1 ? '' : `[d${index}]`
      return `${from}scale=${width}:${height}:flags=bicubic${split}[v${index}]${next}`
    })
    .join(';')
  const x264 = 'keyint=infinite:scenecut=0:open-gop=0:bframes=3:b-pyramid=normal:ref=1'
  const outputs = rungs.flatMap(([, height, profile, max, buffer], index) => [
    ...words(`-map [v${index}] -c:v libx264 -preset veryfast -profile:v ${profile} -crf 22`),
    ...words(`-maxrate ${max}k -bufsize ${buffer}k -x264-params ${x264}`),
    ...words('-force_key_frames expr:gte(t,n_forced*4) -movflags frag_keyframe+empty_moov'),
    join(folder, `${height}.mp4`),
  ])
  const input = ['-i', source, '-filter_complex', graph]
  const sound = [...words('-map 0:a -c:a aac -b:a 128k'), join(folder, 'sound.mp4')]
  await execute('nice', [...words('-n 10 ffmpeg -v error -y'), ...input, ...outputs, ...sound])
  await rm(folder, { recursive: true })
  return null
}

function words(line: string): string[] {
  return line.split(' ')
}

/** Upload done → complete, as a server does it. */
async function byWorker(source: string, forceLadder: boolean): Promise<number> {
  const engine = await startEngine({ forceLadder })
  const settings = { ...engine.settings, forceLadder, workers: availableParallelism() }
  const worker = createWorkerRole({ ...engine, settings })
  const uid = await engine.addSource(source)
  const startedMs = performance.now()
  let firstMs: number | undefined
  try {
    await worker.start()
    while (!(await isComplete(engine, uid))) {
      firstMs ??= (await hasFirstSegments(engine, uid)) ? performance.now() : undefined
      await engine.clock.sleep(200)
    }
  } finally {
    await worker.stop()
    await engine.close()
  }
  return ((firstMs ?? performance.now()) - startedMs) / 1000
}

async function isComplete(engine: Engine, uid: string): Promise<boolean> {
  const video = await engine.video(uid)
  if (video.state === 'error') throw new Error(JSON.stringify(video.error))
  const row = await engine.db
    .selectFrom('plans')
    .select('complete')
    .where('video_uid', '=', uid)
    .executeTakeFirst()
  return row?.complete === 1
}

async function hasFirstSegments(engine: Engine, uid: string): Promise<boolean> {
  const plan = await engine.plan(uid).catch(() => undefined)
  const there = await engine.db
    .selectFrom('chunks')
    .select('rendition')
    .where('video_uid', '=', uid)
    .where('first_segment', '=', 0)
    .execute()
  const wanted = plan?.plan.video.filter(({ made }) => made !== 'passthrough') ?? []
  return wanted.length > 0 && wanted.every(({ id }) => there.some(({ rendition }) => rendition === id))
}
