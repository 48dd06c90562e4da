/** From the id in an address to the live input whose broadcast this viewer may see: uid or token, and its rules (live.md §6). */

import { HeadwaterError } from '../../lib/failure.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { getLiveInput, type LiveInput } from '../live-inputs/index.ts'
import { badToken, isAllowed, isTokenLike, Tokens, type Viewer } from '../protection/index.ts'
import { isOriginCovered, playingOrigin, type RequestOrigin } from './allowed-origins.ts'

/** Admits viewers to live inputs. */
export class InputAdmissions {
  readonly #inputs: FreshLooks<LiveInput | undefined>
  readonly #tokens: Tokens

  constructor(deps: { readonly db: Db; readonly clock: Clock }) {
    this.#inputs = new FreshLooks(deps, (uid) => getLiveInput(deps.db, uid))
    this.#tokens = new Tokens(deps)
  }

  /**
   * The input of an id, whether anybody publishes or not. Without `from` it does not matter which page asks. Who watches in
   * real time is asked about again and again; that costs next to nothing. Throws `not_found`, `playback_token_required` or
   * `playback_refused`.
   */
  async admit(request: {
    readonly id: string
    readonly viewer: Viewer
    readonly from?: RequestOrigin
  }): Promise<LiveInput> {
    const { id, viewer } = request
    const token = isTokenLike(id) ? await this.#tokens.verify(id) : undefined
    const uid = token?.uid ?? id
    const input = UID.test(uid) ? await this.#inputs.get(uid) : undefined
    if (input === undefined) throw new HeadwaterError('not_found', 'There is no live input with this id.')
    if (token !== undefined) {
      if (token.accountId !== input.accountId) throw badToken('was signed by somebody else')
      if (!isAllowed(token.rules, viewer)) {
        throw new HeadwaterError(
          'playback_refused',
          'The rules of the token in the address refuse this viewer.',
        )
      }
    } else if (input.recording.requireSignedUrls) {
      throw new HeadwaterError(
        'playback_token_required',
        'This live input plays with a signed token in place of its id only.',
      )
    }
    if (request.from !== undefined) checkOrigin(input.recording.allowedOrigins ?? [], request.from)
    return input
  }
}

function checkOrigin(allowed: readonly string[], from: RequestOrigin): void {
  if (allowed.length === 0) return
  const origin = playingOrigin(from)
  if (origin !== undefined && isOriginCovered(origin, allowed)) return
  throw new HeadwaterError(
    'playback_refused',
    origin === undefined
      ? 'This live input plays on certain web pages only, and the request does not say from which page it comes.'
      : `This live input does not play on ${origin}.`,
  )
}

const UID = /^[0-9a-f]{32}$/
