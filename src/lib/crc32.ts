/**
 * CRC-32 as gzip counts it. The package computes it with the processor's carry-less multiplication, five times as fast as
 * node's own zlib: every byte of every upload passes through here.
 */

import { crc32 as continued } from '@node-rs/crc32'

/** The CRC-32 of all `pieces` as if they were one. */
export function crc32(...pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => continued(piece, sum), 0)
}

/** The CRC-32 of everything `sum` was made of, and `piece` after it. */
export function continueCrc32(sum: number, piece: Uint8Array): number {
  return continued(piece, sum)
}
