import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LiveFeed } from '../../src/core/broadcasts/live-feed.ts'
import { LiveLadder } from '../../src/core/live-conversion/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import { LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import type { LiveDecoder } from '../../src/ports.ts'
import { openLiveDecoder } from '../harness/decoder.ts'
import { type Film, FLASH_SECONDS, makeFilm, tellFilm } from './live-film.ts'
import { Notes, readPictures } from './read-back.ts'

let folder: string
let decoder: LiveDecoder
/** 854 × 480, with pictures that are shown in another order than they are sent in. */
let film: Film
const ladders: LiveLadder[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ladder-'))
  decoder = await openLiveDecoder(folder)
  film = await makeFilm({ picture: 'avc', sound: 'aac', seconds: 4, reordered: true, size: '854x480' })
})

afterEach(() => {
  for (const ladder of ladders.splice(0)) ladder.stop()
})
afterAll(() => rm(folder, { recursive: true }))

describe('the lower rungs of a broadcast', () => {
  test('have its pictures at its times, and their own sync pictures where it has them', async () => {
    const { feed, rungs } = broadcast({ mode: 'on' })
    tellFilm(feed, film)
    const pictures = film.units.filter(({ kind }) => kind === 'video')
    // Those after the last that came wait for the next one.
    await expect.poll(() => rungs.get('360p')?.units.length ?? 0).toBeGreaterThan(pictures.length - 10)
    const rung = rungs.get('360p') ?? new Notes()
    expect([...rungs.keys()]).toEqual(['360p'])
    expect(rung.formats).toMatchObject([{ codec: 'avc', width: 640, height: 360 }])
    const made = rung.units
    const shown = pictures.map(({ pts }) => pts).sort((one, other) => one - other)
    expect(made.map(({ pts }) => pts)).toEqual(shown.slice(0, made.length))
    const syncs = pictures.filter(({ isSync }) => isSync).map(({ pts }) => pts)
    expect(made.filter(({ isSync }) => isSync).map(({ dts }) => dts)).toEqual(syncs)
    expect(made.every(({ dts, pts }) => dts === pts)).toBe(true)
    expect((await readPictures(rung)).flashSeconds - (shown[0] ?? 0) / LIVE_TIMESCALE).toBeCloseTo(
      FLASH_SECONDS,
    )
  })

  test('are measured before they are offered', async () => {
    const fast = broadcast({ mode: 'auto', nowMs: ticking(0) })
    tellFilm(fast.feed, film)
    await expect.poll(() => fast.ladder.offered).toEqual(['360p'])
    // A second passes whenever it is looked, so that a group of pictures of a second takes longer than that.
    const slow = broadcast({ mode: 'auto', nowMs: ticking(1_000) })
    const start = { ...film, units: film.units.filter(({ dts }) => dts < 2 * LIVE_TIMESCALE) }
    tellFilm(slow.feed, start)
    await expect.poll(() => slow.sentences).toContain('The machine cannot make all rungs of a broadcast')
    tellFilm(slow.feed, film, 2 * LIVE_TIMESCALE)
    expect(slow.rungs.size).toBe(0)
    expect(slow.ladder.offered).toEqual([])
  })

  test('go when the machine falls behind; the broadcast does not notice', async () => {
    let nowMs = 0
    const { feed, rungs, ladder, sentences } = broadcast({ mode: 'on', nowMs: () => nowMs })
    const viewer = new Notes()
    feed.listen(viewer)
    tellFilm(feed, film)
    await expect.poll(() => ladder.offered).toEqual(['360p'])
    nowMs = 60_000
    // Half a minute at once, of which it can have made nothing yet.
    for (let round = 1; round < 8; round += 1) tellFilm(feed, film, 4 * round * LIVE_TIMESCALE)
    expect(sentences).toContain('The machine does not keep up with the rungs of a broadcast')
    await rungs.get('360p')?.ended
    expect(ladder.offered).toEqual([])
    expect(viewer.units).toHaveLength(8 * film.units.length)
  })

  test('are taken back when the pictures change, and made anew of what follows', async () => {
    const { feed, rungs, ladder } = broadcast({ mode: 'on' })
    tellFilm(feed, film)
    await expect.poll(() => ladder.offered).toEqual(['360p'])
    const first = rungs.get('360p')
    const other = await makeFilm({ picture: 'avc', seconds: 3, size: '720x480' })
    tellFilm(feed, other, 4 * LIVE_TIMESCALE)
    await first?.ended
    await expect.poll(() => rungs.get('360p')?.formats).toMatchObject([{ width: 540, height: 360 }])
  })

  test('stay when the broadcast ends; its decoder does not', async () => {
    const { feed, rungs, ladder } = broadcast({ mode: 'on' })
    tellFilm(feed, film)
    await expect.poll(() => ladder.offered).toEqual(['360p'])
    let wasTakenBack = false
    void rungs.get('360p')?.ended.then(() => (wasTakenBack = true))
    ladder.stop()
    expect(feed.listeners).toBe(0)
    await expect.poll(() => readdir(folder)).toEqual([])
    expect(wasTakenBack).toBe(false)
  })
})

/** A clock that goes on by `stepMs` whenever it is asked. */
function ticking(stepMs: number): () => number {
  let nowMs = 0
  return () => (nowMs += stepMs)
}

function broadcast(options: { mode: 'auto' | 'on'; nowMs?: () => number }) {
  const feed = new LiveFeed((error) => {
    throw error
  })
  const rungs = new Map<string, Notes>()
  const sentences: string[] = []
  const note = (_: unknown, sentence: string): void => {
    sentences.push(sentence)
  }
  const ladder: LiveLadder = new LiveLadder(
    {
      decoder,
      clock: { monotonicMs: options.nowMs ?? (() => performance.now()) },
      log: { ...silentLog, info: note, warn: note },
    },
    {
      label: 'a test',
      source: feed,
      mode: options.mode,
      addRung: (name) => {
        const notes = new Notes()
        rungs.set(name, notes)
        return notes
      },
    },
  )
  ladders.push(ladder)
  return { feed, rungs, ladder, sentences }
}
