/**
 * CRC-32 of every 4 MiB block of a growing run of bytes. A checksum of the whole could not go on after a crash or a cut
 * without reading everything again; this one goes on from what is stored beside the length.
 */

import { continueCrc32 } from './crc32.ts'
import { assert, HeadwaterError } from './failure.ts'

/** Bytes under one checksum; the last block may be shorter. */
export const BLOCK_BYTES = 4 * 1024 * 1024

/** Uploads are cut back to multiples of this (spec uploads 2.4); the way back to one needs no reading. */
export const STEP_BYTES = 256 * 1024

const CHECKSUM_BYTES = 4

export class BlockChecksums {
  #lengthBytes = 0
  /** Checksum of the present, unfinished block so far. */
  #crc = 0
  /** Checksum of the present block at each multiple of a step; unknown before the point of a resumption. */
  #steps: (number | undefined)[] = [0]
  /** Finished blocks, big endian; grows by doubling. */
  #finished = new DataView(new ArrayBuffer(64 * CHECKSUM_BYTES))

  /** Goes on after the first `lengthBytes` bytes, whose `checksums` were stored. Throws `blob_damaged` if they are too few. */
  static resume(checksums: Uint8Array, lengthBytes: number): BlockChecksums {
    const expected = Math.ceil(lengthBytes / BLOCK_BYTES) * CHECKSUM_BYTES
    if (checksums.byteLength < expected) {
      throw new HeadwaterError(
        'blob_damaged',
        `Expected ${expected} bytes of checksums for ${lengthBytes} bytes, but ${checksums.byteLength} are recorded.`,
      )
    }
    const stored = new DataView(checksums.buffer, checksums.byteOffset, checksums.byteLength)
    const resumed = new BlockChecksums()
    const finishedBlocks = Math.floor(lengthBytes / BLOCK_BYTES)
    for (let block = 0; block < finishedBlocks; block++) resumed.#finish(block, stored.getUint32(block * 4))
    const rest = lengthBytes % BLOCK_BYTES
    resumed.#lengthBytes = lengthBytes
    resumed.#crc = rest === 0 ? 0 : stored.getUint32(finishedBlocks * CHECKSUM_BYTES)
    if (rest % STEP_BYTES === 0) resumed.#steps[rest / STEP_BYTES] = resumed.#crc
    return resumed
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  append(bytes: Uint8Array): void {
    let position = 0
    while (position < bytes.byteLength) {
      const untilStep = STEP_BYTES - (this.#lengthBytes % STEP_BYTES)
      const piece = bytes.subarray(position, position + untilStep)
      this.#crc = continueCrc32(this.#crc, piece)
      this.#lengthBytes += piece.byteLength
      position += piece.byteLength
      if (this.#lengthBytes % BLOCK_BYTES === 0) this.#startBlock()
      else if (this.#lengthBytes % STEP_BYTES === 0) {
        this.#steps[(this.#lengthBytes % BLOCK_BYTES) / STEP_BYTES] = this.#crc
      }
    }
  }

  /** Four bytes per block, big endian, the unfinished one included: what the record keeps. */
  serialize(): Uint8Array {
    const blocks = Math.ceil(this.#lengthBytes / BLOCK_BYTES)
    const checksums = new Uint8Array(blocks * CHECKSUM_BYTES)
    checksums.set(new Uint8Array(this.#finished.buffer, 0, this.#finishedBlocks * CHECKSUM_BYTES))
    if (this.#lengthBytes % BLOCK_BYTES !== 0) {
      new DataView(checksums.buffer).setUint32((blocks - 1) * CHECKSUM_BYTES, this.#crc)
    }
    return checksums
  }

  /**
   * Goes back to `lengthBytes`, or as far before it as needed: to the start of its block at most. Answers where it now
   * stands; the caller appends the bytes from there to `lengthBytes` again.
   */
  rewind(lengthBytes: number): number {
    assert(lengthBytes <= this.#lengthBytes, 'checksums can only be rewound to an earlier length')
    if (lengthBytes === this.#lengthBytes) return lengthBytes
    const blockStart = lengthBytes - (lengthBytes % BLOCK_BYTES)
    const step = (lengthBytes - blockStart) / STEP_BYTES
    const sameBlock = blockStart === this.#lengthBytes - (this.#lengthBytes % BLOCK_BYTES)
    const known = step === 0 ? 0 : sameBlock && Number.isInteger(step) ? this.#steps[step] : undefined
    this.#lengthBytes = known === undefined ? blockStart : lengthBytes
    this.#crc = known ?? 0
    this.#steps = sameBlock && known !== undefined ? this.#steps.slice(0, step + 1) : [0]
    return this.#lengthBytes
  }

  get #finishedBlocks(): number {
    return Math.floor(this.#lengthBytes / BLOCK_BYTES)
  }

  #startBlock(): void {
    this.#finish(this.#finishedBlocks - 1, this.#crc)
    this.#crc = 0
    this.#steps = [0]
  }

  #finish(block: number, crc: number): void {
    const position = block * CHECKSUM_BYTES
    if (position >= this.#finished.byteLength) {
      const larger = new Uint8Array(this.#finished.byteLength * 2)
      larger.set(new Uint8Array(this.#finished.buffer))
      this.#finished = new DataView(larger.buffer)
    }
    this.#finished.setUint32(position, crc)
  }
}
