/** What strangers send to WebRTC: descriptions, fragments, and packets of those whose connection is up. */

import { FRAGMENT, offer, VP8_LINES } from '../live/sdp-samples.ts'
import { H264Reader } from '../../src/media/rtp/h264-reader.ts'
import { MOST_PICTURE_BYTES, type PictureReader } from '../../src/media/rtp/picture-reader.ts'
import { readRtcp, writeNack, writePictureLoss, writeSenderReport } from '../../src/media/rtp/rtcp.ts'
import { RtpOrder } from '../../src/media/rtp/rtp-order.ts'
import { readRtp } from '../../src/media/rtp/rtp-packet.ts'
import { Vp8Reader } from '../../src/media/rtp/vp8-reader.ts'
import { splitUnits, writeH264Payloads, writeVp8Payloads } from '../../src/media/rtp/write-payloads.ts'
import { choosePublished } from '../../src/media/sdp/choose-codecs.ts'
import { answerPublished } from '../../src/media/sdp/own-codecs.ts'
import { readSdp, readSdpFragment } from '../../src/media/sdp/read-sdp.ts'
import { writeSdp } from '../../src/media/sdp/write-sdp.ts'
import type { FuzzTarget } from './fuzz.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const asText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

const TRANSPORT = {
  ufrag: 'abcd1234',
  password: 'x'.repeat(24),
  fingerprint: `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
  setup: 'active',
  addresses: [{ address: '203.0.113.7', port: 8779 }],
} as const

/** What we answer can be read again, and has a section for each of the offer's. */
function checkAnswer(given: string): void {
  const asked = readSdp(given)
  const sections = choosePublished(asked).sections.map(answerPublished)
  const answer = writeSdp({
    sessionId: '1',
    sections,
    transport: TRANSPORT,
    streams: { video: null, audio: null },
  })
  if (readSdp(answer).media.length !== asked.media.length) throw new Error('A section is missing.')
}

/** Packets behind their lengths in two bytes, as one input. */
function packetList(payloads: readonly Uint8Array[]): Uint8Array {
  const parts = payloads.flatMap((payload, index) => {
    const header = Buffer.alloc(14)
    header.writeUInt16BE(12 + payload.byteLength)
    header[2] = 0x80
    header[3] = 96 | (index === payloads.length - 1 ? 0x80 : 0)
    header.writeUInt16BE(65_534 + index > 65_535 ? index - 2 : 65_534 + index, 4)
    return [header, payload]
  })
  return new Uint8Array(Buffer.concat(parts))
}

/** Everything a connection does with packets; what comes out is whole. */
function readPackets(bytes: Uint8Array, reader: PictureReader, check: (data: Uint8Array) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const order = new RtpOrder({ asks: true })
  let nowMs = 0
  for (let at = 0; at + 2 <= bytes.byteLength; ) {
    const end = Math.min(at + 2 + view.getUint16(at), bytes.byteLength)
    const packet = readRtp(bytes.subarray(at + 2, end))
    at = end
    if (packet === undefined) continue
    nowMs += 40
    order.push(packet, nowMs)
    order.missing(nowMs)
    for (const ordered of order.take(nowMs)) {
      for (const picture of reader.push(ordered)) {
        if (picture.data.byteLength > 2 * MOST_PICTURE_BYTES) throw new Error('It is too large.')
        if (picture.format !== undefined && !(picture.format.width > 0))
          throw new Error('An impossible size.')
        check(picture.data)
      }
    }
  }
}

const SLICES = Uint8Array.from([0, 0, 0, 4, 0x65, 1, 2, 3, 0, 0, 0, 2, 0x65, 9])

/** The targets; `avcConfig` is a good one. */
export function rtcTargets({ avcConfig }: { readonly avcConfig: Uint8Array }): FuzzTarget[] {
  return [
    {
      name: 'sdp',
      words: [
        'm=video 9 ',
        'a=mid:',
        'a=group:BUNDLE',
        '\r\n',
        '\n',
        'a=rtpmap:',
        'a=fmtp:',
        '96',
        '/',
        '0',
        '-1',
        '\0',
        ' ',
      ],
      seeds: async () => [text(offer()), text(offer({ video: VP8_LINES }))],
      run: async (bytes) => checkAnswer(asText(bytes)),
    },
    {
      name: 'sdp-fragment',
      words: ['a=candidate:', 'a=ice-pwd:', 'a=ice-ufrag:', '\r\n', 'm=', 'v=0', 'x'.repeat(5_000)],
      seeds: async () => [text(FRAGMENT)],
      run: async (bytes) => {
        const { ufrag } = readSdpFragment(asText(bytes))
        if (/[\r\n ]/.test(ufrag)) throw new Error('A name with more in it.')
      },
    },
    {
      name: 'rtp-h264',
      seeds: async () => [
        packetList(writeH264Payloads(SLICES, avcConfig)),
        packetList(writeH264Payloads(longSlice(), avcConfig)),
      ],
      run: async (bytes) =>
        readPackets(bytes, new H264Reader(), (data) => {
          const whole = splitUnits(data).reduce((sum, unit) => sum + 4 + unit.byteLength, 0)
          if (whole !== data.byteLength) throw new Error('Its lengths do not fit.')
        }),
    },
    {
      name: 'rtp-vp8',
      seeds: async () => [packetList(writeVp8Payloads(vp8Key(), 5))],
      run: async (bytes) => readPackets(bytes, new Vp8Reader(), () => undefined),
    },
    {
      name: 'rtcp',
      seeds: async () => [
        writeSenderReport({ ssrc: 1, ntpMs: 4e12, timestamp: 7, packets: 1, bytes: 2, cname: 'abcde' }),
        writeNack(1, 9, [1, 2, 30]),
        writePictureLoss(1, 9),
      ],
      run: async (bytes) => {
        for (const message of readRtcp(bytes)) {
          if (message.type === 'nack' && message.lost.length > 1_100) throw new Error('It asks for too much.')
        }
      },
    },
  ]
}

function longSlice(): Uint8Array {
  const unit = Buffer.alloc(4 + 3_000, 3)
  unit.writeUInt32BE(3_000)
  unit[4] = 0x65
  return new Uint8Array(unit)
}

function vp8Key(): Uint8Array {
  return new Uint8Array(
    Buffer.concat([Uint8Array.of(0x10, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0), Buffer.alloc(2_000, 7)]),
  )
}
