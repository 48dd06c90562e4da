/** From the id in an address to a video that may be played by this viewer, or the refusal (playback.md §1). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { EarlyPlayback, EarlyTimelines } from '../early/index.ts'
import type { LoadedTimeline, Timelines } from '../timeline/index.ts'
import type { Video } from '../videos/index.ts'
import { type AdmissionRequest, type Admissions, type Admitted, RECENT_MS } from './admit.ts'
import { isOriginCovered, playingOrigin, type RequestOrigin } from './allowed-origins.ts'

/** A video, what it is made of, and for whom it was found. */
export type Playable = LoadedTimeline &
  Admitted & {
    /** The origin that was checked and let in; undefined where any may play. */
    readonly checkedOrigin: string | undefined
    /** While the video is still being uploaded; null once all of it is here. */
    readonly early: EarlyPlayback | null
  }

export type PlayableRequest = AdmissionRequest & {
  /** Where it is requested from; undefined for what any page may show (images). */
  readonly from?: RequestOrigin
  /** Whether a video will do that is still being uploaded. */
  readonly evenEarly?: boolean
}

export type PlayableDeps = {
  readonly admissions: Admissions
  readonly timelines: Timelines
  readonly early: EarlyTimelines
}

/** Finds playable videos. */
export class Playables {
  readonly #deps: PlayableDeps
  constructor(deps: PlayableDeps) {
    this.#deps = deps
  }

  /**
   * Throws `not_found`, `playback_token_required`, `playback_refused`, `video_not_playable_yet` or `video_failed`.
   */
  async find(request: PlayableRequest): Promise<Playable> {
    const admitted = await this.#deps.admissions.admit(request)
    const { video } = admitted
    const facts = { ...admitted, checkedOrigin: request.from && checkOrigin(video, request.from) }
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
}

/** The origin that may play; throws `playback_refused` when none is said or it is not covered. */
export function checkOrigin(video: Pick<Video, 'allowedOrigins'>, from: RequestOrigin): string | undefined {
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
