import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { makePng, PNG_SIGNATURE, pngChunk, pngHeader } from '../../../tests/harness/png.ts'
import { readPng } from './read-png.ts'

const good = makePng(3, 2, () => [1, 2, 3, 4])
const end = pngChunk('IEND', Buffer.alloc(0))
const picture = pngChunk('IDAT', deflateSync(Buffer.alloc(26)))
const png = (...chunks: Buffer[]) => Buffer.concat([PNG_SIGNATURE, ...chunks])
const header = (...bytes: number[]) => pngChunk('IHDR', Buffer.from(bytes))

describe('the frame of a PNG', () => {
  test('tells its size', () => {
    expect(readPng(good, 4)).toEqual({ kind: 'png', width: 3, height: 2 })
    expect(readPng(new Uint8Array([0, ...good]).subarray(1), 4)).toMatchObject({ width: 3 })
  })

  test('may have a palette, and must have one where its pixels are numbers in it', () => {
    const palette = pngChunk('PLTE', Buffer.alloc(3))
    for (const colour of [2, 3]) {
      expect(readPng(png(pngHeader(3, 2, colour), palette, picture, end), 4).kind).toBe('png')
    }
  })

  test('may have chunks that nobody knows, and bytes after its end', () => {
    const odd = png(pngHeader(3, 2), pngChunk('teXt', Buffer.from('?')), picture, end, Buffer.from('tail'))
    expect(readPng(odd, 4)).toMatchObject({ kind: 'png' })
  })

  test.each([
    ['nothing', Buffer.alloc(0), 'no PNG'],
    ['another file', Buffer.from('GIF89a, and more of it'), 'no PNG'],
    ['its signature alone', PNG_SIGNATURE, 'cut off'],
    ['no header', png(picture, end), 'header is not where it belongs'],
    [
      'two headers',
      png(pngHeader(3, 2), pngHeader(9000, 9000), picture, end),
      'header is not where it belongs',
    ],
    ['a header of another length', png(header(0, 0, 0, 1), picture, end), 'wrong length'],
    ['no width', png(pngHeader(0, 2), picture, end), '0 × 2 pixels'],
    ['too many pixels', png(pngHeader(5, 2), picture, end), 'more than 4 a side'],
    ['more pixels than a number holds', png(pngHeader(2 ** 32 - 1, 1), picture, end), 'more than 4 a side'],
    ['a colour type there is not', png(pngHeader(3, 2, 5), picture, end), 'unknown kind of pixels'],
    [
      'a bit depth its colours cannot have',
      png(header(0, 0, 0, 3, 0, 0, 0, 2, 4, 6, 0, 0, 0), picture, end),
      'kind of pixels',
    ],
    [
      'a coding there is not',
      png(header(0, 0, 0, 3, 0, 0, 0, 2, 8, 6, 1, 0, 0), picture, end),
      'unknown coding',
    ],
    ['no palette', png(pngHeader(3, 2, 3), picture, end), 'without the palette'],
    ['no picture', png(pngHeader(3, 2), end), 'without a picture'],
    ['no end', png(pngHeader(3, 2), picture), 'cut off'],
    ['a chunk longer than the file', good.subarray(0, -16), 'cut off'],
  ])('is refused with %s', (_name, bytes, because) => {
    expect(readPng(bytes, 4)).toEqual({
      kind: 'refused',
      because: expect.stringContaining(because) as string,
    })
  })

  test('is refused with any byte of its chunks changed', () => {
    for (let at = 0; at < good.length; at += 1) {
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      expect(readPng(bytes, 4).kind).toBe('refused')
    }
  })
})
