import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../../tests/media-samples.ts'
import { FOUR_SAMPLES, plainMovie } from '../../../tests/plain-movie.ts'
import { formatIndex, parseIndex } from './index-format.ts'
import { readMovie } from './read-movie.ts'

const bytes = plainMovie([
  { ...FOUR_SAMPLES, edits: [[0, 512]], ctts: [[3, -512]] },
  { ...FOUR_SAMPLES, handler: 'soun', stsz: [1, 2, 3], stts: [[3, 1024]], stco: [2 ** 40], wide: true },
])

describe('the stored index', () => {
  test('is read back equal, whatever the alignment of its bytes', async () => {
    const movie = await readMovie(bytesSource(bytes))
    const stored = formatIndex(movie)
    expect(parseIndex(stored)).toEqual(movie)
    const moved = new Uint8Array(stored.byteLength + 3)
    moved.set(stored, 3)
    expect(parseIndex(moved.subarray(3))).toEqual(movie)
  })

  test('is refused as damaged when any byte is wrong or missing', async () => {
    const stored = formatIndex(await readMovie(bytesSource(bytes)))
    for (let at = 0; at < stored.byteLength; at += 1) {
      const damaged = stored.slice()
      damaged[at] = (damaged[at] ?? 0) ^ 0x20
      expect(() => parseIndex(damaged)).toThrow(expect.objectContaining({ code: 'blob_damaged' }))
      expect(() => parseIndex(stored.subarray(0, at))).toThrow(
        expect.objectContaining({ code: 'blob_damaged' }),
      )
    }
  })
})
