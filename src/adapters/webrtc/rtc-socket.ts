/**
 * The one UDP socket of all WebRTC sessions. Who a packet belongs to follows from the name in its check (RFC 8445 §7.2.2) or,
 * once a check from there was good, from where it comes; everything else is dropped without an answer. A crash leaves nothing.
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Where packets come from and go to. */
export type RtcAddress = { readonly address: string; readonly port: number }

/** Who takes packets. */
export type PacketTaker = {
  /** A check that names this one; answers whether it was good, so that what comes from there belongs to it. */
  readonly check: (bytes: Buffer, from: RtcAddress) => boolean
  /** DTLS, SRTP or SRTCP from an address that a good check came from. */
  readonly packet: (bytes: Buffer, from: RtcAddress) => void
}

/** A client tries a few of its addresses; more are forgotten, the oldest first. */
const MOST_ADDRESSES = 16
/** Room for the packets of some key frames, as far as the system allows it. */
const BUFFER_BYTES = 2 * 1024 * 1024

export class RtcSocket {
  readonly #socket: Socket
  readonly #byName = new Map<string, PacketTaker>()
  readonly #byAddress = new Map<string, PacketTaker>()
  readonly #addressesOf = new Map<PacketTaker, string[]>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes, from) => this.#take(bytes, from))
  }

  /** Throws what the system says, e.g. that the port is taken. */
  static async open(port: number, host: string): Promise<RtcSocket> {
    const type = host.includes(':') ? 'udp6' : 'udp4'
    const socket = createSocket({ type })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(port, host, () => {
        socket.off('error', reject)
        resolve()
      })
    })
    // A refused packet (ICMP) is no reason to end anything.
    socket.on('error', () => undefined)
    growBuffers(socket)
    return new RtcSocket(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Where clients can try to reach us: `announced` first, then the machine's addresses as far as we listen there. */
  listAddresses(announced: readonly string[]): RtcAddress[] {
    const { address, port } = this.#socket.address()
    const own = address === '0.0.0.0' || address === '::' ? machineAddresses(address) : [address]
    return [...new Set([...announced, ...own])].map((each) => ({ address: each, port }))
  }

  /** From now on checks that name `ufrag` are the taker's. */
  listen(ufrag: string, taker: PacketTaker): void {
    this.#byName.set(ufrag, taker)
  }

  /** Forgets a name. */
  unlisten(ufrag: string): void {
    this.#byName.delete(ufrag)
  }

  /** Forgets the addresses of a taker. */
  forget(taker: PacketTaker): void {
    for (const key of this.#addressesOf.get(taker) ?? []) {
      if (this.#byAddress.get(key) === taker) this.#byAddress.delete(key)
    }
    this.#addressesOf.delete(taker)
  }

  /** Names and addresses that are remembered, for tests. */
  get remembered(): number {
    return this.#byName.size + this.#byAddress.size + this.#addressesOf.size
  }

  send(bytes: Uint8Array, to: RtcAddress): void {
    // What does not get out is lost, as any packet may be.
    this.#socket.send(bytes, to.port, to.address, () => undefined)
  }

  async close(): Promise<void> {
    this.#byName.clear()
    this.#byAddress.clear()
    this.#addressesOf.clear()
    await new Promise<void>((resolve) => {
      this.#socket.close(resolve)
    })
  }

  #take(bytes: Buffer, from: RemoteInfo): void {
    const [first = 255] = bytes
    // RFC 7983 §7.
    if (first <= 3) this.#takeCheck(bytes, from)
    else if (first >= 20 && first <= 191) this.#byAddress.get(keyOf(from))?.packet(bytes, from)
  }

  #takeCheck(bytes: Buffer, from: RtcAddress): void {
    const ufrag = readName(bytes)
    const taker = ufrag === undefined ? undefined : this.#byName.get(ufrag)
    if (taker === undefined || !taker.check(bytes, from)) return
    const key = keyOf(from)
    if (this.#byAddress.get(key) === taker) return
    this.#byAddress.set(key, taker)
    const keys = [...(this.#addressesOf.get(taker) ?? []), key]
    for (const old of keys.splice(0, keys.length - MOST_ADDRESSES)) this.#byAddress.delete(old)
    this.#addressesOf.set(taker, keys)
  }
}

const STUN_HEADER_BYTES = 20
const USERNAME = 0x0006

/**
 * Our half of the user name of a check (RFC 8489 §5, §14.3); undefined for what is none. Read here by hand, since the
 * library is only loaded when there is a session.
 */
function readName(bytes: Buffer): string | undefined {
  for (let at = STUN_HEADER_BYTES; at + 4 <= bytes.byteLength; ) {
    const length = bytes.readUInt16BE(at + 2)
    if (bytes.readUInt16BE(at) === USERNAME) {
      const name = bytes.toString('latin1', at + 4, at + 4 + length)
      return name.slice(0, Math.max(0, name.indexOf(':')))
    }
    at += 4 + Math.ceil(length / 4) * 4
  }
  return undefined
}

function keyOf({ address, port }: RtcAddress): string {
  return `${address} ${port}`
}

function growBuffers(socket: Socket): void {
  for (const grow of [
    () => socket.setRecvBufferSize(BUFFER_BYTES),
    () => socket.setSendBufferSize(BUFFER_BYTES),
  ]) {
    try {
      grow()
    } catch {
      // The system's own size then.
    }
  }
}

/** All addresses of the machine, this machine's own last. */
function machineAddresses(bound: string): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const usable = all.filter(({ address, family }) => {
    // Link-local addresses need a zone, which no candidate can tell (RFC 8839 §5.1).
    return (family === 'IPv4' || bound === '::') && !address.startsWith('fe80:') && isIP(address) !== 0
  })
  const sorted = usable.toSorted((a, b) => Number(a.internal) - Number(b.internal))
  return sorted.map(({ address }) => address)
}
