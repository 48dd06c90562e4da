/** The model and the figures of a run, each event of them in a file as it happens: an interrupted run goes on from it. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { Tally, type TallyEntry } from './tally.ts'
import { Model, type ModelEvent } from './model.ts'

/** What is written: events of the model, what clients did, and lives of the server. */
export type JournalEntry = ModelEvent | TallyEntry

/** An open journal. */
export class Journal {
  readonly model = new Model()
  readonly tally = new Tally()
  readonly #file: string
  #length = 0

  /** Reads what is in `file`, if it is there. */
  constructor(file: string) {
    this.#file = file
    if (!existsSync(file)) return
    const lines = readFileSync(file, 'utf8').split('\n')
    // What follows the last line break was cut off with the run.
    for (const line of lines.slice(0, -1)) this.#take(JSON.parse(line) as JournalEntry)
  }

  /** Entries so far: another number whenever a life begins, also when the run was interrupted in it and begins it anew. */
  get length(): number {
    return this.#length
  }

  /** On return the entry is in the file. */
  write(entry: JournalEntry): void {
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`)
    this.#take(entry)
  }

  #take(entry: JournalEntry): void {
    this.#length += 1
    if (entry.is === 'action' || entry.is === 'life' || entry.is === 'rest') this.tally.add(entry)
    else this.model.apply(entry)
  }
}
