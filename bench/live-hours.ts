/**
 * Hours of one broadcast as quickly as they can be taken in: everything between a publisher and the disk is real but the
 * clock. What is held after a collection of garbage tells whether it grows.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { livePlaylistText, type LivePackage } from '../src/core/live-packaging/index.ts'
import { LIVE_TIMESCALE } from '../src/media/live/units.ts'
import type { Blobs, Draft } from '../src/ports.ts'
import { openStage } from '../tests/live/broadcast-stage.ts'
import { later, type LiveFilm, makeFilm, readFilm } from '../tests/live/live-units.ts'

/** What is held at one point of a broadcast. */
export type Held = {
  readonly hours: number
  readonly heapBytes: number
  /** Of parts, tables and whatever else lies outside the heap. */
  readonly bufferBytes: number
  /** Of the tables of all segments and parts. */
  readonly tableBytes: number
  /** The playlist of the pictures: from the start, and of the last seconds. */
  readonly dvrTextBytes: number
  readonly liveTextBytes: number
  readonly recordedBytes: number
  /** Segments of any track that the recording has not, but for the latest two. */
  readonly holes: number
}

/** So long that frames of AAC and groups of pictures come out even. */
const FILM_SECONDS = 8
const COLLECTIONS = 2

/** Publishes for `hours`, and looks after an eighth of them and at the end. */
export async function measureHours(hours: number): Promise<readonly Held[]> {
  setFlagsFromString('--expose-gc')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the flag adds
  const collect = runInNewContext('gc') as () => void
  const film = await makeLoop()
  const work = new Work()
  await using stage = await openStage({ blobs: (blobs) => work.watch(blobs) })
  const input = await stage.createInput()
  const publisher = await stage.publish(input)
  publisher.send({ ...film, units: [] })
  const seen: Held[] = []
  const films = Math.round((hours * 3_600) / FILM_SECONDS)
  for (let count = 1; count <= films; count += 1) {
    const from = (count - 1) * FILM_SECONDS * LIVE_TIMESCALE
    let passedSeconds = 0
    for (const unit of later(film.units, from)) {
      publisher.unit(unit)
      if (unit.dts - from < (passedSeconds + 1) * LIVE_TIMESCALE) continue
      passedSeconds += 1
      stage.clock.advance(1_000)
      await work.done()
    }
    stage.clock.advance((FILM_SECONDS - passedSeconds) * 1_000)
    await work.done()
    if (count !== Math.round(films / 8) && count !== films) continue
    for (let times = 0; times < COLLECTIONS; times += 1) {
      collect()
      await new Promise(setImmediate)
    }
    const recording = stage.broadcasts.find(input.uid)?.recording
    if (!recording) throw new Error('The broadcast has ended by itself.')
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    seen.push({
      hours: (count * FILM_SECONDS) / 3_600,
      heapBytes: heapUsed,
      bufferBytes: arrayBuffers,
      recordedBytes: work.bytes,
      ...sizesOf(recording.package),
    })
  }
  publisher.end('clean')
  return seen
}

function sizesOf(pack: LivePackage) {
  const asked = { folder: '..', lowLatency: false, skip: false }
  const picture = pack.renditions.find(({ kind }) => kind === 'video')?.id ?? ''
  let [tableBytes, holes] = [0, 0]
  for (const rendition of pack.renditions) {
    tableBytes += rendition.tableBytes
    for (let segment = 0; segment < rendition.completeSegment - 2; segment += 1) {
      if (rendition.ranges(segment).length === 0) holes += 1
    }
  }
  return {
    tableBytes,
    holes,
    dvrTextBytes: livePlaylistText(pack, picture, { ...asked, dvr: true }).length,
    liveTextBytes: livePlaylistText(pack, picture, { ...asked, dvr: false }).length,
  }
}

/** A picture as small as it may be, 25 times a second, and sound. */
async function makeLoop(): Promise<LiveFilm> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-bench-hours-'))
  try {
    const file = join(folder, 'film.mp4')
    const picture = '-g 50 -bf 0 -b:v 60k -maxrate 60k -bufsize 60k'.split(' ')
    await makeFilm(file, {
      seconds: FILM_SECONDS,
      size: '160x90',
      picture,
      sound: ['-ac', '1', '-b:a', '32k'],
    })
    const film = await readFilm(file)
    return { ...film, units: film.units.filter(({ dts }) => dts < FILM_SECONDS * LIVE_TIMESCALE) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What the disk is still at: no clock runs away from it. */
class Work {
  bytes = 0
  #running = 0

  watch(blobs: Blobs): Blobs {
    const createDraft = async (): Promise<Draft> => {
      const draft = await blobs.createDraft()
      return new Proxy(draft, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target)
          if (typeof value !== 'function') return value
          return (...args: unknown[]): unknown => this.#count(Reflect.apply(value, target, args), name, args)
        },
      })
    }
    return new Proxy(blobs, {
      get: (target, name) => {
        const value: unknown = name === 'createDraft' ? createDraft : Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  /** Resolves once nothing runs. */
  async done(): Promise<void> {
    do await new Promise(setImmediate)
    while (this.#running > 0)
  }

  #count(result: unknown, name: string | symbol, args: readonly unknown[]): unknown {
    if (name === 'append') {
      for (const buffer of args[0] as readonly Uint8Array[]) this.bytes += buffer.byteLength
    }
    if (!(result instanceof Promise)) return result
    this.#running += 1
    return result.finally(() => {
      this.#running -= 1
    })
  }
}
