import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32 as gzip counts it, over all `pieces` as if they were one. */
export function crc32(...pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => zlibCrc32(piece, sum), 0)
}

/** The CRC-32 of everything `sum` was made of, and `piece` after it. */
export function continueCrc32(sum: number, piece: Uint8Array): number {
  return zlibCrc32(piece, sum)
}
