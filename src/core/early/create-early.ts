/** Puts the parts of early playback together, once per process. */

import type { Log } from '../../lib/log.ts'
import type { Planner, PlanSettings } from '../planning/index.ts'
import { EarlySources, type EarlySourcesDeps } from './early-sources.ts'
import { EarlyTimelines } from './early-timelines.ts'

export type CreateEarlyDeps = EarlySourcesDeps & {
  readonly log: Log
  readonly planner: Planner
  readonly settings: PlanSettings
}

/** What plays before it is whole, and where its bytes are read. */
export type Early = { readonly sources: EarlySources; readonly timelines: EarlyTimelines }

/** Makes it; it holds caches only and needs no closing. */
export function createEarly(deps: CreateEarlyDeps): Early {
  const sources = new EarlySources(deps)
  return { sources, timelines: new EarlyTimelines({ ...deps, sources }) }
}
