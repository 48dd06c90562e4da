/** Whether something is live, and how many watch it: what players ask again and again (live.md §3.1, §3.2). */

import { HeadwaterError } from '../../lib/failure.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import type { LiveProtocol } from '../../live-ports.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { getLiveInput } from '../live-inputs/index.ts'
import { isTokenLike, Tokens } from '../protection/index.ts'
import { getVideo } from '../videos/index.ts'

/** A broadcast that has begun and is not over. */
export type RunningBroadcast = {
  readonly inputUid: string
  /** null where nothing is recorded. */
  readonly videoUid: string | null
  /** That it is published by, or was before its publisher went away. */
  readonly protocol: LiveProtocol
  /** `reconnecting`: its publisher is away, and may come back. */
  readonly status: 'connected' | 'reconnecting'
}

/** What is asked of the broadcasts of this process. */
export interface RunningBroadcasts {
  /** By the uid of the input, or of the video that it becomes. */
  findBroadcast(uid: string): RunningBroadcast | undefined
  /** Players that fetched media of the input in the last 30 s. */
  countViewers(inputUid: string): number
}

/** The answer of `/<id>/lifecycle`, in the API's own spelling. */
export type Lifecycle = {
  readonly isInput: boolean
  readonly videoUID: string | null
  readonly live: boolean
  readonly status: 'connected' | 'reconnecting' | 'disconnected'
}

type Known = {
  readonly isInput: boolean
  readonly inputUid: string | null
  readonly hideLiveViewerCount: boolean
}

/** Answers from memory until the next commit, since many ask often. */
export class Lifecycles {
  readonly #broadcasts: RunningBroadcasts
  readonly #tokens: Tokens
  readonly #known: FreshLooks<Known | undefined>

  constructor(deps: { readonly db: Db; readonly clock: Clock; readonly broadcasts: RunningBroadcasts }) {
    this.#broadcasts = deps.broadcasts
    this.#tokens = new Tokens(deps)
    this.#known = new FreshLooks(deps, (uid) => findKnown(deps.db, uid))
  }

  /** Of an input or a video, by its uid or a token for it. Throws `not_found` and `playback_token_required`. */
  async describe(id: string): Promise<Lifecycle> {
    const { uid, isInput } = await this.#find(id)
    const running = this.#broadcasts.findBroadcast(uid)
    return {
      isInput,
      videoUID: isInput ? (running?.videoUid ?? null) : uid,
      live: running !== undefined,
      status: running?.status ?? 'disconnected',
    }
  }

  /** How many watch; 0 where nothing is live. Throws as above, and `live_viewers_hidden`. */
  async countViewers(id: string): Promise<number> {
    const { uid, inputUid, hideLiveViewerCount } = await this.#find(id)
    if (hideLiveViewerCount) {
      throw new HeadwaterError('live_viewers_hidden', 'How many watch is not told of this live input.')
    }
    if (inputUid === null || this.#broadcasts.findBroadcast(uid) === undefined) return 0
    return this.#broadcasts.countViewers(inputUid)
  }

  async #find(id: string): Promise<Known & { readonly uid: string }> {
    const uid = isTokenLike(id) ? (await this.#tokens.verify(id)).uid : id
    const known = UID.test(uid) ? await this.#known.get(uid) : undefined
    if (known !== undefined) return { ...known, uid }
    // A broadcast has its video's name a moment before the video is recorded.
    const running = this.#broadcasts.findBroadcast(uid)
    const input = running && (await this.#known.get(running.inputUid))
    if (input !== undefined) return { ...input, isInput: false, uid }
    throw new HeadwaterError('not_found', 'There is no video and no live input with this id.')
  }
}

async function findKnown(db: Db, uid: string): Promise<Known | undefined> {
  const input = await getLiveInput(db, uid)
  if (input !== undefined) {
    return { isInput: true, inputUid: uid, hideLiveViewerCount: input.recording.hideLiveViewerCount }
  }
  const video = await getVideo(db, uid)
  if (video === undefined) return undefined
  const itsInput = video.liveInput === null ? undefined : await getLiveInput(db, video.liveInput)
  return {
    isInput: false,
    inputUid: video.liveInput,
    hideLiveViewerCount: itsInput?.recording.hideLiveViewerCount ?? false,
  }
}

const UID = /^[0-9a-f]{32}$/
