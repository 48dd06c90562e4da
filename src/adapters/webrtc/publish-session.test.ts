import { expect, test } from 'vitest'
import { offer } from '../../../tests/live/sdp-samples.ts'
import { choosePublished } from '../../media/sdp/choose-codecs.ts'
import { readSdp } from '../../media/sdp/read-sdp.ts'
import { PublishSession } from './publish-session.ts'

/** Of the section for pictures in that offer, as it is answered. */
const PICTURE_TYPE = 108
const SSRC = 77

/** RFC 3550 §5.1; pictures that are cut into pieces and never end, so that nothing comes of them. */
function packet(sequence: number): Buffer {
  const bytes = Buffer.alloc(1_000)
  bytes.set([0x80, PICTURE_TYPE])
  bytes.writeUInt16BE(sequence, 2)
  bytes.writeUInt32BE(SSRC, 8)
  return bytes
}

/** Bits a second that REMB allows (draft-alvestrand-rmcat-remb-03 §2.2); undefined for other messages. */
function allowedBps(bytes: Uint8Array): number | undefined {
  const message = Buffer.from(bytes)
  if (message.byteLength < 24 || message.toString('latin1', 12, 16) !== 'REMB') return undefined
  const word = message.readUInt32BE(16) & 0xffffff
  return (word & 0x3ffff) * 2 ** (word >>> 18)
}

test('a publisher is told what the line carries, in REMB', () => {
  const sent: Uint8Array[] = []
  const session = new PublishSession(
    {
      publishing: {
        inputUid: 'a',
        format: () => undefined,
        unit: () => undefined,
        end: () => undefined,
      },
      agreement: choosePublished(readSdp(offer())),
      sendRtcp: (bytes) => sent.push(bytes),
      onBye: () => undefined,
    },
    1,
  )
  const latest = () => sent.flatMap((bytes) => allowedBps(bytes) ?? []).at(-1)
  const begunMs = performance.now()
  for (let sequence = 0; sequence < 100; sequence += 1) session.rtp(packet(sequence))
  session.tick(begunMs + 500)
  expect(latest()).toBeCloseTo(12_000_000, -5)
  // Half of the next hundred is lost: 50 packets in half a second are 0.8 Mbit/s.
  for (let sequence = 100; sequence < 200; sequence += 2) session.rtp(packet(sequence))
  session.rtp(packet(200))
  session.tick(begunMs + 1_000)
  expect(latest()).toBeLessThan(816_000)
  expect(latest()).toBeGreaterThan(500_000)
  session.close('clean')
})
