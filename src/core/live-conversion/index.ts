/**
 * What others may import from `core/live-conversion`: broadcasts in the codecs that somebody takes, and their lower rungs.
 */

import type { AcceptedCodecs, Feed } from '../../live-ports.ts'
import { Conversion, type ConversionDeps } from './conversion.ts'
import type { Target } from './conversion-args.ts'
import { ConvertedFeed } from './converted-feed.ts'
import { type LadderOptions, LiveLadder } from './live-ladder.ts'

export type { ConversionDeps } from './conversion.ts'
export { type LadderOptions, LiveLadder, type RungSink } from './live-ladder.ts'

/** How broadcasts are had in other codecs; the conversions of one are shared by all who want them. */
export type Convert = (feed: Feed, accepts: AcceptedCodecs) => Feed

/** Creates it. */
export function createConvert(deps: ConversionDeps): Convert {
  const known = new WeakMap<Feed, Conversions>()
  return (feed, accepts) => {
    const conversions = known.get(feed) ?? new Conversions(deps, { label: 'a broadcast', source: feed })
    known.set(feed, conversions)
    return conversions.accepting(accepts)
  }
}

/** How the lower rungs of a broadcast are made, until they are stopped. */
export type StartLadder = (options: Omit<LadderOptions, 'mode'>) => { readonly stop: () => void }

/** Creates it; null where there is to be no ladder. */
export function createStartLadder(deps: ConversionDeps, mode: LadderMode): StartLadder | null {
  if (mode === 'off') return null
  return (options) => new LiveLadder(deps, { ...options, mode })
}

/** `auto`: as many rungs as the machine affords. `on`: all there are, while it keeps up. */
export type LadderMode = LadderOptions['mode'] | 'off'

/** The conversions of one broadcast: one for each codec, running while somebody listens to it. */
export class Conversions {
  readonly #deps: ConversionDeps
  readonly #label: string
  readonly #source: Feed
  readonly #byTarget = new Map<Target, Conversion>()

  /** `label` names the broadcast in the log. */
  constructor(deps: ConversionDeps, options: { label: string; source: Feed }) {
    this.#deps = deps
    this.#label = options.label
    this.#source = options.source
  }

  /** The broadcast for somebody who takes these codecs; nothing runs before they listen. */
  accepting(accepts: AcceptedCodecs): Feed {
    return new ConvertedFeed(this.#source, accepts, (target) => this.#conversionOf(target))
  }

  #conversionOf(target: Target): Conversion {
    const known = this.#byTarget.get(target)
    if (known !== undefined) return known
    const made = new Conversion(this.#deps, { label: this.#label, source: this.#source, target })
    this.#byTarget.set(target, made)
    return made
  }
}
