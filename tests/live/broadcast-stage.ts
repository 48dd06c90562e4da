/** Broadcasts over a real database, real files and a clock of the test's own, with publishers inside the process. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Broadcasts, type BroadcastsDeps } from '../../src/core/broadcasts/index.ts'
import {
  createLiveInput,
  findStatus,
  type LiveInput,
  LiveInputChanges,
  type LiveInputDeps,
  type LiveInputFields,
  streamIdOf,
  streamKeyOf,
} from '../../src/core/live-inputs/index.ts'
import { getVideo, listEvents, type Video } from '../../src/core/videos/index.ts'
import type { AccessUnit, LiveFormat } from '../../src/media/live/units.ts'
import type { LiveCaller, LiveProtocol, Publishing } from '../../src/live-ports.ts'
import type { Blobs, Clock } from '../../src/ports.ts'
import { ACCOUNT, type Engine, startEngine } from '../media/engine.ts'
import { TestClock } from '../suites/test-clock.ts'
import { type LiveFilm, makeFilm, readFilm, type FilmRecipe } from './live-units.ts'

export type Stage = AsyncDisposable & {
  readonly engine: Engine
  readonly clock: TestClock
  readonly inputs: LiveInputDeps & Pick<Engine, 'fetcher'>
  readonly folder: string
  /** Those of now: `restart` makes new ones. */
  readonly broadcasts: Broadcasts
  createInput(fields?: LiveInputFields): Promise<LiveInput>
  publish(input: LiveInput, protocol?: LiveProtocol): Promise<TestPublisher>
  /** Reasons of an input's states (or an output's), oldest first. */
  reasons(subject: string): Promise<string[]>
  /** Videos of an input, oldest first. */
  videos(input: LiveInput): Promise<Video[]>
  /** Kinds of events of a video, oldest first. */
  events(uid: string): Promise<string[]>
  /** Lets the clock run until `until` answers something. */
  pass<T>(ms: number, until: () => Promise<T | undefined> | T | undefined): Promise<T>
  /** Ends the broadcasts, or (`kill`) leaves them as they are, and starts others over the same database. */
  restart(how?: 'stop' | 'kill'): Promise<void>
}

export type StageOptions = {
  readonly blobs?: (blobs: Blobs) => Blobs
  readonly deps?: (engine: Engine) => Partial<BroadcastsDeps>
}

/** Opens one; the `mode` of its inputs is `automatic` unless they say otherwise. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-live-'))
  const engine = await startEngine({ folder })
  const clock = new TestClock()
  const changes = new LiveInputChanges()
  const inputs = { ...engine, clock, liveInputChanges: changes }
  let life = { isOver: false }
  const create = async (): Promise<Broadcasts> => {
    const own = { isOver: false }
    life = own
    const made = new Broadcasts({
      db: engine.db,
      blobs: options.blobs?.(engine.blobs) ?? engine.blobs,
      clock: mortal(clock, own),
      jobs: engine.jobs,
      log: engine.log,
      fetcher: engine.fetcher,
      liveInputChanges: changes,
      senders: [],
      limits: { storageMinutes: 0, minFreeBytes: 0 },
      ...options.deps?.(engine),
    })
    await made.start()
    return made
  }
  let broadcasts = await create()
  return {
    engine,
    clock,
    inputs,
    folder,
    get broadcasts() {
      return broadcasts
    },
    createInput: (fields = {}) =>
      createLiveInput(inputs, ACCOUNT, {
        ...fields,
        recording: { mode: 'automatic', ...fields.recording },
      }),
    publish: (input, protocol = 'rtmp') => publishTo(broadcasts, input, protocol),
    async reasons(subject) {
      await broadcasts.statuses.settle()
      const status = await findStatus(engine.db, subject)
      return status === null
        ? []
        : [status.current, ...status.history].map(({ reason }) => reason).toReversed()
    },
    async videos(input) {
      const rows = await engine.db
        .selectFrom('videos')
        .select('uid')
        .where('live_input', '=', input.uid)
        .orderBy('created_us')
        .execute()
      const videos = await Promise.all(rows.map(({ uid }) => getVideo(engine.db, uid)))
      return videos.filter((video) => video !== undefined)
    },
    async events(uid) {
      return (await listEvents(engine.db, uid)).map(({ kind }) => kind)
    },
    async pass(ms, until) {
      for (;;) {
        const found = await until()
        if (found !== undefined) return found
        clock.advance(ms)
        // What was woken goes on, and the disk and the database with it.
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async restart(how = 'stop') {
      if (how === 'stop') await broadcasts.stop()
      else life.isOver = true
      broadcasts = await create()
    },
    async [Symbol.asyncDispose]() {
      await broadcasts.stop()
      await engine.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A clock whose sleepers never wake once their process has died. */
