/** From the id in an address to a broadcast that this viewer may watch, or the refusal (live.md §6, playback.md §1 and §6.2). */

import type { LiveLookup, PlayedBroadcast } from '../live-packaging/index.ts'
import { type AdmissionRequest, type Admissions, type Admitted } from './admit.ts'
import { checkOrigin } from './find-playable.ts'
import type { RequestOrigin } from './allowed-origins.ts'

/** A broadcast, and for whom it was found. */
export type PlayableLive = Omit<Admitted, 'video'> & {
  /** null: the input is idle, or does not record. */
  readonly broadcast: PlayedBroadcast | null
  /** Whether it was asked for by the uid of its input, not by that of its video. */
  readonly byInput: boolean
  /** Whether its video plays as every video does by now: the broadcast is over, and its recording taken in. */
  readonly isReady: boolean
  readonly checkedOrigin: string | undefined
}

export type LiveRequest = AdmissionRequest & { readonly from: RequestOrigin }

/** Finds broadcasts to play. */
export class LivePlayables {
  readonly #admissions: Admissions
  readonly #live: LiveLookup

  constructor(deps: { readonly admissions: Admissions; readonly live: LiveLookup }) {
    this.#admissions = deps.admissions
    this.#live = deps.live
  }

  /**
   * The broadcast of a uid or token that names an input or the video of a broadcast in memory; undefined for every other
   * video. Asks no database unless there is a broadcast. Throws `playback_token_required`, `playback_refused` or
   * `not_found`.
   */
  async find(request: LiveRequest): Promise<PlayableLive | undefined> {
    // A token is looked at again by whoever finds the video.
    if (!this.#live.hasBroadcasts) return undefined
    const uid = await this.#admissions.uidOf(request)
    const broadcast = this.#live.broadcast(uid)
    if (broadcast === undefined) return undefined
    if (broadcast.inputUid === uid) return await this.#byInput(request, broadcast)
    const { video, ...admitted } = await this.#admissions.admit(request)
    return {
      ...admitted,
      broadcast,
      byInput: false,
      isReady: video.state === 'ready',
      checkedOrigin: checkOrigin(video, request.from),
    }
  }

  /** An input that is idle, for what is no video: undefined where it is no input either. Throws as above. */
  async findIdle(request: LiveRequest): Promise<PlayableLive | undefined> {
    return await this.#byInput(request, null)
  }

  async #byInput(request: LiveRequest, broadcast: PlayedBroadcast | null): Promise<PlayableLive | undefined> {
    const uid = await this.#admissions.uidOf(request)
    const recentEnough = request.recentEnough === true
    const input = await this.#live.input(uid, { recentEnough })
    if (input === undefined) return undefined
    const admitted = await this.#admissions.admitTo(request, input)
    return {
      id: request.id,
      ...admitted,
      broadcast,
      byInput: true,
      isReady: false,
      checkedOrigin: checkOrigin(input, request.from),
    }
  }
}
