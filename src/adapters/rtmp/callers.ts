/**
 * How many may stand at the door. Who publishes or plays has shown a key; before that an address may have a few connections,
 * and all strangers together not so many that nobody else gets in: the one who has stood there longest goes first.
 */

import type { Socket } from 'node:net'
import { holderOfAddress } from '../../lib/ip-address.ts'

/** How many connections there may be at a time. */
export type CallerLimits = {
  /** Of one address without a stream. */
  readonly strangersOfOne: number
  /** Without a stream altogether. */
  readonly strangers: number
  readonly all: number
}

/** An encoder opens one connection. */
export const CALLER_LIMITS: CallerLimits = { strangersOfOne: 32, strangers: 256, all: 4096 }

/** The open connections of one server. */
export class Callers {
  readonly #limits: CallerLimits
  /** Oldest first. */
  readonly #strangers = new Map<Socket, string>()
  readonly #open = new Set<Socket>()

  constructor(limits: CallerLimits) {
    this.#limits = limits
  }

  /** Takes a new connection; false, and it is closed, when there are too many. */
  add(socket: Socket): boolean {
    const holder = holderOfAddress(socket.remoteAddress)
    const own = [...this.#strangers.values()].filter((other) => other === holder).length
    if (own >= this.#limits.strangersOfOne || this.#open.size >= this.#limits.all) {
      socket.destroy()
      return false
    }
    this.#open.add(socket)
    this.#strangers.set(socket, holder)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#strangers.delete(socket)
    })
    if (this.#strangers.size > this.#limits.strangers) this.#strangers.keys().next().value?.destroy()
    return true
  }

  /** It publishes or plays. */
  welcome(socket: Socket): void {
    this.#strangers.delete(socket)
  }

  /** Closes all. */
  destroy(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
