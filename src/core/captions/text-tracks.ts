/**
 * Captions as players get them. A file is taken apart in the work thread and its index kept in memory; both can be had
 * again from the blob, so a crash leaves nothing behind.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import { cutPiece, type IndexedWebVtt, wholeTrack } from '../../media/webvtt/cut-webvtt.ts'
import type { Blobs, Clock, Thread } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { type Caption, captionLabel } from './caption.ts'
import { getCaption, listCaptions } from './caption-records.ts'
import { indexCaptions } from './index-work.ts'
import { readWhole } from './read-whole.ts'

/** Captions that manifests list. */
export type OfferedText = { readonly id: string; readonly language: string; readonly label: string }

export type TextTrackDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly thread: Thread
}

/** Files that are being watched; a usual one of two hours takes 100 KB. */
const KEPT_BYTES = 64 * 1024 ** 2

/** The text tracks of all videos. */
export class TextTracks {
  readonly #deps: TextTrackDeps
  readonly #lists: FreshLooks<readonly OfferedText[]>
  readonly #files = new BoundedCache<string, IndexedWebVtt>({
    maxWeight: KEPT_BYTES,
    // An index has 24 bytes for each cue, and a cue hardly fewer in the file.
    weigh: ({ bytes }) => bytes.byteLength * 2,
  })

  constructor(deps: TextTrackDeps) {
    this.#deps = deps
    this.#lists = new FreshLooks(deps, (videoUid) => this.#list(videoUid))
  }

  /** What a video has ready now, sorted by tag. */
  list(videoUid: string): Promise<readonly OfferedText[]> {
    return this.#lists.get(videoUid)
  }

  /** Piece `piece` of a video's text track, or all of it. Throws `not_found`. */
  async open(videoUid: string, id: string, piece: number | 'whole'): Promise<Uint8Array> {
    const caption = await getCaption(this.#deps.db, id)
    if (caption === undefined || caption.videoUid !== videoUid || caption.blob === null) {
      this.#files.delete(id)
      throw new HeadwaterError('not_found', 'The video has no such captions.')
    }
    const file = await this.#read(caption, caption.blob)
    return piece === 'whole' ? wholeTrack(file) : cutPiece(file, piece)
  }

  async #list(videoUid: string): Promise<readonly OfferedText[]> {
    const captions = await listCaptions(this.#deps.db, videoUid)
    return captions
      .filter(({ status }) => status === 'ready')
      .map((caption) => ({
        id: caption.id,
        language: caption.language,
        label: captionLabel(caption),
      }))
  }

  #read({ id }: Caption, blob: string): Promise<IndexedWebVtt> {
    const { blobs, thread } = this.#deps
    return this.#files.get(id, async () => {
      const [bytes, index] = await Promise.all([readWhole(blobs, blob), indexCaptions(thread, blob)])
      return { bytes, index }
    })
  }
}
