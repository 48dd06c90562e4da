import { expect, test } from 'vitest'
import { insideTimes } from '../audio-tracks/index.ts'
import type { Plan } from '../planning/index.ts'
import { buildTextArgs } from './extract-texts.ts'

const plan = { originUs: 1_400_000 } as Plan
const SOURCE = 'sources/v'

test.each([
  [
    'the decoder reads itself',
    { mediaBlob: SOURCE, indexBlob: null },
    { fromStart: false, originUs: 1_400_000 },
  ],
  ['our index reads', { mediaBlob: SOURCE, indexBlob: 'indexes/v/1' }, { fromStart: false, originUs: 0 }],
  [
    'is read as a copy',
    { mediaBlob: 'remuxes/v/1.mp4', indexBlob: 'indexes/v/1' },
    { fromStart: true, originUs: 0 },
  ],
])('time 0 of a file that %s', (_name, blobs, expected) => {
  expect(insideTimes({ plan, ...blobs }, SOURCE)).toEqual(expected)
})

test('text is counted from time 0 of the video, and each stream has a file of its own', () => {
  const streams = [{ number: 0 }, { number: 3 }]
  const args = buildTextArgs({ demuxer: 'mpegts', fromStart: false, originUs: 1_400_000 }, streams).join(' ')
  expect(args).toMatch(/^-copyts -f mpegts -i \{input\} /)
  expect(args).toContain('-map 0:s:0 -c:s webvtt -output_ts_offset -1.400000 -f webvtt text-0.vtt')
  expect(args).toContain('-map 0:s:3 -c:s webvtt -output_ts_offset -1.400000 -f webvtt text-3.vtt')
  const plain = buildTextArgs({ demuxer: 'matroska', fromStart: true, originUs: 0 }, streams).join(' ')
  expect(plain).not.toMatch(/copyts|ts_offset/)
})
