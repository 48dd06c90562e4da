/**
 * Our side of ICE (RFC 8445 §2.5, lite): checks are answered, never sent. So no stranger can make us send anything to an
 * address that did not prove, by the password that only HTTP told, that it asked for it. Which of its addresses is used
 * says the client, at any time: one that moves to another network goes on.
 */

import { randomBytes } from 'node:crypto'
import { classes, Message, methods, parseMessage } from 'werift'
import type { RtcAddress } from './rtc-socket.ts'

/** A name and a password of ICE. */
export type IceCredentials = { readonly ufrag: string; readonly password: string }

/** New ones: 64 and 192 random bits (RFC 8445 §5.3 asks for 24 and 128). */
export function newCredentials(): IceCredentials {
  return { ufrag: randomText(8), password: randomText(24) }
}

export class IceAnswerer {
  readonly #send: (bytes: Uint8Array, to: RtcAddress) => void
  readonly #own: IceCredentials
  #far: string | undefined
  #chosen: RtcAddress | undefined

  /** `far`: the name that the far end told, once it has. `chosen`: where it was sent to so far. */
  constructor(
    own: IceCredentials,
    send: (bytes: Uint8Array, to: RtcAddress) => void,
    { far, chosen }: { readonly far?: string | undefined; readonly chosen?: RtcAddress | undefined } = {},
  ) {
    this.#own = own
    this.#send = send
    this.#far = far
    this.#chosen = chosen
  }

  /** Where the client wants to be sent to. */
  get chosen(): RtcAddress | undefined {
    return this.#chosen
  }

  /** The far end's name, where it came after ours. */
  setFar(ufrag: string): void {
    this.#far = ufrag
  }

  /** Answers a check. False for one that does not know the password; it gets no answer. */
  check(bytes: Buffer, from: RtcAddress): boolean {
    const request = this.#read(bytes)
    if (request === undefined) return false
    const response = new Message(methods.BINDING, classes.RESPONSE, request.transactionId)
    response
      .setAttribute('XOR-MAPPED-ADDRESS', [from.address.replace(/^::ffff:/, ''), from.port])
      .addMessageIntegrity(Buffer.from(this.#own.password))
      .addFingerprint()
    this.#send(response.bytes, from)
    if (request.attributesKeys.includes('USE-CANDIDATE')) this.#chosen = from
    return true
  }

  #read(bytes: Buffer): Message | undefined {
    try {
      const message = parseMessage(bytes, Buffer.from(this.#own.password))
      if (
        message === undefined ||
        message.messageClass !== classes.REQUEST ||
        message.messageMethod !== methods.BINDING
      ) {
        return undefined
      }
      const name: unknown = message.getAttributeValue('USERNAME')
      const isNamed =
        typeof name === 'string' && (this.#far === undefined || name === `${this.#own.ufrag}:${this.#far}`)
      return isNamed ? message : undefined
    } catch {
      // The library throws for some of what is no message.
      return undefined
    }
  }
}

/** Letters that both ICE and every reader of descriptions take. */
function randomText(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
