/**
 * One timeline per video and revision, kept in memory. It is made from the database and can be dropped at any time, so
 * a crash leaves nothing behind. Who waits for a segment that is being encoded waits here.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { listAddedSounds } from './added-sounds.ts'
import { assembleTimeline } from './assemble.ts'
import type { Plan } from '../planning/index.ts'
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

type Entry = LoadedTimeline & {
  /** When the revision was last compared, monotonic. */
  readonly checkedMs: number
}

/** The timelines of all videos. */
export class Timelines {
  readonly #deps: TimelineDeps
  readonly #entries: BoundedCache<string, Entry>
  readonly #fresh: FreshLooks<LoadedTimeline | undefined>
  readonly #looking = new Map<string, Promise<LoadedTimeline | undefined>>()

  constructor(deps: TimelineDeps, options: { readonly mostTimelines?: number } = {}) {
    this.#deps = deps
    this.#fresh = new FreshLooks(deps, (uid) => this.#look(uid))
    this.#entries = new BoundedCache({ maxWeight: options.mostTimelines ?? 500 })
  }

  /** The timeline of a video as it was at most `maxAgeMs` ago; undefined while it has no plan. */
  async get(uid: string, maxAgeMs: number): Promise<LoadedTimeline | undefined> {
    const entry = this.#entries.peek(uid)
    if (entry !== undefined && this.#deps.clock.monotonicMs() - entry.checkedMs < maxAgeMs) return entry
    // Who allows no age looks for itself: a look that is under way may have read before the change it must see.
    const underWay = maxAgeMs > 0 ? this.#looking.get(uid) : undefined
    if (underWay !== undefined) return underWay
    const looking = this.#fresh.get(uid).finally(() => {
      if (this.#looking.get(uid) === looking) this.#looking.delete(uid)
    })
    this.#looking.set(uid, looking)
    return looking
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

  /** Compares the revision, and loads what has changed. */
  async #look(uid: string): Promise<LoadedTimeline | undefined> {
    const checkedMs = this.#deps.clock.monotonicMs()
    const revision = await getRevision(this.#deps.db, uid)
    if (revision === undefined) {
      this.#entries.delete(uid)
      return undefined
    }
    const known = this.#entries.peek(uid)
    const isCurrent = known !== undefined && known.timeline.revision >= revision
    const loaded = isCurrent ? known : await this.#load(uid)
    if (loaded === undefined) return undefined
    // Two looks may overlap; the older one must not put its result over the newer.
    const present = this.#entries.peek(uid)
    if (present !== undefined && present.timeline.revision > loaded.timeline.revision) return present
    this.#entries.set(uid, { ...loaded, checkedMs })
    return loaded
  }

  async #load(uid: string): Promise<LoadedTimeline | undefined> {
    const { db } = this.#deps
    const row = await getPlanRow(db, uid)
    if (row === undefined) return undefined
    const [renditions, chunks, sounds] = await Promise.all([
      listRenditionRows(db, uid),
      listChunkRows(db, uid),
      listAddedSounds(db, uid),
    ])
    const timeline = assembleTimeline({ videoUid: uid, ...row, renditions, chunks, sounds })
    return { plan: row.plan, timeline }
  }
}

const LONGEST_WAIT_MS = 8_000
const POLL_MS = 50
