/**
 * A feed made into packets for one viewer. Whoever comes in the middle is sent every picture since the latest sync picture at
 * once, its times pressed together in front of the present one: so the picture is there at once and not late. Sound begins
 * with what is on time: browsers play all they get, hardly quicker, and hold the pictures back for it.
 */

import type { AccessUnit, LiveFormat } from '../../media/live/units.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import { readRtcp } from '../../media/rtp/rtcp.ts'
import { writeH264Payloads, writeVp8Payloads } from '../../media/rtp/write-payloads.ts'
import type { Agreement } from '../../media/sdp/choose-codecs.ts'
import type { Feed, FeedListener } from '../../live-ports.ts'
import type { SentPacket } from './secure-channel.ts'
import { SentStream } from './sent-stream.ts'

/** Ticks between pictures that are only there to be decoded: a millisecond. */
const PRESSED_TICKS = 90
/** More of the past is not sent; the viewer begins with the next sync picture. */
const MOST_PAST_BYTES = 4 * 1024 * 1024
/** At 4 Mbit/s three seconds; an answer to a lost packet comes sooner, or too late to be of use. */
const VIDEO_HISTORY = 1_536
const AUDIO_HISTORY = 64
/** Packets at once, and the pause after them: about 40 Mbit/s, which the buffers of sockets on the way take. */
const BURST = 24
const BURST_PAUSE_MS = 5
/** A viewer who is behind by more drops to the next sync picture. */
const MOST_QUEUED = 6_000
/** Sound that is late by less is on time: frames, their conversion and a publisher's interleaving take that long. */
const ON_TIME_MS = 60
/** Sound that is still late after this long always is. */
const LATE_FOR_MS = 1_000
/** Packets sent again in half a second; a viewer who loses more needs a lower rate. */
const MOST_REPEATS = 600

export type PlayDeps = {
  readonly feed: Feed
  readonly agreement: Agreement
  readonly ssrcs: { readonly video: number; readonly audio: number }
  readonly cname: string
  readonly random: () => number
  /** Wall clock, milliseconds. */
  readonly nowMs: () => number
  readonly sendRtp: (packet: SentPacket) => void
  readonly sendRtcp: (bytes: Uint8Array) => void
  /** A key frame would help this viewer. */
  readonly askKeyFrame: () => void
  /** The broadcast has ended, or goes on in a way that was not agreed on. */
  readonly onEnd: () => void
}

