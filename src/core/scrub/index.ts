/** What others may import from `core/scrub`. */
export type { RemedyDeps } from './remedies.ts'
export type { Amount, Finding, Outcome, Problem, ScrubReport } from './report.ts'
export { Scrub, type ScrubOptions } from './scrub.ts'
export { ScrubKeeper, USUAL_BYTES_PER_SECOND } from './scrub-keeper.ts'