function mortal(clock: TestClock, life: { readonly isOver: boolean }): Clock {
  return {
    nowUs: () => clock.nowUs(),
    monotonicMs: () => clock.monotonicMs(),
    newUid: () => clock.newUid(),
    newSecret: (bytes) => clock.newSecret(bytes),
    async sleep(ms, signal) {
      await clock.sleep(ms, signal)
      if (life.isOver) await new Promise(() => {})
    },
  }
}

/** A publisher inside the process. */
export type TestPublisher = Publishing & {
  /** Why it was sent away; undefined while it was not. */
  readonly cutBy: Error | undefined
  /** Formats, then units. */
  send(film: Pick<LiveFilm, 'video' | 'audio' | 'units'>): void
}

async function publishTo(
  broadcasts: Broadcasts,
  input: LiveInput,
  protocol: LiveProtocol,
): Promise<TestPublisher> {
  let cutBy: Error | undefined
  const caller: LiveCaller = {
    protocol,
    key: protocol === 'srt' ? streamIdOf(input, 'publish') : streamKeyOf(input, 'publish'),
    remote: '127.0.0.1',
    onCut: (reason) => {
      cutBy = reason
    },
  }
  const publishing = await broadcasts.door.publish(caller)
  return {
    inputUid: publishing.inputUid,
    format: (format: LiveFormat) => publishing.format(format),
    unit: (unit: AccessUnit) => publishing.unit(unit),
    end: (how, why) => publishing.end(how, why),
    get cutBy() {
      return cutBy
    },
    send({ video, audio, units }) {
      for (const format of [video, audio]) if (format !== null) publishing.format(format)
      for (const unit of units) publishing.unit(unit)
    },
  }
}

/** A film, and what an independent decoder finds in its file: MD5 of each picture, and of each stored frame of sound. */
export type DigestedFilm = LiveFilm & {
  readonly pictures: readonly string[]
  readonly sounds: readonly string[]
}

const films = new Map<string, Promise<DigestedFilm>>()

/** A film of this recipe, made once per process. */
export function filmOf(recipe: FilmRecipe): Promise<DigestedFilm> {
  const key = JSON.stringify(recipe)
  const made = films.get(key) ?? makeDigested(recipe)
  films.set(key, made)
  return made
}

async function makeDigested(recipe: FilmRecipe): Promise<DigestedFilm> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-film-'))
  try {
    const file = join(folder, 'film.mp4')
    await makeFilm(file, recipe)
    const sounds = recipe.sound === null ? [] : await digests(file, 'a')
    return { ...(await readFilm(file)), pictures: await digests(file, 'v'), sounds }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** MD5 of each decoded picture, or of each stored frame of sound, of a file; throws at what the decoder complains of. */
export async function digests(file: string, kind: 'v' | 'a'): Promise<string[]> {
  const how = kind === 'v' ? ['-fps_mode', 'passthrough'] : ['-c', 'copy']
  const output = ['-f', 'framehash', '-hash', 'md5', '-']
  const args = ['-v', 'error', '-i', file, '-map', `0:${kind}`, ...how, ...output]
  const { stdout, stderr } = await promisify(execFile)('ffmpeg', args)
  if (stderr.trim() !== '') throw new Error(`ffmpeg complains about ${file}: ${stderr}`)
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}
