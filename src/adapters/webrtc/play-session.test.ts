import { describe, expect, test } from 'vitest'
import { LiveFeed } from '../../core/broadcasts/live-feed.ts'
import { type AccessUnit, LIVE_TIMESCALE } from '../../media/live/units.ts'
import type { SdpCodec } from '../../media/sdp/session-description.ts'
import { PlaySession } from './play-session.ts'
import type { SentPacket } from './secure-channel.ts'

const SSRCS = { video: 1, audio: 2 }

describe('a viewer who comes late', () => {
  test('gets the pictures of the past pressed together in front of the present one, and none of its sound', () => {
    const { session, feed, sent } = stage()
    for (let ms = 0; ms <= 2_000; ms += 40) {
      feed.unit(unit('video', ms, ms === 0))
      feed.unit(unit('audio', ms))
    }
    session.begin()
    const pictures = timesOf(sent, 'video')
    // Of a burst the first packets.
    expect(pictures.slice(0, 3)).toEqual([1_950, 1_951, 1_952])
    expect(timesOf(sent, 'audio')).toEqual([])
  })

  test('hears sound from what is on time on: none of what a conversion makes of the past and gives at once', () => {
    const { session, feed, sent, clock } = stage()
    for (let ms = 0; ms <= 2_000; ms += 40) feed.unit(unit('video', ms, ms === 0))
    session.begin()
    clock.ms += 300
    for (let ms = 0; ms <= 2_280; ms += 10) feed.unit(unit('audio', ms))
    expect(timesOf(sent, 'audio')[0]).toBe(2_240)
    expect(timesOf(sent, 'audio')).toHaveLength(5)
    // What comes later than usual from then on is left to the viewer, who waits for it.
    clock.ms += 500
    feed.unit(unit('audio', 2_290))
    expect(timesOf(sent, 'audio')).toHaveLength(6)
  })

  test('hears sound that is always late after a second, and after a publisher was away again what is on time', () => {
    const { session, feed, sent, clock } = stage()
    feed.unit(unit('video', 0, true))
    session.begin()
    const lateMs = 700
    for (let ms = 0; ms < 2_000; ms += 10) {
      clock.ms += 10
      if (ms >= lateMs) feed.unit(unit('audio', ms - lateMs))
    }
    expect(timesOf(sent, 'audio')[0]).toBe(1_000)
    const before = timesOf(sent, 'audio').length
    clock.ms += 60_000
    feed.gap()
    feed.unit(unit('video', 5_000, true))
    clock.ms += 300
    for (let ms = 5_000; ms <= 5_300; ms += 10) feed.unit(unit('audio', ms))
    expect(timesOf(sent, 'audio').slice(before)[0]).toBe(5_240)
  })

  test('is told by sender reports that picture and sound of one time belong together', () => {
    const { session, feed, reports, clock } = stage()
    for (let ms = 0; ms <= 2_000; ms += 40) feed.unit(unit('video', ms, ms === 0))
    session.begin()
    feed.unit(unit('audio', 2_000))
    clock.ms += 500
    session.tick()
    const [video, audio] = reports.map((bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      return { ntp: view.getBigUint64(8), timestamp: view.getUint32(16) }
    })
    expect(audio?.ntp).toBe(video?.ntp)
    // Both begin at 0 here: half a second after the latest picture, in the clock of each.
    expect([video?.timestamp, audio?.timestamp]).toEqual([2.5 * 90_000, 2.5 * 48_000])
  })
})

/** A session of VP8 and Opus whose streams begin at 0, over a clock that stands. */
function stage() {
  const clock = { ms: 1_000_000 }
  const sent: SentPacket[] = []
  const reports: Uint8Array[] = []
  const feed = new LiveFeed((error) => {
    throw error
  })
  feed.format({ kind: 'video', codec: 'vp8', config: new Uint8Array(0), width: 320, height: 180 })
  feed.format({ kind: 'audio', codec: 'opus', config: new Uint8Array(0), sampleRate: 48_000, channels: 2 })
  const session = new PlaySession({
    feed,
    agreement: {
      sections: [],
      video: { codec: codec('VP8', 90_000), ssrcs: [] },
      audio: { codec: codec('OPUS', 48_000), ssrcs: [] },
      far: { ufrag: '', password: '', fingerprint: { algorithm: 'sha-256', hex: '' }, role: 'client' },
    },
    ssrcs: SSRCS,
    cname: 'test',
    random: () => 0,
    nowMs: () => clock.ms,
    sendRtp: (packet) => sent.push(packet),
    sendRtcp: (bytes) => reports.push(bytes),
    askKeyFrame: () => undefined,
    onEnd: () => undefined,
  })
  return { session, feed, sent, reports, clock }
}

function unit(kind: AccessUnit['kind'], ms: number, isSync = kind === 'audio'): AccessUnit {
  const ticks = (ms * LIVE_TIMESCALE) / 1_000
  return { kind, dts: ticks, pts: ticks, isSync, data: new Uint8Array(20) }
}

/** Milliseconds of the feed. */
function timesOf(sent: readonly SentPacket[], kind: AccessUnit['kind']): number[] {
  const clockRate = kind === 'video' ? 90 : 48
  return sent.filter(({ ssrc }) => ssrc === SSRCS[kind]).map(({ timestamp }) => timestamp / clockRate)
}

function codec(name: string, clockRate: number): SdpCodec {
  return { payloadType: 96, name, clockRate, channels: 1, parameters: {}, feedback: [] }
}
