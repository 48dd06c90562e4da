/**
 * A publisher's packets made into units. What is lost is asked for again, then a key frame is; key frames are also asked
 * for when none has come for two seconds, since browsers send none by themselves and a segment begins with each.
 */

import type { LiveFormat, SoundFormat } from '../../media/live/units.ts'
import { AllowedRate } from '../../media/rtp/allowed-rate.ts'
import { H264Reader } from '../../media/rtp/h264-reader.ts'
import type { PictureReader } from '../../media/rtp/picture-reader.ts'
import {
  readRtcp,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeRemb,
} from '../../media/rtp/rtcp.ts'
import { RtpClocks } from '../../media/rtp/rtp-clocks.ts'
import { type OrderedPacket, RtpOrder } from '../../media/rtp/rtp-order.ts'
import { readRtp, type RtpPacket } from '../../media/rtp/rtp-packet.ts'
import { RtpStatistics } from '../../media/rtp/rtp-statistics.ts'
import { Vp8Reader } from '../../media/rtp/vp8-reader.ts'
import type { Agreement } from '../../media/sdp/choose-codecs.ts'
import type { Publishing } from '../../live-ports.ts'
import { KeyFramePleas } from './key-frame-pleas.ts'

/** A segment begins with a key frame: live.md §2 wants them at least two seconds apart. */
const KEY_FRAME_EVERY_MS = 2_000
/** Between two questions for a key frame. */
export const LEAST_KEY_FRAME_PAUSE_MS = 500
/** Chromium begins with what it is allowed to (without this message with 0.3 Mbit/s), so much it is at first. */
const MOST_BPS = 12_000_000
/** Pictures in a size of a stamp, but pictures; sound has its place beside them. */
const LEAST_BPS = 150_000
/** Sound waits for packets that overtook each other no longer than an ear would notice. */
const SOUND_WAIT_MS = 60
/** How often what is missing is looked for while something is. */
const ORDER_MS = 10

/** What is known of one kind of stream. */
type Incoming = {
  readonly kind: 'video' | 'audio'
  readonly clockRate: number
  ssrc: number
  order: RtpOrder
  statistics: RtpStatistics
}

export type PublishDeps = {
  readonly publishing: Publishing
  readonly agreement: Agreement
  readonly sendRtcp: (bytes: Uint8Array) => void
  /** The publisher said goodbye. */
  readonly onBye: () => void
}

export class PublishSession {
  readonly #deps: PublishDeps
  readonly #ssrc: number
  readonly #pictures: PictureReader
  readonly #streams = new Map<number, Incoming>()
  readonly #clocks = new RtpClocks({ video: 90_000, audio: 48_000 })
  #told: { video: LiveFormat | undefined; audio: boolean } = { video: undefined, audio: false }
  #askedMs = Number.NEGATIVE_INFINITY
  #syncMs = Number.NEGATIVE_INFINITY
  readonly #pleas = new KeyFramePleas()
  #waiting: NodeJS.Timeout | undefined
  readonly #allowed = new AllowedRate({ leastBps: LEAST_BPS, mostBps: MOST_BPS })
  #pictureBytes = 0
  #reportedMs = performance.now()
  #isClosed = false

  /** `ssrc`: what our reports are signed with. */
  constructor(deps: PublishDeps, ssrc: number) {
    this.#deps = deps
    this.#ssrc = ssrc
    this.#pictures = deps.agreement.video?.codec.name === 'VP8' ? new Vp8Reader() : new H264Reader()
  }

