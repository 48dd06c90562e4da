/**
 * Bytes from a request body into a draft. One write is in flight at a time, and what comes meanwhile goes with the next:
 * a slow sender's bytes are written as they come, a fast one's in few large writes, and the memory used is that of two
 * writes whatever the sender does.
 */

import { isFailure } from '../../lib/failure.ts'
import type { Draft, DraftSums } from '../../ports.ts'
import type { UploadBody } from './upload.ts'

/** What came of a body. */
export type StoredBody = {
  /** Bytes appended to the draft. */
  readonly bytes: number
  /** `more`: it had more bytes than there was room for; `disk_full`: the disk had not enough for it. */
  readonly ending: 'complete' | 'broken' | 'more' | 'disk_full'
  /** What `disk_full` was thrown with. */
  readonly failure?: unknown
}

/**
 * Appends at most `roomBytes` of `body` to `draft`; nothing is synced yet. `look` is shown the first batch (the whole body
 * or 64 KiB and more) before it is written and may throw. Throws what the draft throws, save `disk_full`.
 */
export async function storeBody(
  draft: Draft,
  body: UploadBody,
  roomBytes: number,
  look: (first: readonly Uint8Array[]) => void = () => undefined,
): Promise<StoredBody> {
  const startBytes = draft.lengthBytes
  const writes = new Writes(draft, body)
  let takenBytes = 0
  try {
    for (;;) {
      const batch = await body.next()
      if (batch === undefined) break
      if (takenBytes === 0) look(batch)
      const fitting = takeUpTo(batch, roomBytes - takenBytes)
      takenBytes += countBytes(fitting)
      await writes.add(fitting)
      if (fitting !== batch) {
        await writes.end()
        return { bytes: takenBytes, ending: 'more' }
      }
    }
    await writes.end()
  } catch (failure) {
    if (!isFailure(failure, 'disk_full')) throw failure
    return { bytes: draft.lengthBytes - startBytes, ending: 'disk_full', failure }
  }
  return { bytes: takenBytes, ending: body.state === 'complete' ? 'complete' : 'broken' }
}

/** The writes of one body, one after the other. */
class Writes {
  readonly #draft: Draft
  readonly #body: UploadBody
  /** For the next one. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** Of everything that was taken. */
  #sums: DraftSums | undefined
  #inFlight: Promise<void> | undefined
  /** Ends when nothing waits any more. */
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(draft: Draft, body: UploadBody) {
    this.#draft = draft
    this.#body = body
  }

  /** Takes a batch; waits while there is more than the next write may have. Throws what a write threw. */
  async add(batch: readonly Uint8Array[]): Promise<void> {
    this.#check()
    this.#waiting.push(...batch)
    this.#waitingBytes += countBytes(batch)
    this.#sums = this.#draft.sumAhead(batch)
    this.#running ??= this.#run()
    while (this.#running !== undefined && this.#waitingBytes >= this.#body.writeBytes) await this.#inFlight
  }

  /** Waits until everything is written. Throws what a write threw. */
  async end(): Promise<void> {
    await this.#running
    this.#check()
  }

  /** After a write that failed there is none: its bytes would be missing before them. */
  #check(): void {
    if (this.#failure) throw this.#failure.error
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const buffers = this.#waiting
        this.#waiting = []
        this.#waitingBytes = 0
        this.#inFlight = this.#draft.append(buffers, this.#sums)
        await this.#inFlight
        this.#body.release(buffers)
      }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#running = undefined
    }
  }
}

/** The batch itself when it fits, else its first `roomBytes` bytes. */
function takeUpTo(batch: readonly Uint8Array[], roomBytes: number): readonly Uint8Array[] {
  if (countBytes(batch) <= roomBytes) return batch
  const fitting: Uint8Array[] = []
  let leftBytes = roomBytes
  for (const buffer of batch) {
    if (leftBytes <= 0) break
    fitting.push(buffer.subarray(0, leftBytes))
    leftBytes -= buffer.length
  }
  return fitting
}

function countBytes(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.length, 0)
}
