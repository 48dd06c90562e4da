/** Bits of a codec's headers, most significant first, with the Exp-Golomb codes of ITU-T H.264 §9.1. */

import { HeadwaterError } from '../../lib/failure.ts'

/** Reads bits; every read past the end throws `codec_config_broken`, naming what was read. */
export class BitReader {
  readonly #bytes: Uint8Array
  readonly #name: string
  #position = 0

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes
    this.#name = name
  }

  /** Bits not read yet. */
  get left(): number {
    return this.#bytes.byteLength * 8 - this.#position
  }

  /** Up to 32 bits as an unsigned number. */
  bits(count: number): number {
    if (count > this.left) throw this.fail('ends before its fields do')
    let value = 0
    for (let index = 0; index < count; index += 1) {
      const byte = this.#bytes[this.#position >> 3] ?? 0
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1)
      this.#position += 1
    }
    return value
  }

  flag(): boolean {
    return this.bits(1) === 1
  }

  skip(count: number): void {
    if (count > this.left) throw this.fail('ends before its fields do')
    this.#position += count
  }

  /** Moves to the next whole byte. */
  align(): void {
    this.#position = Math.min((this.#position + 7) & ~7, this.#bytes.byteLength * 8)
  }

  /** `ue(v)`: 0 to 2^32 − 2. */
  ue(): number {
    let zeros = 0
    while (!this.flag()) {
      zeros += 1
      if (zeros > 31) throw this.fail('holds a number of more than 32 bits')
    }
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** `se(v)`. */
  se(): number {
    const code = this.ue()
    return code % 2 === 0 ? -(code / 2) : (code + 1) / 2
  }

  /** A failure about what is being read. */
  fail(problem: string): HeadwaterError {
    return new HeadwaterError('codec_config_broken', `${this.#name} ${problem}.`)
  }
}
