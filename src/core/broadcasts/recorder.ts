/**
 * Writes a broadcast down while it runs: fragments are appended to a draft in the order they are made, and every few
 * seconds they are synced and their length and checksums handed out to be recorded. A disk that is slow or full never
 * holds up the broadcast: what does not fit into the queue, or cannot be written, is left out up to the next segment.
 * A crash leaves the draft with what was synced and, unless the machine itself died, all that was appended.
 */

import type { Blobs, Clock, Draft } from '../../ports.ts'

/** A fragment, or what comes before the first one. */
export type Piece = {
  readonly bytes: Uint8Array
  /** Number of its segment; a hole ends with a segment. */
  readonly segment: number
  /** Called once its bytes are in the draft, at `position`. */
  readonly recorded?: (position: number) => void
}

/** What is on stable storage. */
export type Synced = { readonly lengthBytes: number; readonly checksums: Uint8Array }

export type RecorderOptions = {
  readonly blobs: Pick<Blobs, 'createDraft'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** What the draft begins with. */
  readonly header: () => Uint8Array
  /** Records the draft, before its first byte is written. What it throws is a hole. */
  readonly onDraft: (draftId: string) => Promise<void>
  /** Records what is on stable storage. */
  readonly onSynced: (synced: Synced) => Promise<void>
  /** Called when a hole begins: why, or `queue` when the disk was too slow. */
  readonly onHole: (cause: unknown) => void
  /** The draft of a broadcast that goes on after a restart. */
  readonly draft?: Draft
}

/** What may wait for the disk: four seconds of the most that may be published. */
const MOST_QUEUED_BYTES = 16 * 1024 * 1024
/** The disk is asked to make sure of it so often. */
const SYNC_MS = 2_000

export class Recorder {
  readonly #options: RecorderOptions
  #draft: Draft | null
  #queue: Piece[] = []
  #queuedBytes = 0
  /** Pieces of earlier segments are left out. */
  #fromSegment = 0
  #running: Promise<void> | null = null
  #syncedMs = Number.NEGATIVE_INFINITY
  #syncedBytes = 0
  #isClosed = false

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#draft = options.draft ?? null
    this.#syncedBytes = options.draft?.lengthBytes ?? 0
  }

  /** Takes a piece; never waits. */
  write(piece: Piece): void {
    if (this.#isClosed || piece.segment < this.#fromSegment) return
    if (this.#queuedBytes + piece.bytes.byteLength > MOST_QUEUED_BYTES)
      return this.#leaveOut(piece.segment, 'queue')
    this.#queue.push(piece)
    this.#queuedBytes += piece.bytes.byteLength
    this.#running ??= this.#run()
  }

  /** Everything taken so far is on stable storage, or is a hole. */
  async flush(): Promise<void> {
    await this.#running
    await this.#sync()
  }

  /** Takes nothing more; answers the draft, all of it on stable storage. `null` when nothing could be written. */
  async close(): Promise<Draft | null> {
    this.#isClosed = true
    await this.#running
    await this.#draft?.sync()
    return this.#draft
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const pieces = this.#queue
      this.#queue = []
      this.#queuedBytes = 0
      await this.#append(pieces)
      const isDue = this.#options.clock.monotonicMs() - this.#syncedMs >= SYNC_MS
      if (isDue) await this.#sync()
    }
    this.#running = null
  }

  async #append(pieces: readonly Piece[]): Promise<void> {
    try {
      const draft = await this.#openDraft()
      const header = draft.lengthBytes === 0 ? [this.#options.header()] : []
      let position = draft.lengthBytes + (header[0]?.byteLength ?? 0)
      await draft.append([...header, ...pieces.map(({ bytes }) => bytes)])
      for (const { bytes, recorded } of pieces) {
        recorded?.(position)
        position += bytes.byteLength
      }
    } catch (error) {
      this.#leaveOut(Math.max(...pieces.map(({ segment }) => segment)), error)
    }
  }

  async #openDraft(): Promise<Draft> {
    if (this.#draft !== null) return this.#draft
    const draft = await this.#options.blobs.createDraft()
    try {
      await this.#options.onDraft(draft.id)
    } catch (error) {
      await draft.discard()
      throw error
    }
    this.#draft = draft
    return draft
  }

  async #sync(): Promise<void> {
    const draft = this.#draft
    if (draft === null || draft.lengthBytes === this.#syncedBytes) return
    try {
      await draft.sync()
      await this.#options.onSynced({ lengthBytes: draft.lengthBytes, checksums: draft.checksums() })
      this.#syncedBytes = draft.lengthBytes
    } catch (error) {
      // What is not synced is tried again with what comes; nothing was promised of it.
      this.#options.onHole(error)
    } finally {
      this.#syncedMs = this.#options.clock.monotonicMs()
    }
  }

  /** A hole: what waits goes too, as far as it belongs to the segment. */
  #leaveOut(segment: number, cause: unknown): void {
    if (segment + 1 <= this.#fromSegment) return
    this.#fromSegment = segment + 1
    this.#queue = this.#queue.filter((piece) => piece.segment > segment)
    this.#queuedBytes = this.#queue.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
    this.#options.onHole(cause)
  }
}
