/**
 * How many players watch an input: those that fetched media in the last 30 s (live.md §3.2). A player is an address and a
 * user agent, of which only a salted digest is kept, in memory.
 */

import { createHash } from 'node:crypto'
import type { Clock } from '../../ports.ts'

export class LiveViewers {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #salt: string
  /** Per input: when each player was last seen, the latest at the end. */
  readonly #seen = new Map<string, Map<string, number>>()

  constructor(clock: Pick<Clock, 'monotonicMs' | 'newSecret'>) {
    this.#clock = clock
    this.#salt = clock.newSecret(16)
  }

  /** A player has fetched media of an input. */
  note(inputUid: string, player: { readonly address: string; readonly userAgent: string }): void {
    const now = this.#clock.monotonicMs()
    const players = this.#seen.get(inputUid) ?? new Map<string, number>()
    this.#seen.set(inputUid, players)
    const name = createHash('sha256')
      .update(`${this.#salt}\n${player.address}\n${player.userAgent}`)
      .digest('base64url')
      .slice(0, 16)
    players.delete(name)
    players.set(name, now)
    this.#forget(players, now)
  }

  /** How many there are at this moment. */
  count(inputUid: string): number {
    const players = this.#seen.get(inputUid)
    if (players === undefined) return 0
    this.#forget(players, this.#clock.monotonicMs())
    if (players.size === 0) this.#seen.delete(inputUid)
    return players.size
  }

  #forget(players: Map<string, number>, now: number): void {
    for (const [name, atMs] of players) {
      if (now - atMs < WATCHING_MS && players.size <= MOST_PLAYERS) return
      players.delete(name)
    }
  }
}

const WATCHING_MS = 30_000
const MOST_PLAYERS = 200_000
