/** What the player decides about broadcasts, without a page. */

import { ErrorDetails, Events } from 'hls.js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Asking, pauseMs } from '../web/player/asking-pace.ts'
import { chooseRate, isFarBehind, isLateStart } from '../web/player/catch-up.ts'
import { readIceServers } from '../web/player/ice-servers.ts'
import { type Distanced, returnWhenCalm } from '../web/player/live-distance.ts'
import { afterAnswer, type Lifecycle, type LivePhase, NOT_STARTED } from '../web/player/live-phase.ts'
import { chooseWay } from '../web/player/live-way.ts'

const ON_AIR: Lifecycle = { live: true, videoUID: 'one', status: 'connected' }
const AWAY: Lifecycle = { ...ON_AIR, status: 'reconnecting' }
const OVER: Lifecycle = { live: false, videoUID: null, status: 'disconnected' }

describe('where a page stands', () => {
  test.each<[phase: LivePhase, answer: Lifecycle, next: LivePhase, begins: boolean]>([
    ['idle', OVER, 'idle', false],
    ['idle', ON_AIR, 'live', true],
    ['idle', AWAY, 'away', true],
    ['live', ON_AIR, 'live', false],
    ['live', AWAY, 'away', false],
    ['live', OVER, 'ending', false],
    ['live', { ...ON_AIR, videoUID: 'two' }, 'live', true],
    ['away', ON_AIR, 'live', false],
    ['away', OVER, 'ending', false],
    // Its last picture was shown before the server knew that it is over.
    ['ended', ON_AIR, 'ended', false],
    ['ending', ON_AIR, 'ending', false],
    ['ended', OVER, 'ended', false],
    ['ended', { ...ON_AIR, videoUID: 'two' }, 'live', true],
    ['ending', { ...ON_AIR, videoUID: 'two' }, 'live', true],
  ])('%s, then %o: %s, begins: %s', (phase, answer, next, begins) => {
    const found = afterAnswer({ phase, broadcast: phase === 'idle' ? null : 'one' }, answer)
    expect([found.standing.phase, found.begins]).toEqual([next, begins])
  })

  test('broadcasts that become no video begin again, too', () => {
    const unnamed = { live: true, videoUID: null }
    const first = afterAnswer(NOT_STARTED, unnamed).standing
    expect(afterAnswer(first, unnamed).begins).toBe(false)
    expect(afterAnswer({ ...first, phase: 'ended' }, unnamed).begins).toBe(true)
  })
})

test.each<[string, Partial<Asking>, number]>([
  ['waits', {}, 3_000],
  ['plays', { running: true }, 6_000],
  ['is hidden since a while', { hidden: true, unseen: 2 }, 12_000],
  ['is hidden since long', { hidden: true, unseen: 20 }, 60_000],
  ['is heard, though hidden', { hidden: true, unseen: 20, running: true }, 6_000],
  ['gets no answers', { failures: 2 }, 12_000],
  ['gets no answers for long', { failures: 30 }, 30_000],
])('a page that %s asks after a while, and not with all others', (_what, asking, middle) => {
  const usual = { running: false, hidden: false, unseen: 0, failures: 0 }
  const pause = (random: number) => pauseMs({ ...usual, ...asking, random })
  expect([pause(0), pause(0.5), pause(1)]).toEqual([middle * 0.75, middle, middle * 1.25])
})

test.each([
  [0.15, 5, 1, 1],
  [0.22, 5, 1, 1.05],
  [0.35, 5, 1, 1.1],
  [0.5, 5, 1, 1.15],
  [9, 5, 1, 1.15],
  // Once begun, it is brought to an end.
  [0.1, 5, 1.05, 1.05],
  [0.05, 5, 1.05, 1],
  // Nothing would be left to play.
  [3, 0.5, 1.1, 1],
  [-1, 5, 1, 1],
])('%d s behind with %d s loaded at %d: plays at %d', (behindSeconds, loadedSeconds, rate, next) => {
  expect(chooseRate({ behindSeconds, loadedSeconds, rate })).toBeCloseTo(next, 6)
})

test.each([
  [0.1, 5, false],
  [0.7, 1.6, true],
  // What is left would not last until more has come.
  [0.7, 1.2, false],
  [20, 5, false],
])('a first picture %d s late with %d s loaded is jumped: %s', (behindSeconds, loadedSeconds, jumps) => {
  expect(isLateStart({ behindSeconds, loadedSeconds })).toBe(jumps)
})

test('a long way back to the edge is jumped', () => {
  expect([isFarBehind(11), isFarBehind(13)]).toEqual([false, true])
})

