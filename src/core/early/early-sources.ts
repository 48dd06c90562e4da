/** The bytes of sources that are still arriving, read from their drafts. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { BlobName, BlobReader, Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { sourceBlob } from '../blob-names.ts'
import { findArriving } from '../uploads/index.ts'

export type EarlySourcesDeps = {
  readonly db: Db
  readonly blobs: Pick<Blobs, 'open' | 'openDraft'>
  readonly clock: Clock
  /** Videos whose bytes arrive in this process at this moment; see `UploadDeps`. */
  readonly receiving: ReadonlySet<string>
}

/** A source that has not arrived whole. */
export type Arrived = {
  readonly draftId: string
  /** Bytes there will be. */
  readonly lengthBytes: number
  /** Bytes that are there and will stay: acknowledged ones, and those of a request that is running in this process. */
  readonly arrivedBytes: number
}

/** As long as every player tried survives (see `core/timeline/timeline-cache.ts`). */
const LONGEST_WAIT_MS = 8_000
const POLL_MS = 100

export class EarlySources {
  readonly #deps: EarlySourcesDeps

  constructor(deps: EarlySourcesDeps) {
    this.#deps = deps
  }

  /** A blob; a source that is still arriving as far as it has arrived. Throws `not_found`. */
  async open(name: BlobName): Promise<BlobReader> {
    const { blobs } = this.#deps
    try {
      return await blobs.open(name)
    } catch (error) {
      if (!isFailure(error, 'not_found')) throw error
      const uid = /^sources\/(\w+)$/.exec(name)?.[1]
      const draft = uid === undefined ? undefined : await this.#openDraft(uid)
      // Its last byte may have come between the two looks.
      return draft ?? (await blobs.open(name))
    }
  }

  /** What has arrived of a video's source; undefined when none of it is in a draft. */
  async look(uid: string): Promise<Arrived | undefined> {
    const arriving = await findArriving(this.#deps.db, uid)
    if (arriving === undefined) return undefined
    const { offsetBytes } = arriving
    // Written is enough to be seen: a sender's chunk may be all of the file.
    const written = this.#deps.receiving.has(uid) ? await this.#draftBytes(arriving.draftId) : offsetBytes
    return { ...arriving, arrivedBytes: Math.min(Math.max(offsetBytes, written), arriving.lengthBytes) }
  }

  /**
   * Waits until the first `bytes` bytes of a video's source are there. Throws `segment_not_ready` after eight seconds,
   * `not_found` when the upload has ended without them, or the abort reason.
   */
  async waitFor(uid: string, bytes: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const giveUpMs = clock.monotonicMs() + LONGEST_WAIT_MS
    for (;;) {
      const arrived = await this.look(uid)
      if (arrived === undefined) return await this.#requireWhole(uid)
      if (arrived.arrivedBytes >= bytes) return
      if (clock.monotonicMs() >= giveUpMs) {
        throw new HeadwaterError(
          'segment_not_ready',
          'This part of the video is still being uploaded; ask again.',
          {
            facts: { uid, neededBytes: bytes, arrivedBytes: arrived.arrivedBytes },
          },
        )
      }
      await clock.sleep(POLL_MS, signal)
      signal.throwIfAborted()
    }
  }

  async #requireWhole(uid: string): Promise<void> {
    const reader = await this.#deps.blobs.open(sourceBlob(uid))
    await reader.close()
  }

  async #openDraft(uid: string): Promise<BlobReader | undefined> {
    const arriving = await findArriving(this.#deps.db, uid)
    if (arriving === undefined) return undefined
    return await this.#deps.blobs.openDraft(arriving.draftId).catch((error: unknown) => {
      if (isFailure(error, 'not_found')) return undefined
      throw error
    })
  }

  async #draftBytes(draftId: string): Promise<number> {
    try {
      const reader = await this.#deps.blobs.openDraft(draftId)
      await reader.close()
      return reader.sizeBytes
    } catch (error) {
      if (isFailure(error, 'not_found')) return 0
      throw error
    }
  }
}
