/** From the id in an address to a video that may be played by this viewer, or the refusal (playback.md §1). */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { EarlyPlayback, EarlyTimelines } from '../early/index.ts'
import type { LoadedTimeline, Timelines } from '../timeline/index.ts'
import { getVideo, type Video } from '../videos/index.ts'
import { isOriginCovered, playingOrigin, type RequestOrigin } from './allowed-origins.ts'

/** A video, what it is made of, and for whom it was found. */
export type Playable = LoadedTimeline & {
  /** As in the address; written into manifests, so that a token carries over. */
  readonly id: string
  readonly video: Video
  /** Whether shared caches must not keep what is answered. */
  readonly restricted: boolean
  /** The origin that was checked and let in; undefined where any may play. */
  readonly checkedOrigin: string | undefined
  /** While the video is still being uploaded; null once all of it is here. */
  readonly early: EarlyPlayback | null
}

export type PlayableRequest = {
  readonly id: string
  /** Where it is requested from; undefined for what any page may show (images). */
  readonly from?: RequestOrigin
  /** Segments may be answered from what was known a second ago; everything else asks the database. */
  readonly recentEnough?: boolean
  /** Whether a video will do that is still being uploaded. */
  readonly evenEarly?: boolean
}

export type PlayableDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly timelines: Timelines
  readonly early: EarlyTimelines
}

/** Finds playable videos and remembers them for a second. */
export class Playables {
  readonly #deps: PlayableDeps
  readonly #recent = new BoundedCache<string, { readonly video: Video; readonly atMs: number }>({
    maxWeight: MOST_REMEMBERED,
  })

  constructor(deps: PlayableDeps) {
    this.#deps = deps
  }

  /**
   * Throws `not_found`, `playback_token_required`, `playback_refused`, `video_not_playable_yet` or `video_failed`.
   */
  async find(request: PlayableRequest): Promise<Playable> {
    const video = await this.#video(request)
    if (video.requireSignedUrls) {
      throw new HeadwaterError(
        'playback_token_required',
        'This video plays with a signed token in place of its id only.',
      )
    }
    const checkedOrigin = request.from && checkOrigin(video, request.from)
    const facts = {
      id: request.id,
      video,
      restricted: video.allowedOrigins.length > 0,
      checkedOrigin,
    }
    const early = request.evenEarly ? await this.#deps.early.get(video) : undefined
    if (early !== undefined) return { ...early, ...facts, early }
    checkState(video)
    const loaded = await this.#deps.timelines.get(video.uid, request.recentEnough ? RECENT_MS : 0)
    if (loaded === undefined) {
      throw new HeadwaterError('video_not_playable_yet', 'The video has no timeline yet.', {
        facts: { uid: video.uid },
      })
    }
    return { ...loaded, ...facts, early: null }
  }

  async #video({ id, recentEnough }: PlayableRequest): Promise<Video> {
    const nowMs = this.#deps.clock.monotonicMs()
    const recent = recentEnough ? this.#recent.peek(id) : undefined
    if (recent !== undefined && nowMs - recent.atMs < RECENT_MS) return recent.video
    const video = UID.test(id) ? await getVideo(this.#deps.db, id) : undefined
    if (video === undefined) {
      this.#recent.delete(id)
      throw new HeadwaterError('not_found', 'There is no video with this id.')
    }
    this.#recent.set(id, { video, atMs: nowMs })
    return video
  }
}

/** The origin that may play; throws `playback_refused` when none is said or it is not covered. */
function checkOrigin(video: Video, from: RequestOrigin): string | undefined {
  if (video.allowedOrigins.length === 0) return undefined
  const origin = playingOrigin(from)
  if (origin !== undefined && isOriginCovered(origin, video.allowedOrigins)) return origin
  throw new HeadwaterError(
    'playback_refused',
    origin === undefined
      ? 'This video plays on certain web pages only, and the request does not say from which page it comes.'
      : `This video does not play on ${origin}.`,
  )
}

function checkState(video: Video): void {
  if (video.state === 'ready') return
  const facts = { uid: video.uid, state: video.state }
  if (video.state === 'error') {
    throw new HeadwaterError('video_failed', video.error?.reasonText || 'The video could not be processed.', {
      facts,
    })
  }
  throw new HeadwaterError('video_not_playable_yet', `The video is not playable yet; it is ${video.state}.`, {
    facts,
  })
}

/** A video's id. Everything else is refused without asking the database. */
const UID = /^[0-9a-f]{32}$/
const RECENT_MS = 1_000
const MOST_REMEMBERED = 10_000
