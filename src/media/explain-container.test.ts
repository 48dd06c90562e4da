import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../tests/media-samples.ts'
import { seededRandom } from '../../tests/faults/seeded-random.ts'
import { explainContainer } from './explain-container.ts'
import { holdsUnits } from './isobmff/coded-units.ts'

const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value.replaceAll(' ', ''), 'hex'))
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'))

describe('a container that cannot be opened', () => {
  test.each([
    // EBML header of 1 byte, segment of unknown size, tracks, cluster.
    ['matroska', hex('1a45dfa3 81 00 18538067 ff 1654ae6b 81 00 1f43b675 81 00'), undefined],
    ['matroska', hex('1a45dfa3 81 00 18538067 ff 1654ae6b 83 503580 1f43b675 81 00'), 'picture_encrypted'],
    ['matroska', hex('1a45dfa3 81 00 18538067 ff 1654ae6b 81 00'), 'matroska_clusters_missing'],
    ['matroska', hex('1a45dfa3 81 00 18538067 ff 1f43b675 81 00'), 'matroska_tracks_missing'],
    ['matroska', hex('1a45dfa3 81 00 ffffffff'), 'matroska_header_broken'],
    ['matroska', hex('1a45dfa3'), 'matroska_header_broken'],
    ['avi', text('RIFF\0\0\0\0AVI LIST\x04\0\0\0hdrlLIST\x04\0\0\0movi'), undefined],
    ['avi', text('RIFF\0\0\0\0AVI LIST\x04\0\0\0hdrlLIST\x04\0\0\0INFO'), 'avi_data_missing'],
    ['avi', text('RIFF\0\0\0\0AVI LIST\xff\xff\xff\xffmovi'), 'avi_header_missing'],
    ['flv', hex('464c560105 00000009 00000000 09 000001 00000000000000 00'), undefined],
    ['flv', hex('464c560105 00000009 00000000 09 ffffff 00000000000000 00'), 'flv_data_missing'],
    ['flv', text('FLV'), 'flv_data_missing'],
    ['ogg', text('OggS'), undefined],
  ] as const)('%s %j: %s', async (container, bytes, code) => {
    const found = await explainContainer(bytesSource(bytes), container)
    expect(found?.code).toBe(code)
    expect(found?.atByte ?? 0).toBeLessThanOrEqual(bytes.byteLength)
  })

  test('of any bytes is looked at to an end', async () => {
    const random = seededRandom(7)
    for (let round = 0; round < 300; round += 1) {
      const bytes = Uint8Array.from({ length: 600 }, () => Math.floor(random() * 256))
      for (const [container, head] of [
        ['matroska', hex('1a45dfa3 81 00 18538067 ff')],
        ['avi', text('RIFF\0\0\0\0AVI LIST\0\0\0\0hdrl')],
        ['mpegts', hex('47400010')],
        ['flv', text('FLV\x01\x05')],
      ] as const) {
        bytes.set(head)
        const found = await explainContainer(bytesSource(bytes), container)
        expect(found?.atByte ?? 0).toBeLessThanOrEqual(bytes.byteLength)
      }
    }
  })
})

test.each([
  ['one unit', hex('00000002 6588'), true],
  ['three units', hex('00000001 09 00000001 06 00000002 6588'), true],
  ['zeros', new Uint8Array(40), false],
  ['a length beyond the end', hex('00000009 6588'), false],
  ['a length without a unit', hex('00000002 6588 00000001'), false],
  ['a unit of no type', hex('00000002 6088'), false],
  ['a forbidden bit', hex('00000002 e588'), false],
] as const)('what holds H.264 units, as %s: %j, is told from what does not', async (_, bytes, holds) => {
  const sample = { offset: 0, size: bytes.byteLength }
  expect(await holdsUnits(bytesSource(bytes), sample, 4)).toBe(holds)
})
