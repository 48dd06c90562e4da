import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileSource, openSamples, type Samples } from '../../../tests/media-samples.ts'
import { describeFile } from './open-source.ts'

let samples: Samples
beforeAll(async () => {
  samples = await openSamples()
})
afterAll(() => samples.remove())

test.each([
  ['plain', '.mp4', 'video/mp4'],
  ['movAac', '.mov', 'video/quicktime'],
  ['matroska', '.mkv', 'video/x-matroska'],
  ['webm', '.webm', 'video/webm'],
  ['mpegts', '.ts', 'video/mp2t'],
  ['avi', '.avi', 'video/x-msvideo'],
] as const)('a source of the kind %s ends in %s', async (name, extension, contentType) => {
  const { bytes } = await fileSource(await samples.make(name))
  expect(describeFile(bytes.subarray(0, 4096))).toEqual({ extension, contentType })
})

test('what is none of these has no ending', () => {
  expect(describeFile(new Uint8Array(64))).toEqual({
    extension: '',
    contentType: 'application/octet-stream',
  })
})
