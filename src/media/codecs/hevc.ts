/** H.265: facts from `hvcC` (ISO/IEC 14496-15 §8.3.3.1) without looking into the bitstream. */

import { BitReader } from './bits.ts'

export type HevcFacts = {
  /** `general_profile_idc`: 1 Main, 2 Main 10, … */
  readonly profile: number
  /** `general_level_idc`, thirty times the level. */
  readonly level: number
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number
  /** Of luma or chroma, whichever is deeper. */
  readonly bitDepth: number
  /** RFC 6381 as ISO/IEC 14496-15 Annex E defines it, e.g. `hvc1.2.4.L120.B0`. */
  readonly codec: string
}

/** Reads `hvcC`. `fourcc` is the sample entry's, `hvc1` or `hev1`. Throws `codec_config_broken`. */
export function readHevcConfig(hvcC: Uint8Array, fourcc = 'hvc1'): HevcFacts {
  const reader = new BitReader(hvcC, "The H.265 configuration ('hvcC')")
  reader.skip(8)
  const space = reader.bits(2)
  const highTier = reader.flag()
  const profile = reader.bits(5)
  const compatibility = reader.bits(32)
  const constraints = Array.from({ length: 6 }, () => reader.bits(8))
  const level = reader.bits(8)
  reader.skip(16 + 8 + 6)
  const chromaFormat = reader.bits(2)
  reader.skip(5)
  const lumaDepth = reader.bits(3) + 8
  reader.skip(5)
  const chromaDepth = reader.bits(3) + 8
  // Annex E.3: the space as a letter, compatibility flags bit-reversed in hexadecimal, trailing zero bytes left out.
  while (constraints.at(-1) === 0) constraints.pop()
  const parts = [
    `${['', 'A', 'B', 'C'][space] ?? ''}${profile}`,
    reverseBits(compatibility).toString(16).toUpperCase(),
    `${highTier ? 'H' : 'L'}${level}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ]
  return {
    profile,
    level,
    chromaFormat,
    bitDepth: Math.max(lumaDepth, chromaDepth),
    codec: `${fourcc}.${parts.join('.')}`,
  }
}

function reverseBits(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit += 1) reversed = reversed * 2 + (Math.floor(value / 2 ** bit) % 2)
  return reversed
}
