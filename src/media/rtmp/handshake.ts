/** The handshake of RTMP 1.0 (§5.2): a version and 1,536 bytes of each side, which the other one sends back. */

import { broken } from './message.ts'

/** Random bytes that each side contributes. */
export const HANDSHAKE_RANDOM_BYTES = 1528
/** C1, S1, C2 and S2. */
const PART_BYTES = 1536
const VERSION = 3

/** What a handshake still waits for, and whether it is over. */
export type HandshakeStep = {
  /** To be sent now. */
  readonly send?: Uint8Array
  /** Bytes that were given and belong to what follows the handshake; undefined while it is not over. */
  readonly rest?: Uint8Array
}

/** One side of a handshake, which is fed bytes as they come. */
export class Handshake {
  readonly #role: 'server' | 'client'
  readonly #own: Uint8Array
  /** A version and two parts of the far end. */
  readonly #received = new Uint8Array(1 + 2 * PART_BYTES)
  #count = 0
  #hasAnswered = false

  /** `random`: 1,528 bytes. */
  constructor(role: 'server' | 'client', random: Uint8Array) {
    this.#role = role
    // Four bytes of time, for nobody in particular, and four zeros, by which this is no handshake of a later Flash Player.
    this.#own = new Uint8Array(PART_BYTES)
    this.#own.set(random.subarray(0, HANDSHAKE_RANDOM_BYTES), 8)
  }

  /** What a client sends first. */
  begin(): Uint8Array {
    return join([Uint8Array.of(VERSION), this.#own])
  }

  /** Takes bytes. Throws `live_stream_broken` at the first byte that is no version of plain RTMP. */
  receive(bytes: Uint8Array): HandshakeStep {
    const count = Math.min(bytes.byteLength, this.#received.byteLength - this.#count)
    this.#received.set(bytes.subarray(0, count), this.#count)
    this.#count += count
    const [version] = this.#received
    if (this.#count > 0 && version !== VERSION) throw wrongVersion(version ?? 0)
    const send = this.#answer()
    const isOver = this.#count === this.#received.byteLength
    return { ...(send && { send }), ...(isOver && { rest: bytes.subarray(count) }) }
  }

  /** Once the far end's first part is there. */
  #answer(): Uint8Array | undefined {
    if (this.#hasAnswered || this.#count < 1 + PART_BYTES) return undefined
    this.#hasAnswered = true
    const echo = this.#received.slice(1, 1 + PART_BYTES)
    return this.#role === 'client' ? echo : join([Uint8Array.of(VERSION), this.#own, echo])
  }
}

function wrongVersion(version: number) {
  if (version === 6 || version === 8) {
    return broken('RTMPE was asked for, which hides nothing from anybody; use rtmps:// instead.')
  }
  const hint = version === 0x16 ? ' It looks like TLS: use the port of rtmps:// for that.' : ''
  return broken(`The connection begins with byte ${version}, expected 3, the version of RTMP.${hint}`)
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
