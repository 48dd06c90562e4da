/**
 * Stays near the edge of a broadcast: what a short stop has cost is made up for by playing a little faster, in steps that
 * nobody hears; what a long one has, or what it took until there was a picture, by a jump.
 */

/** The quickest; beyond it voices begin to sound hurried. */
const MOST_RATE = 1.15
const STEP = 0.05
/** Catching up begins at this distance … */
const BEGIN_SECONDS = 0.2
/** … and ends at this one, which is less, or the rate would change all the time. */
const END_SECONDS = 0.05
/**
 * Half a second behind is made up for in about four. A machine that is too busy to play as fast as time passes stays that
 * much closer, too.
 */
const RATE_PER_SECOND = 0.3
/** With less than this loaded, faster playing would only lead to the next stop. */
const LEAST_LOADED_SECONDS = 0.7
/** Beyond it, who watches live is better served by a jump. */
const JUMP_SECONDS = 12

export type Lag = {
  /** From what is shown to where it could be. */
  readonly behindSeconds: number
  readonly loadedSeconds: number
  /** What was decided before. */
  readonly rate: number
}

/** The rate to play at, 1 to 1.15. */
export function chooseRate({ behindSeconds, loadedSeconds, rate }: Lag): number {
  const enough = rate > 1 ? END_SECONDS : BEGIN_SECONDS
  if (behindSeconds <= enough || loadedSeconds < LEAST_LOADED_SECONDS) return 1
  const steps = Math.max(1, Math.round((behindSeconds * RATE_PER_SECOND) / STEP))
  return Math.min(MOST_RATE, 1 + steps * STEP)
}

/** Whether the first picture came so late that what lies before the edge is left out, as it can be: it is loaded. */
export function isLateStart({ behindSeconds, loadedSeconds }: Omit<Lag, 'rate'>): boolean {
  return behindSeconds > BEGIN_SECONDS && loadedSeconds - behindSeconds >= LEAST_LOADED_SECONDS
}

/** Whether the way is too long to be made up for by playing faster. */
export function isFarBehind(behindSeconds: number): boolean {
  return behindSeconds > JUMP_SECONDS
}
