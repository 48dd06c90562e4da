/** Files whose header tells another length than their pictures have, and files whose times jump. */

import { concatBytes } from '../../src/media/isobmff/write-boxes.ts'
import type { Attack } from './attack.ts'
import { movieOf, repeated, slideshow, type Still, u32, withField } from './build.ts'
import type { AttackSources } from './sources.ts'

const DAY_SECONDS = 86_400

/** All of them. */
export function lyingDurations(sources: AttackSources, still: Still): readonly Attack[] {
  const second = slideshow(still, { count: 25 })
  // A day of one picture: its bytes are there once, which is what makes it small.
  const stco = Array.from({ length: DAY_SECONDS }, () => 0)
  const day = movieOf({ ...repeated(still, DAY_SECONDS, 1, 1), stco }, still.bytes)
  const matroska = Buffer.from(sources.get('h264.mkv'))
  // Info's Duration: a 64-bit float, in milliseconds.
  const at = matroska.indexOf(Buffer.from('4489', 'hex')) + 3
  const lying = (milliseconds: number): Uint8Array => {
    const copy = Buffer.from(matroska)
    copy.writeDoubleBE(milliseconds, at)
    return new Uint8Array(copy)
  }
  return [
    {
      name: 'an MP4 of a second that calls itself a day',
      bytes: withField(
        withField(second, 'mvhd', 16, u32(DAY_SECONDS * 1000)),
        'mdhd',
        16,
        u32(DAY_SECONDS * 25),
      ),
      ends: 'ready',
      seconds: 1,
    },
    {
      name: 'an MP4 of three seconds that calls itself one, where two are allowed',
      bytes: withField(slideshow(still, { count: 75 }), 'mvhd', 16, u32(1000)),
      metadata: { maxDurationSeconds: '2' },
      ends: 'ERR_DURATION_EXCEED_CONSTRAINT',
    },
    {
      name: 'an MP4 of a day in which one picture is shown again and again, where an hour is allowed',
      bytes: withField(day, 'mvhd', 16, u32(1000)),
      metadata: { maxDurationSeconds: '3600' },
      ends: 'ERR_MALFORMED_VIDEO',
      says: /overlap/,
    },
    {
      name: 'an MP4 whose last picture lasts a hundred days',
      bytes: slideshow(
        still,
        { count: 2, perSecond: 1 },
        {
          stts: [
            [1, 1],
            [1, 8_640_000],
          ],
        },
      ),
      metadata: { maxDurationSeconds: '3600' },
      ends: 'ready',
      seconds: 2,
    },
    {
      name: 'an MP4 whose pictures all have the same time',
      bytes: slideshow(still, { count: 25, ticks: 0 }),
      ends: 'ERR_DURATION_TOO_SHORT',
    },
    {
      name: 'an MP4 whose clock ticks 4,294,967,295 times a second',
      bytes: slideshow(still, { count: 25, perSecond: 0xffff_ffff }),
      ends: 'ERR_DURATION_TOO_SHORT',
    },
    {
      name: 'an MP4 whose edit list shows a second that it does not have',
      bytes: slideshow(still, { count: 25 }, { edits: [[1000, 0x7fff_ffff]] }),
      ends: 'ERR_DURATION_TOO_SHORT',
    },
    {
      name: 'a Matroska of a second and a half that calls itself a millisecond',
      bytes: lying(1),
      ends: 'ready',
      seconds: 1.5,
    },
    {
      name: 'a Matroska of a second and a half that calls itself a day',
      bytes: lying(DAY_SECONDS * 1000),
      ends: 'ERR_MALFORMED_VIDEO',
    },
    {
      name: 'a Matroska that lasts longer than it says and than is allowed',
      bytes: lying(1),
      metadata: { maxDurationSeconds: '1' },
      ends: 'ERR_DURATION_EXCEED_CONSTRAINT',
    },
    {
      name: 'a transport stream whose times jump a day ahead',
      bytes: jumping(sources.get('h264.ts')),
      ends: 'ERR_MALFORMED_VIDEO',
    },
  ]
}

/** The last pictures get times 26 hours later, which is as far as 33 bits of 90 kHz go. */
function jumping(stream: Uint8Array): Uint8Array {
  const bytes = Buffer.from(stream)
  const packets = Math.floor(bytes.length / 188)
  for (let packet = Math.floor(packets * 0.8); packet < packets; packet += 1) {
    const at = packet * 188
    const hasField = ((bytes[at + 3] ?? 0) & 0x20) !== 0
    const payload = at + 4 + (hasField ? 1 + (bytes[at + 4] ?? 0) : 0)
    const isPicture = bytes.readUIntBE(Math.min(payload, bytes.length - 4), 4) === 0x1e0
    // PTS and DTS (ISO/IEC 13818-1 §2.4.3.7): their highest three bits.
    if (isPicture) for (const field of [9, 14]) bytes[payload + field] = (bytes[payload + field] ?? 0) | 0x0e
  }
  return concatBytes([new Uint8Array(bytes)])
}
