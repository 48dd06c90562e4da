import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../tests/faults/seeded-random.ts'
import { SteadyTimes } from './steady-times.ts'
import { type AccessUnit, LIVE_TIMESCALE } from './units.ts'

const SECOND = LIVE_TIMESCALE
const PICTURE = SECOND / 25
const SOUND = 1920
const DATA = new Uint8Array(1)

type Sent = { kind: AccessUnit['kind']; at: number; isSync: boolean }

/** What a camera makes: pictures with a key frame each second, and sound, in order of time. */
function sentUnits(seconds: number, from = 0): Sent[] {
  const pictures = Array.from({ length: seconds * 25 }, (_, n) => ({
    kind: 'video' as const,
    at: from + n * PICTURE,
    isSync: n % 25 === 0,
  }))
  const sounds = Array.from({ length: Math.floor((seconds * SECOND) / SOUND) }, (_, n) => ({
    kind: 'audio' as const,
    at: from + n * SOUND,
    isSync: true,
  }))
  return [...pictures, ...sounds].sort((one, other) => one.at - other.at)
}

function unit({ kind, isSync }: Sent, dts: number, reorder = 0): AccessUnit {
  return { kind, dts, pts: dts + reorder, isSync, data: DATA }
}

/** Sends everything through, under the publisher's clock as `clock` says it. */
function steady(
  sent: readonly Sent[],
  clock: (at: number) => number,
  times = new SteadyTimes(),
): AccessUnit[] {
  return sent.flatMap((one) => times.take(unit(one, clock(one.at))))
}

function timesOf(units: readonly AccessUnit[], kind: AccessUnit['kind']): number[] {
  return units.filter((one) => one.kind === kind).map((one) => one.dts)
}

function expected(sent: readonly Sent[], kind: AccessUnit['kind']): number[] {
  return sent.filter((one) => one.kind === kind).map((one) => one.at)
}

