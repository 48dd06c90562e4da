/** How often the state of a broadcast is asked for; pure. */

/** Somebody waits for a broadcast to begin, or to go on. */
const WAITING_MS = 3_000
/** It runs, and its end will show by itself. */
const RUNNING_MS = 6_000
/** Nobody looks at the page. */
const MOST_HIDDEN_MS = 60_000
/** The server does not answer. */
const MOST_FAILING_MS = 30_000
/** Share by which a pause is longer or shorter, so that a thousand pages that were opened together do not ask together. */
const SPREAD = 0.25

export type Asking = {
  /** Whether it plays; then the page counts as being looked at: one can also listen. */
  readonly running: boolean
  readonly hidden: boolean
  /** Questions since the page was hidden. */
  readonly unseen: number
  /** Questions in a row that were not answered. */
  readonly failures: number
  /** From 0 to 1. */
  readonly random: number
}

/** How long to wait before the next question, in milliseconds. */
export function pauseMs({ running, hidden, unseen, failures, random }: Asking): number {
  const usual = running ? RUNNING_MS : WAITING_MS
  const seen = hidden && !running ? Math.min(usual * 2 ** unseen, MOST_HIDDEN_MS) : usual
  const answered = failures > 0 ? Math.min(usual * 2 ** failures, MOST_FAILING_MS) : 0
  return Math.max(seen, answered) * (1 - SPREAD + 2 * SPREAD * random)
}
