/** What is told of a file at which the decoder, or our own reader, uses up what it may: real runs that really go over. */

import { readdir, readFile, readlink } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { giveUpEncode } from '../../src/core/encoding/index.ts'
import { failIngest } from '../../src/core/ingest/index.ts'
import type { Video } from '../../src/core/videos/index.ts'
import { presentFailure } from '../../src/http/present-failure.ts'
import type { ClaimedJob } from '../../src/jobs/job.ts'
import { MEDIA_FAULTS, type MediaFault } from '../../src/lib/media-faults.ts'
import type { Decoder, DecoderTask } from '../../src/ports.ts'
import { type GoodFiles, makeGoodFiles } from './good-files.ts'
import { type Engine, startEngine } from './engine.ts'

/** What is done to a run. */
type Trouble = {
  readonly change: (task: DecoderTask) => DecoderTask
  /** Sent to the decoder itself, inside its walls, as soon as it runs. */
  readonly signal?: NodeJS.Signals
}

const NONE: Trouble = { change: (task) => task }
let good: GoodFiles
let engine: Engine
let trouble = NONE

beforeAll(async () => {
  good = await makeGoodFiles()
  engine = await startEngine({ around })
})
afterAll(() => engine.close())

const limited = (limits: Partial<DecoderTask['limits']>) => (task: DecoderTask) => ({
  ...task,
  limits: { ...task.limits, ...limits },
})
/** No faster than the film: two seconds, in which much can happen. */
const slowly = (task: DecoderTask): DecoderTask => ({ ...task, args: ['-re', ...task.args] })
/** Keeps fifty pictures of 9 million pixels. */
const hungry = (task: DecoderTask): DecoderTask => ({
  ...task,
  args: task.args.map((word) => word.replace('[0:V:0]', '[0:V:0]scale=4000:2250,reverse,')),
})
const misread = (task: DecoderTask): DecoderTask => ({
  ...task,
  args: task.args.map((word) => (word === 'mov' ? 'avi' : word)),
})
/** Ends after the tenth picture of fifty. */
const tenPictures = (task: DecoderTask): DecoderTask => ({
  ...task,
  args: task.args.map((word, at) => (task.args[at - 1] === '-frames:v' ? '10' : word)),
})

describe('an encode', () => {
  test.each<readonly [what: string, code: MediaFault, trouble: Trouble]>([
    [
      'takes longer than it may',
      'decoding_too_slow',
      { change: (task) => limited({ wallMs: 300 })(slowly(task)) },
    ],
    [
      'stands still',
      'decoding_stuck',
      { change: (task) => limited({ stallMs: 1500 })(slowly(task)), signal: 'SIGSTOP' },
    ],
    [
      'wants more memory than it may',
      'decoding_memory',
      { change: (task) => limited({ memoryBytes: 800 * 2 ** 20 })(hungry(task)) },
    ],
    ['writes more than it may', 'decoding_output', { change: limited({ outputBytes: 2000 }) }],
    ['crashes', 'decoder_crashed', { change: slowly, signal: 'SIGSEGV' }],
    ['is killed for want of memory', 'decoding_memory', { change: slowly, signal: 'SIGKILL' }],
    // As where the file is no longer what it was: a reader that is told wrongly what it reads.
    ['cannot read what it is given', 'decoder_gave_up', { change: misread }],
    ['gives fewer pictures than there are', 'pictures_unfinished', { change: tenPictures }],
  ])('that %s: %s', async (_, code, what) => {
    const uid = await engine.addSource(good['hevc.mp4'])
    trouble = NONE
    await engine.ingest(uid)
    const job = await claimOf(uid)
    trouble = what
    const error = await engine.run(job).catch((thrown: unknown) => thrown)
    await giveUpEncode(engine, job, error)
    await engine.jobs.fail(job, { error: 'given up', retryAtUs: 'never' })
    expectFailure(await engine.video(uid), code, code === 'pictures_unfinished' ? 'package' : 'encode')
    expect(await readdir(`${engine.folder}/work`)).toEqual([])
  })
})

describe('a look at a file', () => {
  test.each<readonly [what: string, code: MediaFault, trouble: Trouble]>([
    [
      'that takes longer than it may',
      'decoding_too_slow',
      { change: (task) => limited({ wallMs: 50 })(slowly(task)) },
    ],
  ])('%s: %s', async (_, code, what) => {
    const uid = await engine.addSource(good['hevc.mp4'])
    trouble = what
    const error = await engine.ingest(uid).catch((thrown: unknown) => thrown)
    await engine.db.transaction().execute((trx) => failIngest(engine, trx, uid, error))
    expectFailure(await engine.video(uid), code, 'decode')
  })
})

describe('our own reader', () => {
  test.each<readonly [what: string, code: MediaFault, thread: { limitMs?: number; heapMb?: number }]>([
    ['takes longer than it may', 'index_too_slow', { limitMs: 1 }],
    ['takes more memory than it may', 'index_unreadable', { heapMb: 8 }],
  ])('%s: %s', async (_, code, thread) => {
    const small = await startEngine({ thread })
    try {
      const uid = await small.addSource(good['first.mp4'])
      const error = await small.ingest(uid).catch((thrown: unknown) => thrown)
      expect(error).toBeUndefined()
      expectFailure(await small.video(uid), code, 'index')
    } finally {
      await small.close()
    }
  })
})

/** Its first job; what failed before it may have left others. */
async function claimOf(uid: string): Promise<ClaimedJob> {
  for (let job = await engine.claim('encode'); job !== undefined; job = await engine.claim('encode')) {
    if (job.videoUid === uid) return job
  }
  throw new Error('nothing to encode')
}

function expectFailure(video: Video, code: MediaFault, stage: string): void {
  if (video.error === null) throw new Error('it did not fail')
  expect(presentFailure(video.error)).toMatchObject({ code, stage, advice: MEDIA_FAULTS[code].advice })
  expect(video.error.reasonCode).toBe(MEDIA_FAULTS[code].reason)
}

function around(run: Decoder['run']): Decoder['run'] {
  return async (task, options) => {
    const { change, signal } = trouble
    const running = run(change(task), options)
    if (signal === undefined) return await running
    const ended = running.then(
      () => true,
      () => true,
    )
    while (!(await Promise.race([signalDecoder(signal), ended]))) {
      // It has not been started yet.
    }
    return await running
  }
}

/** Whether there was one to be signalled. */
async function signalDecoder(signal: NodeJS.Signals): Promise<boolean> {
  const [folder] = (await readdir(`${engine.folder}/work`)).filter((name) => name.startsWith('run-'))
  if (folder === undefined) return false
  let found = false
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (!cwd.endsWith(folder)) continue
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    if (!name.startsWith('ffmpeg')) continue
    process.kill(Number(pid), signal)
    found = true
  }
  return found
}