describe('steady times', () => {
  const sent = sentUnits(20)

  test.each([2, 4, 9])(
    'of sound that has run for %i seconds before the first picture stay beside it',
    (seconds) => {
      const late = sent.filter(({ kind, at }) => kind === 'audio' || at >= seconds * SECOND)
      const units = steady(late, (at) => at + 77 * SECOND)
      const from = (kind: AccessUnit['kind']) =>
        expected(late, kind)
          .filter((at) => at >= seconds * SECOND)
          .map((at) => at - seconds * SECOND)
      expect(timesOf(units, 'video')).toEqual(from('video'))
      expect(timesOf(units, 'audio')).toEqual(from('audio'))
    },
  )

  test.each([
    ['begin anywhere', (at: number) => at + 123_456_789],
    ['begin below nothing', (at: number) => at - 5 * SECOND],
    [
      "wrap at 2^32 of RTMP's milliseconds",
      (at: number) => (at + 2 ** 32 * 90 - 7 * SECOND) % (2 ** 32 * 90),
    ],
    ["wrap at 33 bits of MPEG's clock", (at: number) => (at + 2 ** 33 - 7 * SECOND) % 2 ** 33],
    ["wrap at RTP's 32 bits", (at: number) => (at + 2 ** 32 - 7 * SECOND) % 2 ** 32],
    ['jump ahead by a day', (at: number) => (at < 8 * SECOND ? at : at + 86_400 * SECOND)],
    ['jump ahead by eleven seconds', (at: number) => (at < 8 * SECOND ? at : at + 11 * SECOND)],
    ['jump back to the beginning', (at: number) => (at < 8 * SECOND ? at + SECOND : at - 8 * SECOND)],
    ['jump back by a second', (at: number) => (at < 8 * SECOND ? at : at - SECOND)],
  ])('times that %s come out as if they had not', (_, clock) => {
    const made = steady(sent, clock)
    expect(timesOf(made, 'video')).toEqual(expected(sent, 'video'))
    // The latest of both tracks decides where a jump goes on, so sound may move by less than one frame of it.
    const sounds = timesOf(made, 'audio')
    expect(sounds).toHaveLength(expected(sent, 'audio').length)
    for (const [index, at] of expected(sent, 'audio').entries()) {
      expect(Math.abs((sounds[index] ?? 0) - at)).toBeLessThanOrEqual(PICTURE)
    }
  })

  test('sound that follows a jump later goes on under the same offset as the picture', () => {
    const times = new SteadyTimes()
    steady(sentUnits(4), (at) => at, times)
    const after = sentUnits(4, 4 * SECOND)
    // Pictures arrive half a second before the sound of the same time.
    const late = after.toSorted(
      (one, other) =>
        one.at -
        (one.kind === 'video' ? SECOND / 2 : 0) -
        (other.at - (other.kind === 'video' ? SECOND / 2 : 0)),
    )
    const made = steady(late, (at) => at + 500 * SECOND, times)
    const apart = (timesOf(made, 'audio')[0] ?? 0) - (timesOf(made, 'video')[0] ?? 0)
    expect(apart).toBe((expected(after, 'audio')[0] ?? 0) - (expected(after, 'video')[0] ?? 0))
  })

  test('one damaged time moves nothing but its own unit', () => {
    const made = steady(sent, (at) => (at === 10 * SECOND ? at + 5000 * SECOND : at))
    const moved = timesOf(made, 'video').filter((at, index) => at !== expected(sent, 'video')[index])
    expect(moved).toHaveLength(1)
    expect(Math.abs((moved[0] ?? 0) - 10 * SECOND)).toBeLessThan(PICTURE)
  })

  test('a connection begins with a sync picture: pictures before it and earlier sound are left out', () => {
    const times = new SteadyTimes()
    const made = steady(sent.slice(5), (at) => at, times)
    const pictures = timesOf(made, 'video')
    expect(pictures[0]).toBe(0)
    expect(pictures).toHaveLength(19 * 25)
    expect(timesOf(made, 'audio').every((at) => at >= 0)).toBe(true)
    expect(made[0]).toMatchObject({ kind: 'video', isSync: true })
  })

  test('sound that is sent before the first picture waits for it', () => {
    const times = new SteadyTimes()
    const early = [0, 1, 2, 3].map((n) => unit({ kind: 'audio', at: 0, isSync: true }, n * SOUND))
    expect(early.flatMap((one) => times.take(one))).toEqual([])
    const made = times.take(unit({ kind: 'video', at: 0, isSync: true }, SOUND))
    expect(made.map(({ kind, dts }) => [kind, dts])).toEqual([
      ['video', 0],
      ['audio', 0],
      ['audio', SOUND],
      ['audio', 2 * SOUND],
    ])
  })

  test('sound alone begins by itself when no picture comes for ten seconds', () => {
    const sounds = sentUnits(20, 7 * SECOND).filter(({ kind }) => kind === 'audio')
    const made = timesOf(
      steady(sounds, (at) => at),
      'audio',
    )
    expect(made).toEqual(sounds.map(({ at }) => at - 7 * SECOND))
  })

  test.each([
    ['under the same clock', 0],
    ['under a clock of its own', -6 * SECOND],
    ['under another clock of its own', 90_000 * SECOND],
  ])('sound that starts late comes when it is heard, %s', (_, shift) => {
    const late = sent.filter((one) => one.kind === 'video' || one.at >= 6 * SECOND)
    const times = new SteadyTimes()
    const made = late.flatMap((one) => times.take(unit(one, one.kind === 'audio' ? one.at + shift : one.at)))
    const first = timesOf(made, 'audio')[0] ?? 0
    expect(Math.abs(first - 6 * SECOND)).toBeLessThanOrEqual(PICTURE)
  })

  test('pictures that stand still while the sound goes on keep their time', () => {
    const frozen = sent.filter((one) => one.kind === 'audio' || one.at < 2 * SECOND || one.at >= 15 * SECOND)
    expect(
      timesOf(
        steady(frozen, (at) => at),
        'video',
      ),
    ).toEqual(expected(frozen, 'video'))
  })

  test('a reconnection goes on without a hole, whatever its clock says', () => {
    const times = new SteadyTimes()
    const first = steady(sentUnits(4), (at) => at, times)
    const end = times.endTicks
    expect(end).toBeGreaterThanOrEqual(4 * SECOND)
    times.reconnect()
    const again = steady(sentUnits(4), (at) => at + 77, times)
    expect(again[0]).toMatchObject({ kind: 'video', isSync: true, dts: end })
    expect(Math.max(...first.map((one) => one.dts))).toBeLessThan(end)
  })

  test('a restart goes on where the recording ended', () => {
    const made = steady(sentUnits(1), (at) => at + 5, new SteadyTimes(44 * SECOND))
    expect(made[0]?.dts).toBe(44 * SECOND)
  })

  test.each([
    ['within the clock', 9 * SECOND, 3600],
    ['across the wrap of 33 bits', 2 ** 33 - 10, 3600],
    ['across the wrap of 2^32 ms', 2 ** 32 * 90 - 90, 3600],
  ])('the order of showing survives %s', (_, at, reorder) => {
    const wrap = at > 2 ** 34 ? 2 ** 32 * 90 : at > SECOND * 100 ? 2 ** 33 : Number.MAX_SAFE_INTEGER
    const [made] = new SteadyTimes().take({
      kind: 'video',
      isSync: true,
      dts: at,
      pts: (at + reorder) % wrap,
      data: DATA,
    })
    expect(made).toMatchObject({ dts: 0, pts: reorder })
  })

  test('whatever comes, the times of each track rise and begin at nothing', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed)
      const times = new SteadyTimes()
      const last = { video: -1, audio: -1 }
      let clock = random() * 2 ** 33
      let count = 0
      for (let n = 0; n < 400; n++) {
        const what = random()
        if (what < 0.02) clock = random() * 2 ** 40 - 2 ** 20
        else if (what < 0.03) times.reconnect()
        else if (what < 0.05) clock -= random() * SECOND
        clock += random() * PICTURE * 2
        const kind = random() < 0.5 ? 'video' : 'audio'
        const sent = unit(
          { kind, at: 0, isSync: random() < 0.3 },
          Math.round(clock),
          Math.round(random() * 9000),
        )
        for (const made of times.take(sent)) {
          expect(made.dts, `seed ${seed}`).toBeGreaterThan(last[made.kind])
          expect(made.pts).toBeGreaterThanOrEqual(made.dts)
          last[made.kind] = made.dts
          count++
        }
      }
      expect(count).toBeGreaterThan(100)
      // Jumps are closed: four hundred units never take longer than as many longest holes, and as a rule far less.
      expect(times.endTicks).toBeLessThan(400 * 3 * SECOND)
    }
  })
})
