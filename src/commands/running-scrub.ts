/** What `headwater scrub` asks for and follows, wherever it runs. */

import type { PresentedScrub } from '../http/api/scrub.ts'

/** A scrub under way. */
export type RunningScrub = {
  /** With the findings behind the first `after`. */
  look(after: number): Promise<PresentedScrub>
  stop(): Promise<void>
  /** Lets go of what was opened for it. */
  close(): Promise<void>
}

export type ScrubRequest = {
  readonly repair: boolean
  /** undefined: what is usual there. */
  readonly megabytesPerSecond: number | undefined
}
