/**
 * How many connections there may be at a time, and whose goes when there are more. Nobody is counted out by a fixed number
 * of his own: a school or a proxy is one address with many viewers. Only when the server is full does the address that
 * holds most of it give one up, so that a thousand half-open connections of one stranger cost nobody else theirs.
 */

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { holderOfAddress } from '../lib/ip-address.ts'

/** Requests that one connection may have unanswered. No client in use today sends the next before the answer. */
export const MOST_UNANSWERED = 16

/** The open connections of one server. Holds no timer; forgets a connection when it closes. */
export class Connections {
  readonly #most: number
  /** By the holder's address, oldest first. */
  readonly #held = new Map<string, Set<Socket>>()
  readonly #unanswered = new WeakMap<Socket, Set<ServerResponse>>()
  readonly #refused = new WeakSet<Socket>()
  #open = 0

  /** `most`: connections at a time. */
  constructor(most: number) {
    this.#most = most
  }

  /** Takes a new connection, and cuts one when that makes too many; perhaps the new one itself. */
  add(socket: Socket): void {
    const holder = holderOfAddress(socket.remoteAddress)
    const sockets = this.#held.get(holder) ?? new Set<Socket>()
    this.#held.set(holder, sockets.add(socket))
    this.#open += 1
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) this.#held.delete(holder)
      this.#open -= 1
    })
    if (this.#open > this.#most) this.#makeRoom(socket, sockets)
  }

  /**
   * Counts a request in until its answer has ended. False when it must not be looked at: one before it on the connection
   * was refused as no proper HTTP, so nobody knows what its bytes were meant as, or too many are unanswered already.
   */
  begin(socket: Socket, outgoing: ServerResponse): boolean {
    if (this.#refused.has(socket)) return false
    const unanswered = this.#unanswered.get(socket) ?? new Set()
    if (unanswered.size >= MOST_UNANSWERED) {
      socket.destroy()
      return false
    }
    this.#unanswered.set(socket, unanswered.add(outgoing))
    outgoing.once('close', () => unanswered.delete(outgoing))
    return true
  }

  /** Nothing that still comes on this connection is a request. */
  refuse(socket: Socket): void {
    this.#refused.add(socket)
  }

  /** Whether the connection ends with the refusal of a request. */
  isRefused(socket: Socket): boolean {
    return this.#refused.has(socket)
  }

  /** Whether an answer has left in part: anything else that is sent now would be read as the rest of it. */
  isAnswering(socket: Socket): boolean {
    return [...(this.#unanswered.get(socket) ?? [])].some(({ headersSent }) => headersSent)
  }

  #makeRoom(newcomer: Socket, own: ReadonlySet<Socket>): void {
    let most = own
    for (const sockets of this.#held.values()) if (sockets.size > most.size) most = sockets
    // Among his own a newcomer is not worth more than an answer that is under way.
    const cut = this.#firstIdle(most, newcomer) ?? (most === own ? newcomer : most.values().next().value)
    cut?.destroy()
  }

  #firstIdle(sockets: ReadonlySet<Socket>, newcomer: Socket): Socket | undefined {
    for (const socket of sockets) {
      if (socket !== newcomer && !socket.destroyed && !this.#unanswered.get(socket)?.size) return socket
    }
    return undefined
  }
}
