/**
 * Bytes of an origin into the draft. While a batch is written the next one comes in; every now and then what is written
 * is synced and committed beside that, so that a crash costs a few seconds of downloading. The memory used is about two
 * batches.
 */

import type { HeadwaterError } from '../../lib/failure.ts'
import type { Clock, Draft } from '../../ports.ts'
import type { OriginBody } from './ask-origin.ts'
import { type FetchedFile, type FileChanges, noSuchCopy } from './copy.ts'
import { originFailure } from './origin-answer.ts'

const BATCH_BYTES = 1_048_576
/** A commit at the latest after so much… */
const COMMIT_BYTES = 67_108_864
/** …and no sooner than after so long: also how soon a deletion is noticed. */
const COMMIT_MS = 1_000

/** Looks at what has been committed; what it throws ends the fetching. */
export type CheckCommitted = (committed: Pick<Draft, 'lengthBytes' | 'read'>) => Promise<void>

type ReceiveDeps = {
  readonly clock: Clock
  readonly check: CheckCommitted
  /** As in `FetchRecord`. */
  readonly save: (changes: FileChanges) => Promise<boolean>
}

/**
 * Appends `body` to `draft`, which holds the file's bytes, and answers the file as it is committed then. A body that
 * begins at 0 replaces what is here. What came before a failure is committed, too. Throws `not_found` when its record was
 * deleted meanwhile, what the body, the draft and the check throw, and `fetch_failed` when it ends elsewhere than it said.
 */
export async function receiveBody(
  deps: ReceiveDeps,
  file: FetchedFile,
  draft: Draft,
  body: OriginBody,
): Promise<FetchedFile> {
  const { startBytes, validator, lengthBytes } = body
  const committer = new Committer(deps, file)
  await committer.write({ validator, lengthBytes })
  if (startBytes < draft.lengthBytes) {
    // First the record, then the file: a crash in between must not find less than is recorded.
    await committer.write({ offsetBytes: 0, checksums: new Uint8Array(0) })
    await draft.truncate(0)
  }
  try {
    await append(draft, body, committer)
  } finally {
    await committer.finish(draft)
  }
  checkEnd(body, draft.lengthBytes)
  // A body without a length has ended by the rules of HTTP: that was all.
  if (lengthBytes === null) await committer.write({ lengthBytes: draft.lengthBytes })
  return committer.file
}

async function append(draft: Draft, body: OriginBody, committer: Committer): Promise<void> {
  let endBytes = body.startBytes
  let batch: Uint8Array[] = []
  let batchBytes = 0
  let writing: Promise<void> = Promise.resolve()
  const write = async () => {
    await writing
    await committer.step(draft)
    writing = draft.append(batch)
    // Its failure is met at the next `await writing`; until then it must not count as unhandled.
    writing.catch(() => undefined)
    batch = []
    batchBytes = 0
  }
  try {
    for await (const piece of body.bytes) {
      batch.push(piece)
      batchBytes += piece.byteLength
      endBytes += piece.byteLength
      // Kept, so that what is here cannot pass for the whole file; but no more of it is read.
      if (body.endBytes !== null && endBytes > body.endBytes) throw otherEnd(body, 'goes on after that')
      if (batchBytes >= BATCH_BYTES || committer.isDue()) await write()
    }
  } finally {
    // What had come when the connection was cut is worth keeping.
    await write()
    await writing
  }
}

/** What is on stable storage, and the record of it. */
class Committer {
  file: FetchedFile
  readonly #deps: ReceiveDeps
  #committedMs: number
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(deps: ReceiveDeps, file: FetchedFile) {
    this.#deps = deps
    this.file = file
    this.#committedMs = deps.clock.monotonicMs()
  }

  async write(changes: FileChanges): Promise<void> {
    if (!(await this.#deps.save(changes))) throw noSuchCopy()
    this.file = { ...this.file, ...changes }
  }

  /** Whether enough time has passed for a commit. */
  isDue(): boolean {
    return this.#running === undefined && this.#deps.clock.monotonicMs() - this.#committedMs >= COMMIT_MS
  }

  /** Between two writes: begins a commit if one is due; waits for the last one only when a lot has come since. */
  async step(draft: Draft): Promise<void> {
    const isMuch = draft.lengthBytes - this.file.offsetBytes >= COMMIT_BYTES
    if (isMuch) await this.#running
    this.#throwFailure()
    if (isMuch || this.isDue()) this.#begin(draft)
  }

  /** After the last write: everything. */
  async finish(draft: Draft): Promise<void> {
    await this.#running
    this.#throwFailure()
    this.#begin(draft)
    await this.#running
    this.#throwFailure()
  }

  /** Never rejects: whoever comes next is told. */
  #begin(draft: Draft): void {
    if (draft.lengthBytes === this.file.offsetBytes) return
    const stored = { offsetBytes: draft.lengthBytes, checksums: draft.checksums() }
    this.#committedMs = this.#deps.clock.monotonicMs()
    this.#running = this.#commit(draft, stored)
  }

  async #commit(draft: Draft, stored: { offsetBytes: number; checksums: Uint8Array }): Promise<void> {
    try {
      await draft.sync()
      await this.write(stored)
      await this.#deps.check({
        lengthBytes: stored.offsetBytes,
        read: (target, position) => draft.read(target, position),
      })
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#running = undefined
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** An origin that announced more or less than it sent has a file that changes, or a proxy that cuts. */
function checkEnd(body: OriginBody, lengthBytes: number): void {
  if (body.endBytes === null || body.endBytes === lengthBytes) return
  throw otherEnd(body, `ended at byte ${lengthBytes}`)
}

function otherEnd(body: OriginBody, what: string): HeadwaterError {
  return originFailure(
    `${body.host} announced a file that goes to byte ${body.endBytes}, but its answer ${what}.`,
    { mayPass: true },
  )
}
