/** The fuzz target of images. */

import { readPng } from '../../src/media/png/read-png.ts'
import { makePng, PNG_SIGNATURE, pngChunk, pngHeader } from '../harness/png.ts'
import type { FuzzTarget } from './fuzz.ts'

const MOST_SIDE = 64

/** Walks damaged images; what it takes for one has a size that was allowed. */
export const pngTarget: FuzzTarget = {
  name: 'read-png',
  seeds: async () => [
    makePng(9, 7, (x, y) => [x, y, 0, 255]),
    Buffer.concat([
      PNG_SIGNATURE,
      pngHeader(4, 4, 3),
      pngChunk('PLTE', Buffer.alloc(6)),
      pngChunk('tRNS', Buffer.alloc(2)),
      pngChunk('IDAT', Buffer.alloc(12)),
      pngChunk('IDAT', Buffer.alloc(0)),
      pngChunk('IEND', Buffer.alloc(0)),
    ]),
  ],
  run: async (bytes) => {
    const look = readPng(bytes, MOST_SIDE)
    if (look.kind === 'refused') return
    const sides = [look.width, look.height]
    if (sides.some((side) => side < 1 || side > MOST_SIDE)) throw new Error(`It took ${sides.join(' × ')}.`)
  },
}
