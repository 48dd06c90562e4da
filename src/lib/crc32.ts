import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32 as gzip counts it, over all `pieces` as if they were one. */
export function crc32(...pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => zlibCrc32(piece, sum), 0)
}
