/** Packets of an MPEG transport stream (ISO/IEC 13818-1 §2.4.3), found in bytes that were cut anywhere. */

/** Bytes of a packet (§2.4.3.2). */
export const PACKET_BYTES = 188
/** What every packet begins with. */
export const SYNC_BYTE = 0x47
/** The packet id of packets that carry nothing (Table 2-3). */
export const NULL_PID = 0x1fff
/** Times count in 33 bits (§2.4.3.7). */
export const CLOCK_WRAP = 2 ** 33

/**
 * Cuts a stream into packets. Where a packet does not begin with its sync byte, bytes are left out up to one that another
 * follows at the right distance. Holds on to less than two packets.
 */
export class PacketCutter {
  readonly #onPacket: (packet: Uint8Array) => void
  #rest = new Uint8Array(0)
  /** Whether packets have followed one another so far. */
  #isSynced = true
  /** Bytes left out so far. */
  skippedBytes = 0

  /** `onPacket` gets views of 188 bytes that are valid until it returns. */
  constructor(onPacket: (packet: Uint8Array) => void) {
    this.#onPacket = onPacket
  }

  /** Takes the next bytes of the stream. */
  push(bytes: Uint8Array): void {
    let all = bytes
    if (this.#rest.byteLength > 0) {
      all = new Uint8Array(this.#rest.byteLength + bytes.byteLength)
      all.set(this.#rest)
      all.set(bytes, this.#rest.byteLength)
    }
    let at = 0
    while (all.byteLength - at >= PACKET_BYTES) {
      if (all[at] !== SYNC_BYTE || !this.#isSynced) {
        const found = findSync(all, at)
        this.#isSynced = found + PACKET_BYTES < all.byteLength
        this.skippedBytes += found - at
        at = found
        if (!this.#isSynced) break
      }
      this.#onPacket(all.subarray(at, at + PACKET_BYTES))
      at += PACKET_BYTES
    }
    this.#rest = all.slice(at)
  }
}

/** Where the next packet begins from `start` on: at a sync byte that another follows; if that cannot be seen yet, where it may. */
function findSync(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    at = bytes.indexOf(SYNC_BYTE, at)
    if (at === -1) return bytes.byteLength
    const next = bytes[at + PACKET_BYTES]
    if (next === undefined || next === SYNC_BYTE) return at
    at += 1
  }
}

/** What the head of a packet says, and its payload. */
export type Packet = {
  readonly pid: number
  /** Whether a section or a PES packet begins in it (`payload_unit_start_indicator`). */
  readonly isStart: boolean
  /** Counts packets with payload modulo 16. */
  readonly continuity: number
  /** The sender knows that times or counters jump here (§2.4.3.5). */
  readonly isDiscontinuity: boolean
  /** A view; undefined where there is none. */
  readonly payload: Uint8Array | undefined
}

/** Reads a packet; undefined where it is marked as broken, encrypted, or contradicts itself. */
export function readPacket(bytes: Uint8Array): Packet | undefined {
  const [, first = 0, second = 0, third = 0, adaptationLength = 0, flags = 0] = bytes
  const isBroken = (first & 0x80) !== 0
  const isScrambled = (third & 0xc0) !== 0
  const hasAdaptation = (third & 0x20) !== 0
  const hasPayload = (third & 0x10) !== 0
  if (isBroken || isScrambled) return undefined
  const start = hasAdaptation ? 5 + adaptationLength : 4
  // §2.4.3.5: 183 bytes without payload, at most 182 with.
  if (start > PACKET_BYTES) return undefined
  return {
    pid: ((first & 0x1f) << 8) | second,
    isStart: (first & 0x40) !== 0,
    continuity: third & 0x0f,
    isDiscontinuity: hasAdaptation && adaptationLength > 0 && (flags & 0x80) !== 0,
    payload: hasPayload && start < PACKET_BYTES ? bytes.subarray(start) : undefined,
  }
}

/** Follows the counter of one packet id (§2.4.3.3). */
export class ContinuityCheck {
  #last: number | undefined

  /** `repeated`: the packet came twice, which senders may do; `hole`: some before it are missing. */
  see(packet: Packet): 'next' | 'repeated' | 'hole' {
    const last = this.#last
    if (packet.payload === undefined) return 'next'
    this.#last = packet.continuity
    if (last === undefined || packet.isDiscontinuity) return 'next'
    if (packet.continuity === last) return 'repeated'
    return packet.continuity === ((last + 1) & 0x0f) ? 'next' : 'hole'
  }
}
