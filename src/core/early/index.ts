/** What others may import from `core/early`. */
export { createEarly, type Early } from './create-early.ts'
export type { EarlyPlayback, EarlyTimelines } from './early-timelines.ts'
