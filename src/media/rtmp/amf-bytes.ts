/** What both formats of AMF are read from, and the values they have in common. */

import { broken } from './message.ts'

/** A value of a command or of metadata. Dates are milliseconds, XML is its text; what cannot be understood is undefined. */
export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | readonly AmfValue[]
  | ReadonlyMap<string, AmfValue>

/** Reads from front to back; every read past the end throws `live_stream_broken`. */
export class AmfBytes {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.byteLength - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  /** The next byte, which stays where it is. */
  peek(): number {
    const at = this.#take(1)
    this.#at = at
    return this.#view.getUint8(at)
  }

  /** `count` bytes of UTF-8; bytes that are none become U+FFFD. */
  text(count: number): string {
    const at = this.#take(count)
    return new TextDecoder().decode(this.#bytes.subarray(at, at + count))
  }

  skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.left) {
      throw broken(`A value of AMF needs ${count} more bytes, but its message ends after ${this.left}.`)
    }
    this.#at += count
    return at
  }
}
