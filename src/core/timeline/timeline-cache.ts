/**
 * One timeline per video and revision, kept in memory. It is made from the database and can be dropped at any time, so
 * a crash leaves nothing behind. Who waits for a segment that is being encoded waits here.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { assembleTimeline } from './assemble.ts'
import type { Plan } from './plan.ts'
import type { SegmentSource, Timeline } from './timeline.ts'
import { getPlanRow, getRevision, listChunkRows, listRenditionRows } from './timeline-records.ts'

/** A timeline with the plan it was made from. */
export type LoadedTimeline = { readonly timeline: Timeline; readonly plan: Plan }

/** A segment that somebody waits for. */
export type WantedSegment = { readonly uid: string; readonly renditionId: string; readonly segment: number }

export type TimelineDeps = {
  readonly db: Db
  readonly clock: Clock
  /** Asks for the segment to be encoded before everything else; asking twice is asking once. */
  readonly requestSegment: (wanted: WantedSegment) => Promise<void>
}

export type WaitOptions = { readonly timeoutMs?: number; readonly signal: AbortSignal }

type Entry = {
  loaded: LoadedTimeline
  /** When the revision was last compared, monotonic. */
  checkedMs: number
}

/** The timelines of all videos. */
export class Timelines {
  readonly #deps: TimelineDeps
  readonly #mostTimelines: number
  /** In order of use, the latest last. */
  readonly #entries = new Map<string, Entry>()
  readonly #loading = new Map<string, Promise<LoadedTimeline | undefined>>()

  constructor(deps: TimelineDeps, options: { readonly mostTimelines?: number } = {}) {
    this.#deps = deps
    this.#mostTimelines = options.mostTimelines ?? 500
  }

  /** The timeline of a video as it was at most `maxAgeMs` ago; undefined while it has no plan. */
  async get(uid: string, maxAgeMs: number): Promise<LoadedTimeline | undefined> {
    const entry = this.#entries.get(uid)
    if (entry !== undefined && this.#deps.clock.monotonicMs() - entry.checkedMs < maxAgeMs) {
      this.#entries.delete(uid)
      this.#entries.set(uid, entry)
      return entry.loaded
    }
    // A look that is under way began after this caller's limit only if it may be a little old: who wants the very
    // latest looks alone.
    const shared = maxAgeMs > 0 ? this.#loading.get(uid) : undefined
    if (shared !== undefined) return shared
    const loading = this.#refresh(uid).finally(() => {
      if (this.#loading.get(uid) === loading) this.#loading.delete(uid)
    })
    this.#loading.set(uid, loading)
    return loading
  }

  /**
   * Waits until a segment that was `from: 'encoder'` is stored: asks for it, then looks at the revision every 50 ms.
   * Throws `segment_not_ready` after `timeoutMs` (8 s by default: every player tried survives that hold and the `503`
   * after it, none a hold of 12 s), `not_found` when the video or the segment does not exist, or the abort reason.
   */
  async waitForSegment(wanted: WantedSegment, options: WaitOptions): Promise<SegmentSource> {
    const { clock } = this.#deps
    const giveUpMs = clock.monotonicMs() + (options.timeoutMs ?? LONGEST_WAIT_MS)
    let source = await this.#locate(wanted, 0)
    if (source.from === 'encoder') await this.#deps.requestSegment(wanted)
    while (source.from === 'encoder') {
      if (clock.monotonicMs() >= giveUpMs) {
        throw new HeadwaterError(
          'segment_not_ready',
          `Segment ${wanted.segment} is still being encoded; ask again.`,
          {
            facts: { ...wanted },
          },
        )
      }
      await clock.sleep(POLL_MS, options.signal)
      options.signal.throwIfAborted()
      source = await this.#locate(wanted, POLL_MS)
    }
    return source
  }

  async #locate(wanted: WantedSegment, maxAgeMs: number): Promise<SegmentSource> {
    const loaded = await this.get(wanted.uid, maxAgeMs)
    const track = loaded?.timeline.tracks.find((candidate) => candidate.id === wanted.renditionId)
    if (track === undefined) throw new HeadwaterError('not_found', 'The video has no such rendition.')
    return track.segment(wanted.segment)
  }

  async #refresh(uid: string): Promise<LoadedTimeline | undefined> {
    const checkedMs = this.#deps.clock.monotonicMs()
    const revision = await getRevision(this.#deps.db, uid)
    const known = this.#entries.get(uid)
    if (revision === undefined) {
      this.#entries.delete(uid)
      return undefined
    }
    if (known !== undefined && known.loaded.timeline.revision >= revision) {
      known.checkedMs = Math.max(known.checkedMs, checkedMs)
      return known.loaded
    }
    const loaded = await this.#load(uid)
    if (loaded !== undefined) this.#remember(uid, { loaded, checkedMs })
    return loaded
  }

  async #load(uid: string): Promise<LoadedTimeline | undefined> {
    const { db } = this.#deps
    const row = await getPlanRow(db, uid)
    if (row === undefined) return undefined
    const [renditions, chunks] = await Promise.all([listRenditionRows(db, uid), listChunkRows(db, uid)])
    return { plan: row.plan, timeline: assembleTimeline({ videoUid: uid, ...row, renditions, chunks }) }
  }

  #remember(uid: string, entry: Entry): void {
    const known = this.#entries.get(uid)
    // Two looks may overlap; the older one must not put its result over the newer.
    if (known !== undefined && known.loaded.timeline.revision > entry.loaded.timeline.revision) return
    this.#entries.delete(uid)
    this.#entries.set(uid, entry)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#mostTimelines) break
      this.#entries.delete(oldest)
    }
  }
}

const LONGEST_WAIT_MS = 8_000
const POLL_MS = 50