export class PlaySession implements FeedListener {
  readonly #deps: PlayDeps
  readonly #video: SentStream | undefined
  readonly #audio: SentStream | undefined
  readonly #queue: SentPacket[] = []
  #format: { video: LiveFormat | undefined; audio: LiveFormat | undefined } = {
    video: undefined,
    audio: undefined,
  }
  #past: AccessUnit[] | undefined
  #needsSync = true
  #pictureId = 0
  #latestPts = Number.NEGATIVE_INFINITY
  #anchor: { readonly ticks: number; readonly ms: number } | undefined
  /** When late sound began to come; null once sound is sent. */
  #lateSinceMs: number | null = Number.POSITIVE_INFINITY
  #repeats = 0
  #pause: NodeJS.Timeout | undefined
  #leave: (() => void) | undefined
  #isClosed = false

  constructor(deps: PlayDeps) {
    this.#deps = deps
    const { video, audio } = deps.agreement
    const { cname, ssrcs } = deps
    this.#video =
      video === null
        ? undefined
        : new SentStream(
            {
              ssrc: ssrcs.video,
              payloadType: video.codec.payloadType,
              clockRate: 90_000,
              cname,
              history: VIDEO_HISTORY,
            },
            { sequence: deps.random(), offset: deps.random() },
          )
    this.#audio =
      audio === null
        ? undefined
        : new SentStream(
            {
              ssrc: ssrcs.audio,
              payloadType: audio.codec.payloadType,
              clockRate: 48_000,
              cname,
              history: AUDIO_HISTORY,
            },
            { sequence: deps.random(), offset: deps.random() },
          )
  }

  /** The connection is open. */
  begin(): void {
    this.#past = []
    const leave = this.#deps.feed.listen(this)
    // The feed may have ended while it told the past.
    if (this.#isClosed) {
      leave()
      return
    }
    this.#leave = leave
    const past = this.#past
    this.#past = undefined
    this.#sendPast(past)
  }

  format(format: LiveFormat): void {
    const known = this.#format[format.kind]
    this.#format[format.kind] = format
    // Another codec would need another agreement.
    if (known !== undefined && known.codec !== format.codec) this.#deps.onEnd()
  }

  unit(unit: AccessUnit): void {
    if (this.#isClosed) return
    if (this.#past !== undefined) {
      this.#past.push(unit)
      return
    }
    this.#anchor ??= { ticks: unit.pts, ms: this.#deps.nowMs() }
    if (unit.kind === 'audio') this.#sendSound(unit)
    else this.#sendPicture(unit, unit.pts)
  }

  gap(): void {
    this.#needsSync = true
    // Times of the feed do not count how long the publisher was away.
    this.#anchor = undefined
    this.#lateSinceMs = Number.POSITIVE_INFINITY
  }

  end(): void {
    this.#deps.onEnd()
  }

  rtcp(bytes: Buffer): void {
    for (const message of readRtcp(bytes)) {
      if (message.type === 'key-frame-request') this.#deps.askKeyFrame()
      else if (message.type === 'nack') this.#repeat(message.ssrc, message.lost)
      else if (message.type === 'bye') this.#deps.onEnd()
    }
  }

  /** Every half second. */
  tick(): void {
    this.#repeats = 0
    if (this.#anchor === undefined) return
    const wallMs = this.#deps.nowMs()
    const ticks = this.#anchor.ticks + ((wallMs - this.#anchor.ms) * LIVE_TIMESCALE) / 1_000
    for (const stream of [this.#video, this.#audio]) {
      const report = stream?.report(ticks, wallMs)
      if (report !== undefined) this.#deps.sendRtcp(report)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#leave?.()
    clearTimeout(this.#pause)
    this.#queue.length = 0
  }

  /** Pictures only: sound of the past would be heard. */
  #sendPast(past: readonly AccessUnit[]): void {
    const edge = Math.max(...past.map(({ pts }) => pts))
    if (past.length > 0) this.#anchor = { ticks: edge, ms: this.#deps.nowMs() }
    const pictures = past.filter(({ kind }) => kind === 'video')
    const bytes = pictures.reduce((sum, { data }) => sum + data.byteLength, 0)
    if (bytes > MOST_PAST_BYTES) return
    const last = pictures.at(-1)
    for (const [index, picture] of pictures.entries()) {
      this.#sendPicture(picture, (last?.pts ?? 0) - (pictures.length - 1 - index) * PRESSED_TICKS)
    }
  }

  #sendPicture(unit: AccessUnit, ticks: number): void {
    const format = this.#format.video
    if (this.#video === undefined || format?.kind !== 'video' || (this.#needsSync && !unit.isSync)) return
    if (this.#queue.length > MOST_QUEUED) {
      this.#needsSync = true
      return
    }
    // One of the first pictures may have shown no B-frames yet; whoever comes again is told.
    if (unit.pts < this.#latestPts) {
      this.#deps.onEnd()
      return
    }
    this.#latestPts = unit.pts
    this.#needsSync = false
    this.#pictureId = (this.#pictureId + 1) % 32_768
    const payloads =
      format.codec === 'vp8'
        ? writeVp8Payloads(unit.data, this.#pictureId)
        : writeH264Payloads(unit.data, unit.isSync ? format.config : undefined)
    this.#send(this.#video.packets(payloads, ticks, true))
  }

  #sendSound(unit: AccessUnit): void {
    if (this.#audio === undefined || this.#isLate(unit)) return
    for (const packet of this.#audio.packets([unit.data], unit.pts, false)) this.#deps.sendRtp(packet)
  }

  /** A conversion begins with the past and gives it all at once; what was dropped of it nobody misses. */
  #isLate({ pts }: AccessUnit): boolean {
    if (this.#lateSinceMs === null || this.#anchor === undefined) return false
    const nowMs = this.#deps.nowMs()
    const lateMs = nowMs - this.#anchor.ms - ((pts - this.#anchor.ticks) * 1_000) / LIVE_TIMESCALE
    this.#lateSinceMs = Math.min(this.#lateSinceMs, nowMs)
    if (lateMs > ON_TIME_MS && nowMs - this.#lateSinceMs < LATE_FOR_MS) return true
    this.#lateSinceMs = null
    return false
  }

  #send(packets: readonly SentPacket[]): void {
    this.#queue.push(...packets)
    if (this.#pause === undefined) this.#sendBurst()
  }

  #sendBurst(): void {
    this.#pause = undefined
    for (const packet of this.#queue.splice(0, BURST)) this.#deps.sendRtp(packet)
    if (this.#queue.length > 0) this.#pause = setTimeout(() => this.#sendBurst(), BURST_PAUSE_MS)
  }

  #repeat(ssrc: number, lost: readonly number[]): void {
    const stream = [this.#video, this.#audio].find((each) => each?.ssrc === ssrc)
    for (const sequence of lost) {
      const packet = this.#repeats < MOST_REPEATS ? stream?.again(sequence) : undefined
      if (packet === undefined) continue
      this.#repeats += 1
      this.#deps.sendRtp(packet)
    }
  }
}
