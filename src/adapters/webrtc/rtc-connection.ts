/**
 * One connection: ICE, then DTLS, then media both ways. It ends when the far end says so, fails, is silent, or never comes;
 * it holds nothing of the system but its place in the common socket.
 */

import type { FarTransport } from '../../media/sdp/choose-codecs.ts'
import type { OwnTransport } from '../../media/sdp/write-sdp.ts'
import { IceAnswerer, newCredentials } from './ice-answerer.ts'
import type { PacketTaker, RtcAddress, RtcSocket } from './rtc-socket.ts'
import type { OwnCertificate } from './own-certificate.ts'
import { SecureChannel, type SentPacket } from './secure-channel.ts'

/** From the answer to media: ICE, DTLS, and people who are asked whether a page may use the network. */
export const OPEN_WITHIN_MS = 30_000
/** Nothing at all comes for so long: RTCP alone would, every second or two, and checks every few (RFC 7675 §5.1 has 30 s). */
export const SILENT_AFTER_MS = 12_000

/** What a connection tells whoever uses it. */
export type ConnectionEvents = {
  readonly opened: () => void
  readonly rtp: (bytes: Buffer) => void
  readonly rtcp: (bytes: Buffer) => void
  /** Told once, unless `close` was called. */
  readonly lost: () => void
}

export type ConnectionDeps = {
  readonly socket: RtcSocket
  readonly certificate: OwnCertificate
  /** Addresses to hand out besides the machine's own. */
  readonly announced: readonly string[]
}

export class RtcConnection {
  readonly #deps: ConnectionDeps
  readonly #events: ConnectionEvents
  readonly #begunMs = performance.now()
  readonly #taker: PacketTaker
  #own = newCredentials()
  #ice: IceAnswerer
  /** Names that checks may still carry: the present one, and the one before ICE began anew. */
  #names: string[]
  #channel: SecureChannel | undefined
  #heardMs = 0
  #isClosed = false

  constructor(deps: ConnectionDeps, events: ConnectionEvents) {
    this.#deps = deps
    this.#events = events
    this.#ice = this.#answerer(undefined)
    this.#names = [this.#own.ufrag]
    this.#taker = {
      check: (bytes, from) => this.#check(bytes, from),
      packet: (bytes) => this.#packet(bytes),
    }
    deps.socket.listen(this.#own.ufrag, this.#taker)
  }

  get isOpen(): boolean {
    return this.#channel?.isOpen === true
  }

  /** What our description says of us. */
  describe(setup: OwnTransport['setup']): OwnTransport {
    const { socket, certificate, announced } = this.#deps
    return {
      ...this.#own,
      fingerprint: certificate.fingerprint,
      setup,
      addresses: socket.listAddresses(announced),
    }
  }

  /** What the far end's description says; once. */
  setFar(far: FarTransport): void {
    this.#ice.setFar(far.ufrag)
    this.#channel = new SecureChannel(this.#deps.certificate, far, {
      send: (bytes) => this.#send(bytes),
      opened: this.#events.opened,
      rtp: this.#events.rtp,
      rtcp: this.#events.rtcp,
      closed: () => this.#end(),
    })
    if (this.#ice.chosen !== undefined) this.#channel.begin()
  }

  /** Begins ICE anew with names of both sides; media goes on where it went until the client chooses again. */
  restartIce(farUfrag: string): void {
    const chosen = this.#ice.chosen
    this.#own = newCredentials()
    this.#ice = this.#answerer(farUfrag, chosen)
    for (const old of this.#names) this.#deps.socket.unlisten(old)
    this.#names = [this.#own.ufrag]
    this.#deps.socket.listen(this.#own.ufrag, this.#taker)
  }

  sendRtp(packet: SentPacket): void {
    this.#channel?.sendRtp(packet)
  }

  sendRtcp(bytes: Uint8Array): void {
    this.#channel?.sendRtcp(bytes)
  }

  /** Called every now and then: ends what never began, or fell silent. */
  tick(nowMs: number): void {
    const isLate = !this.isOpen && nowMs - this.#begunMs > OPEN_WITHIN_MS
    const isSilent = this.#heardMs > 0 && nowMs - this.#heardMs > SILENT_AFTER_MS
    if (isLate || isSilent) this.#end()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const name of this.#names) this.#deps.socket.unlisten(name)
    this.#deps.socket.forget(this.#taker)
    this.#channel?.close()
  }

  #end(): void {
    if (this.#isClosed) return
    this.close()
    this.#events.lost()
  }

  #answerer(far: string | undefined, chosen?: RtcAddress): IceAnswerer {
    return new IceAnswerer(this.#own, (bytes, to) => this.#deps.socket.send(bytes, to), { far, chosen })
  }

  #check(bytes: Buffer, from: RtcAddress): boolean {
    const had = this.#ice.chosen !== undefined
    if (!this.#ice.check(bytes, from)) return false
    this.#heardMs = performance.now()
    if (!had && this.#ice.chosen !== undefined) this.#channel?.begin()
    return true
  }

  #packet(bytes: Buffer): void {
    this.#heardMs = performance.now()
    this.#channel?.packet(bytes)
  }

  #send(bytes: Uint8Array): void {
    const to = this.#ice.chosen
    if (to !== undefined && !this.#isClosed) this.#deps.socket.send(bytes, to)
  }
}
