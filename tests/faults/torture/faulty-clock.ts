/** A wall clock that somebody moves. What was measured before keeps the time it was given, as on a real machine. */

import type { Clock } from '../../../src/ports.ts'

/** From `realMs` of this machine on it is `offsetMs` ahead. */
export type ClockTurn = { readonly realMs: number; readonly offsetMs: number }

export class FaultyClock implements Clock {
  readonly #real: Clock
  readonly #turns: ClockTurn[]

  /** `turns`, oldest first, are those of earlier lives. */
  constructor(real: Clock, turns: readonly ClockTurn[]) {
    this.#real = real
    this.#turns = [...turns]
  }

  nowUs(): number {
    return this.#real.nowUs() + this.#offsetMs * 1000
  }

  monotonicMs(): number {
    return this.#real.monotonicMs()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#real.sleep(ms, signal)
  }

  newUid(): string {
    return this.#real.newUid()
  }

  newSecret(bytes: number): string {
    return this.#real.newSecret(bytes)
  }

  /** Moves it. */
  jump(byMs: number): ClockTurn {
    const turn = { realMs: Math.floor(this.#real.nowUs() / 1000), offsetMs: this.#offsetMs + byMs }
    this.#turns.push(turn)
    return turn
  }

  /** What it showed when this machine showed `realMs`: the time of a file that was written then. */
  shownMs(realMs: number): number {
    return realMs + (this.#turns.findLast((turn) => turn.realMs <= realMs)?.offsetMs ?? 0)
  }

  get #offsetMs(): number {
    return this.#turns.at(-1)?.offsetMs ?? 0
  }
}