  rtp(bytes: Buffer): void {
    const packet = readRtp(bytes)
    const stream = packet === undefined ? undefined : this.#streamOf(packet)
    if (packet === undefined || stream === undefined || this.#isClosed) return
    const nowMs = performance.now()
    stream.statistics.packet(packet, nowMs)
    if (stream.kind === 'video') this.#pictureBytes += bytes.byteLength
    stream.order.push(packet, nowMs)
    this.#goOn(stream, nowMs)
    this.#keepLooking()
  }

  rtcp(bytes: Buffer): void {
    for (const message of readRtcp(bytes)) {
      if (message.type === 'sender-report') {
        const stream = [...this.#streams.values()].find(({ ssrc }) => ssrc === message.ssrc)
        if (stream === undefined) continue
        stream.statistics.senderReport(message.compactNtp, performance.now())
        this.#clocks.senderReport(stream.kind, message.ntpMs, message.timestamp)
      } else if (message.type === 'bye') {
        const streams = [...this.#streams.values()]
        const isAll = streams.length > 0 && streams.every(({ ssrc }) => message.ssrcs.includes(ssrc))
        if (isAll) this.#deps.onBye()
      }
    }
  }

  /** Every half second: reports, and how much may be sent. */
  tick(nowMs: number): void {
    const streams = [...this.#streams.values()]
    if (streams.length === 0) return
    const reports = streams.map(({ statistics, kind }) => ({ ...statistics.report(nowMs), kind }))
    this.#deps.sendRtcp(writeReceiverReport(this.#ssrc, reports))
    const picture = reports.find(({ kind }) => kind === 'video')
    if (picture !== undefined) {
      const allowedBps = this.#allowed.next({
        expected: picture.expected,
        lost: picture.newLost,
        bytes: this.#pictureBytes,
        elapsedMs: nowMs - this.#reportedMs,
      })
      this.#deps.sendRtcp(writeRemb(this.#ssrc, allowedBps, [picture.ssrc]))
    }
    this.#pictureBytes = 0
    this.#reportedMs = nowMs
    if (this.#pictures.needsSync) this.askKeyFrame(nowMs)
  }

  /** Asks for a key frame, unless it was just done. */
  askKeyFrame(nowMs: number): void {
    const video = [...this.#streams.values()].find(({ kind }) => kind === 'video')
    if (video === undefined || nowMs - this.#askedMs < LEAST_KEY_FRAME_PAUSE_MS) return
    this.#askedMs = nowMs
    this.#deps.sendRtcp(writePictureLoss(this.#ssrc, video.ssrc))
  }

  /** A viewer asks for one, which he is not always given. */
  askForViewer(nowMs: number): void {
    if (this.#pleas.grants(nowMs, Math.max(this.#askedMs, this.#syncMs))) this.askKeyFrame(nowMs)
  }

  /** Nothing is told after it. */
  close(how: 'clean' | 'lost'): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#waiting)
    this.#deps.publishing.end(how)
  }

  /** By payload type, which is one for each kind; a sender that begins anew may come with another SSRC. */
  #streamOf(packet: RtpPacket): Incoming | undefined {
    const { video, audio } = this.#deps.agreement
    const kind = packet.payloadType === video?.codec.payloadType ? 'video' : 'audio'
    if (kind === 'audio' && packet.payloadType !== audio?.codec.payloadType) return undefined
    const known = this.#streams.get(packet.payloadType)
    if (known?.ssrc === packet.ssrc) return known
    const clockRate = kind === 'video' ? 90_000 : 48_000
    const stream: Incoming = {
      kind,
      clockRate,
      ssrc: packet.ssrc,
      order: new RtpOrder(kind === 'video' ? { asks: true } : { asks: false, waitMs: SOUND_WAIT_MS }),
      statistics: new RtpStatistics(packet.ssrc, clockRate),
    }
    this.#streams.set(packet.payloadType, stream)
    return stream
  }

  #goOn(stream: Incoming, nowMs: number): void {
    for (const ordered of stream.order.take(nowMs)) {
      if (stream.kind === 'video') this.#takePicture(ordered, nowMs)
      else this.#takeSound(ordered, nowMs)
    }
    const lost = stream.order.missing(nowMs)
    if (lost.length > 0) this.#deps.sendRtcp(writeNack(this.#ssrc, stream.ssrc, lost))
  }

  /** What was waited for in vain is given up without another packet. */
  #keepLooking(): void {
    const isWaiting = [...this.#streams.values()].some(({ order }) => order.isWaiting)
    if (!isWaiting) {
      clearInterval(this.#waiting)
      this.#waiting = undefined
    } else {
      this.#waiting ??= setInterval(() => {
        for (const stream of this.#streams.values()) this.#goOn(stream, performance.now())
        this.#keepLooking()
      }, ORDER_MS)
    }
  }

  #takePicture(ordered: OrderedPacket, nowMs: number): void {
    for (const picture of this.#pictures.push(ordered)) {
      const time = this.#clocks.time('video', picture.timestamp, nowMs)
      if (picture.isSync) this.#syncMs = nowMs
      if (picture.format !== undefined && picture.format !== this.#told.video) {
        this.#told.video = picture.format
        this.#deps.publishing.format(picture.format)
      }
      const { isSync, data } = picture
      this.#deps.publishing.unit({ kind: 'video', dts: time, pts: time, isSync, data })
    }
    if (this.#pictures.needsSync || nowMs - this.#syncMs >= KEY_FRAME_EVERY_MS) this.askKeyFrame(nowMs)
  }

  #takeSound({ packet }: OrderedPacket, nowMs: number): void {
    if (packet.payload.byteLength === 0) return
    if (!this.#told.audio) {
      this.#told.audio = true
      this.#deps.publishing.format(OPUS)
    }
    const time = this.#clocks.time('audio', packet.timestamp, nowMs)
    const data = packet.payload.slice()
    this.#deps.publishing.unit({ kind: 'audio', dts: time, pts: time, isSync: true, data })
  }
}

/** RFC 7587 §4: always this clock; a packet of one channel decodes to two as well. */
const OPUS: SoundFormat = {
  kind: 'audio',
  codec: 'opus',
  config: new Uint8Array(0),
  sampleRate: 48_000,
  channels: 2,
}