describe('after a stop', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  /** As much of hls.js as is asked for: where it plays, and how it tells of stops. */
  function begin(lowLatency: boolean) {
    vi.useFakeTimers()
    const listeners: ((event: Events.ERROR, data: { details: ErrorDetails }) => void)[] = []
    const hls: Distanced & { targetLatency: number | null } = {
      targetLatency: null,
      latestLevelDetails: { targetduration: 2 },
      on: (_event, listener) => listeners.push(listener),
    }
    const ending = new AbortController()
    returnWhenCalm(hls, lowLatency, ending.signal)
    const tell = (details: ErrorDetails) =>
      listeners.forEach((listener) => listener(Events.ERROR, { details }))
    return { hls, ending, stop: () => tell(ErrorDetails.BUFFER_STALLED_ERROR), tell }
  }

  test.each([
    [true, 1.1],
    [false, 4.8],
  ])(
    'a player comes back near the end when it has not stopped for a minute; low latency: %s',
    (low, near) => {
      const { hls, stop, tell } = begin(low)
      tell(ErrorDetails.FRAG_LOAD_ERROR)
      vi.advanceTimersByTime(100_000)
      expect(hls.targetLatency).toBeNull()
      stop()
      vi.advanceTimersByTime(59_000)
      expect(hls.targetLatency).toBeNull()
      vi.advanceTimersByTime(1_000)
      expect(hls.targetLatency).toBeCloseTo(near, 6)
    },
  )

  test('it waits longer after each further one, and not at all once it is over', () => {
    const { hls, stop, ending } = begin(true)
    stop()
    vi.advanceTimersByTime(50_000)
    stop()
    vi.advanceTimersByTime(119_000)
    expect(hls.targetLatency).toBeNull()
    vi.advanceTimersByTime(1_000)
    expect(hls.targetLatency).toBe(1.1)
    hls.targetLatency = null
    stop()
    ending.abort()
    vi.advanceTimersByTime(1_000_000)
    expect(hls.targetLatency).toBeNull()
  })
})

describe('the way a broadcast is played', () => {
  const input = { isInput: true, running: true, hls: true, lowLatency: false, realTime: false }
  const asked = { protocol: null, dvrEnabled: false } as const
  const HLS = 'manifest/video.m3u8'
  const WHEP = 'webRTC/play'

  test.each([
    [{}, {}, HLS],
    [{ lowLatency: true }, {}, `${HLS}?protocol=llhls`],
    [{ lowLatency: true }, { protocol: 'hls' }, HLS],
    [{ lowLatency: true }, { dvrEnabled: true }, `${HLS}?protocol=llhls&dvrEnabled=true`],
    // Only who prefers low latency has parts made.
    [{}, { protocol: 'llhls' }, HLS],
    [{ realTime: true }, {}, WHEP],
    [{ realTime: true }, { dvrEnabled: true }, `${HLS}?dvrEnabled=true`],
    [{ realTime: true }, { protocol: 'hls' }, HLS],
    [{}, { protocol: 'webrtc' }, WHEP],
    [{ isInput: false }, { protocol: 'webrtc' }, HLS],
    [{ hls: false }, {}, WHEP],
    [{ hls: false }, { protocol: 'hls' }, WHEP],
  ] as const)('of %o, asked for by %o, is %s', (live, options, address) => {
    expect(chooseWay({ ...input, ...live }, { ...asked, ...options }, true)?.address).toBe(address)
  })

  test('is HLS where no connection comes about, or none', () => {
    const real = { ...input, realTime: true }
    expect(chooseWay(real, { ...asked, protocol: 'webrtc' }, false)?.address).toBe(HLS)
    expect(chooseWay({ ...real, hls: false }, asked, false)).toBeNull()
  })
})

describe('servers that help a connection', () => {
  test.each<[string | null, object[]]>([
    [null, []],
    ['<https://example.com/>; rel="next"', []],
    ['<stun:stun.example.com:3478>; rel="ice-server"', [{ urls: 'stun:stun.example.com:3478' }]],
    [
      '<turn:t.example.com?transport=udp>; rel="ice-server"; username="me"; credential="a, b; c"; credential-type="password", <stun:s.example.com>;rel=ice-server',
      [
        { urls: 'turn:t.example.com?transport=udp', username: 'me', credential: 'a, b; c' },
        { urls: 'stun:s.example.com' },
      ],
    ],
  ])('%s', (link, servers) => {
    expect(readIceServers(link)).toEqual(servers)
  })
})
