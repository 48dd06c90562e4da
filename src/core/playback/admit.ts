/** From the id in an address to the video that this viewer may see: uid or token, and the token's rules (playback.md §6). */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { badToken, type GoodToken, isAllowed, isTokenLike, Tokens, type Viewer } from '../protection/index.ts'
import { getVideo, type Video } from '../videos/index.ts'

/** What a viewer may do beyond watching. */
export type Grants = {
  /** Fetch the files of `/<id>/downloads/`: anybody where the video plays without a token, else by the token's word. */
  readonly downloadable: boolean
  /** Be given the untouched source there (the token's flag `original`, api.md §5.1). */
  readonly original: boolean
}

/** A video that this viewer may see, as far as tokens and their rules go. */
export type Admitted = {
  /** As in the address: a uid, or the token that stands in its place. */
  readonly id: string
  readonly video: Video
  /** Whether shared caches must not keep what is answered. */
  readonly restricted: boolean
  /** Until the token ends; null without one. */
  readonly secondsLeft: number | null
  /** Whether who asks was looked at, beside what is asked: a token's rules about addresses and countries. */
  readonly dependsOnViewer: boolean
  readonly grants: Grants
}

export type AdmissionRequest = {
  readonly id: string
  readonly viewer: Viewer
  /** Segments may be answered from what was known a second ago; everything else asks the database. */
  readonly recentEnough?: boolean
}

/** Admits viewers, and remembers videos and tokens for a second. */
export class Admissions {
  readonly #clock: Clock
  readonly #tokens: Tokens
  readonly #videos: FreshLooks<Video | undefined>
  readonly #recent = new BoundedCache<string, { readonly video: Video; readonly atMs: number }>({
    maxWeight: MOST_REMEMBERED,
  })

  constructor(deps: { readonly db: Db; readonly clock: Clock }) {
    this.#clock = deps.clock
    this.#videos = new FreshLooks(deps, (uid) => getVideo(deps.db, uid))
    this.#tokens = new Tokens(deps)
  }

  /**
   * The video of an id, whatever its state and wherever it may be embedded. Throws `not_found`,
   * `playback_token_required` or `playback_refused`.
   */
  async admit(request: AdmissionRequest): Promise<Admitted> {
    const { id, recentEnough } = request
    const token = await this.#token(request)
    const video = await this.#video(token?.uid ?? id, recentEnough)
    return { id, video, ...admitBy(token, video, request.viewer) }
  }

  /** What the id names: itself, or what a token in its place was signed for. Throws `playback_token_required`. */
  async uidOf(request: AdmissionRequest): Promise<string> {
    return (await this.#token(request))?.uid ?? request.id
  }

  /**
   * Whether this viewer may see what the id names, which has these rules (those of a live input). Throws
   * `playback_token_required` or `playback_refused`.
   */
  async admitTo(request: AdmissionRequest, rules: Rules): Promise<Omit<Admitted, 'id' | 'video'>> {
    return admitBy(await this.#token(request), rules, request.viewer)
  }

  async #token({ id, recentEnough }: AdmissionRequest): Promise<GoodToken | undefined> {
    return isTokenLike(id) ? await this.#tokens.verify(id, { recentEnough }) : undefined
  }

  async #video(id: string, recentEnough: boolean | undefined): Promise<Video> {
    const nowMs = this.#clock.monotonicMs()
    const recent = recentEnough ? this.#recent.peek(id) : undefined
    if (recent !== undefined && nowMs - recent.atMs < RECENT_MS) return recent.video
    const video = UID.test(id) ? await this.#videos.get(id) : undefined
    if (video === undefined) {
      this.#recent.delete(id)
      throw new HeadwaterError('not_found', 'There is no video with this id.')
    }
    this.#recent.set(id, { video, atMs: nowMs })
    return video
  }
}

/** Who may see something: of a video, or of a live input. */
type Rules = {
  readonly accountId: string
  readonly requireSignedUrls: boolean
  readonly allowedOrigins: readonly string[]
}

function admitBy(token: GoodToken | undefined, rules: Rules, viewer: Viewer): Omit<Admitted, 'id' | 'video'> {
  if (token !== undefined) checkToken(token, rules, viewer)
  else if (rules.requireSignedUrls) {
    throw new HeadwaterError(
      'playback_token_required',
      'This video plays with a signed token in place of its id only.',
    )
  }
  return {
    restricted: token !== undefined || rules.allowedOrigins.length > 0,
    secondsLeft: token?.secondsLeft ?? null,
    dependsOnViewer: token !== undefined && token.rules.length > 0,
    grants: {
      downloadable: token?.downloadable === true || !rules.requireSignedUrls,
      original: token?.original === true,
    },
  }
}

/** Throws when the token is another account's, or its rules refuse the viewer. */
function checkToken(token: GoodToken, video: Rules, viewer: Viewer): void {
  if (token.accountId !== video.accountId) throw badToken('was signed by somebody else')
  if (isAllowed(token.rules, viewer)) return
  throw new HeadwaterError('playback_refused', 'The rules of the token in the address refuse this viewer.')
}

/** A video's id. Everything else is refused without asking the database. */
const UID = /^[0-9a-f]{32}$/
/** How old recent knowledge may be. */
export const RECENT_MS = 1_000
const MOST_REMEMBERED = 10_000
