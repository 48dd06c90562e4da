import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSamples, type SampleName, type Samples } from '../media-samples.ts'
import { SNIFF_BYTES, sniff } from '../../src/media/sniff.ts'

let samples: Samples
beforeAll(async () => {
  samples = await openSamples()
})
afterAll(() => samples.remove())

/** First bytes as a reader would pass them. */
async function firstBytes(name: SampleName): Promise<Uint8Array> {
  const bytes = await readFile(await samples.make(name))
  return new Uint8Array(bytes.subarray(0, SNIFF_BYTES))
}

describe('files that ffmpeg makes are recognised', () => {
  const table: readonly (readonly [SampleName, string, string])[] = [
    ['plain', 'mp4', 'mov'],
    ['fragmented', 'mp4', 'mov'],
    ['mov', 'mp4', 'mov'],
    ['threeGp', 'mp4', 'mov'],
    ['soundOnly', 'mp4', 'mov'],
    ['matroska', 'matroska', 'matroska'],
    ['webm', 'matroska', 'matroska'],
    ['avi', 'avi', 'avi'],
    ['flv', 'flv', 'flv'],
    ['mpegts', 'mpegts', 'mpegts'],
    ['m2ts', 'mpegts', 'mpegts'],
    ['mpegps', 'mpegps', 'mpeg'],
    ['mpegvideo', 'mpegvideo', 'mpegvideo'],
    ['mxf', 'mxf', 'mxf'],
    ['gxf', 'gxf', 'gxf'],
    ['asf', 'asf', 'asf'],
    ['ogg', 'ogg', 'ogg'],
    ['mp3', 'mp3', 'mp3'],
    ['mp3Tagged', 'mp3', 'mp3'],
    ['wav', 'wav', 'wav'],
    ['flac', 'flac', 'flac'],
    ['adts', 'aac', 'aac'],
    ['aiff', 'aiff', 'aiff'],
    ['ac3', 'ac3', 'ac3'],
  ]
  test.each(table)('%s is %s, read by %s', async (name, container, demuxer) => {
    expect(sniff(await firstBytes(name))).toEqual({
      kind: 'known',
      container,
      demuxer,
      indexable: container === 'mp4',
    })
  })
})

describe('images are refused by name', () => {
  test.each<[SampleName, RegExp]>([
    ['png', /PNG/],
    ['jpeg', /JPEG/],
    ['gif', /GIF/],
    ['webp', /WebP/],
    ['bmp', /BMP/],
  ])('an image: %s', async (name, found) => {
    expect(sniff(await firstBytes(name))).toEqual({
      kind: 'refused',
      code: 'file_image',
      found: expect.stringMatching(found),
    })
  })
})
