/** The figures of a run: faults of each kind, what clients did and how it ended, and how much work the kills cost. */

/** One life of the server, from its start to its kill. */
export type LifeFigures = {
  readonly is: 'life'
  /** Names of the faults that happened, e.g. `kill at a commit`. */
  readonly faults: readonly string[]
  /** From the start to the first answer; null when it was killed before. */
  readonly startMs: number | null
  /** Encode chunks that were begun and not finished, and encodes that ran, when it was killed. */
  readonly chunksLost: number
  readonly encodesRunning: number
  /** Senders whose connection the kill cut, and uploads of which more bytes were on the disk than acknowledged. */
  readonly sendersCut: number
  readonly bodiesCut: number
}

/** What is summed up: what a client did, a life, and that everything has come to its end after so many rounds. */
export type TallyEntry =
  | LifeFigures
  | { readonly is: 'action'; readonly of: string; readonly end: ActionEnd }
  | { readonly is: 'rest'; readonly rounds: number }

/** How a request ended: as it should, refused by a rule, failed by a fault, or cut by a kill. */
export type ActionEnd = 'done' | 'refused' | 'failed' | 'cut'

/** Sums. */
export class Tally {
  readonly faults = new Map<string, number>()
  /** By action and end, e.g. `clip done`. */
  readonly actions = new Map<string, number>()
  rounds = 0
  /** Rounds after which everything last came to its end and was found right. */
  restedAfter = 0
  killsDuringEncode = 0
  killsDuringUpload = 0
  bodiesCut = 0
  chunksLost = 0
  mostChunksLost = 0
  slowestStartMs = 0

  add(entry: TallyEntry): void {
    if (entry.is === 'action') return count(this.actions, `${entry.of} ${entry.end}`)
    if (entry.is === 'rest') {
      this.restedAfter = entry.rounds
      return
    }
    for (const fault of entry.faults) count(this.faults, fault)
    this.rounds += 1
    if (entry.encodesRunning > 0) this.killsDuringEncode += 1
    if (entry.sendersCut > 0) this.killsDuringUpload += 1
    this.bodiesCut += entry.bodiesCut
    this.chunksLost += entry.chunksLost
    this.mostChunksLost = Math.max(this.mostChunksLost, entry.chunksLost)
    this.slowestStartMs = Math.max(this.slowestStartMs, Math.round(entry.startMs ?? 0))
  }

  /** How often an action ended so; `undefined` = in any way. */
  count(action: string, end?: ActionEnd): number {
    const ends: readonly ActionEnd[] = end ? [end] : ['done', 'refused', 'failed', 'cut']
    return ends.reduce((sum, each) => sum + (this.actions.get(`${action} ${each}`) ?? 0), 0)
  }

  /** The summary, a line per figure. */
  lines(): readonly string[] {
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts]
        .toSorted(([one], [other]) => one.localeCompare(other))
        .map(([name, times]) => `${name} ${times}`)
    return [
      `rounds ${this.rounds}, each ended by a kill; violations 0`,
      `faults: ${list(this.faults).join(', ')}`,
      `actions: ${list(this.actions).join(', ')}`,
      `kills that met encodes ${this.killsDuringEncode}, senders ${this.killsDuringUpload}, bodies of chunks ${this.bodiesCut}`,
      `encode chunks lost ${this.chunksLost}, by one kill at most ${this.mostChunksLost}, never more than encodes ran`,
      `slowest start ${this.slowestStartMs} ms`,
    ]
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
