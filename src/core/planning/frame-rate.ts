/** Which constant rate a source has, or is given (spec/media.md §1, uploads.md §7). Pure. */

import type { Rational } from './plan.ts'

/** What picture times say about a source. */
export type RateFacts = {
  /** All pictures over the whole length, at a nearby usual rate where there is one. */
  readonly average: Rational
  /** The rate for a constant-rate encode, 1 to 70. */
  readonly grid: Rational
  /** Whether pictures come (nearly) evenly. */
  readonly constant: boolean
}

/** Rates that cameras and editors make; whole ones are found without a list. */
const BROADCAST: readonly Rational[] = [
  { num: 24_000, den: 1001 },
  { num: 30_000, den: 1001 },
  { num: 48_000, den: 1001 },
  { num: 60_000, den: 1001 },
  { num: 120_000, den: 1001 },
]
/** Above this, rates are reduced (uploads.md §7). */
const MAX_RATE = 70
/** A division of a high rate by a whole number is taken when it leaves at least this. */
const MIN_DIVIDED = 40
/** What uneven pictures get at most: closer ones than 1/30 s are dropped. */
const UNEVEN_RATE = 30
/** Share of even distances above which a source has a base rate, and above which nothing is left out. */
const MOSTLY_EVEN = 0.9
const EVEN = 0.98
/** Distances looked at; ten minutes of pictures are told apart exactly, sorting more would hold up other requests. */
const MOST_DISTANCES = 20_000
/** Clocks of files are rounded to a millisecond at worst, cameras drift a little. */
const JITTER_SECONDS = 0.0021

/**
 * Reads the rate from `times` (sorted, ticks of `timescale`) and the picture's end. At least one picture.
 */
export function findRate(times: Float64Array, endTicks: number, timescale: number): RateFacts {
  const count = times.length
  const span = ((times[count - 1] ?? 0) - (times[0] ?? 0)) / timescale
  const whole = (endTicks - (times[0] ?? 0)) / timescale
  const average = usualRate(count / Math.max(whole, 1e-6), count)
  if (count < 3 || span <= 0) return { average, grid: limitRate(clampRate(average)), constant: true }
  const deltas = distances(times, timescale)
  const sorted = deltas.slice().sort()
  const median = sorted[deltas.length >> 1] ?? 0
  // Most distances are one picture; their mean evens out the rounding of the file's clock.
  const even = deltas.filter((delta) => Math.abs(delta - median) <= jitter(median))
  const share = even.length / deltas.length
  if (median > 0 && share >= MOSTLY_EVEN) {
    const step = even.reduce((sum, delta) => sum + delta, 0) / even.length
    // A picture in ten seconds still makes segments of four.
    const grid = limitRate(clampRate(usualRate(1 / step, even.length)))
    return { average, grid, constant: share >= EVEN }
  }
  const quick = sorted[Math.floor(deltas.length / 10)] ?? median
  const base = usualRate(1 / Math.max(quick, 1 / UNEVEN_RATE), 20)
  return { average, grid: clampRate(base), constant: false }
}

/** Seconds from picture to picture; of a long source evenly spread ones, since all of them would say the same. */
function distances(times: Float64Array, timescale: number): Float64Array {
  const stride = Math.ceil((times.length - 1) / MOST_DISTANCES)
  const seconds = new Float64Array(Math.ceil((times.length - 1) / stride))
  for (let index = 0; index < seconds.length; index += 1) {
    const picture = index * stride
    seconds[index] = ((times[picture + 1] ?? 0) - (times[picture] ?? 0)) / timescale
  }
  return seconds
}

function jitter(delta: number): number {
  return Math.min(Math.max(JITTER_SECONDS, delta * 0.06), delta * 0.4)
}

/**
 * The usual rate nearest to `rate`, as near as `count` pictures allow to tell (one picture over the whole length, at
 * most 0.4 %); else thousandths.
 */
function usualRate(rate: number, count: number): Rational {
  const tolerance = Math.min(0.004, Math.max(1.5 / count, 0.0002))
  const whole = Math.max(1, Math.round(rate))
  const candidates = [{ num: whole, den: 1 }, { num: Math.round(rate * 2), den: 2 }, ...BROADCAST]
  const nearest = candidates
    .map((candidate) => ({ candidate, off: Math.abs(candidate.num / candidate.den - rate) / rate }))
    .sort((left, right) => left.off - right.off)[0]
  if (nearest && nearest.off <= tolerance) return reduce(nearest.candidate)
  return reduce({ num: Math.max(1, Math.round(rate * 1000)), den: 1000 })
}

/** At most 70: a whole fraction of it where that still moves well, else 70. */
function limitRate(rate: Rational): Rational {
  const value = rate.num / rate.den
  if (value <= MAX_RATE) return rate
  const divisor = Math.ceil(value / MAX_RATE)
  if (value / divisor >= MIN_DIVIDED) return reduce({ num: rate.num, den: rate.den * divisor })
  return { num: MAX_RATE, den: 1 }
}

function clampRate(rate: Rational): Rational {
  return rate.num / rate.den < 1 ? { num: 1, den: 1 } : rate
}

/** In lowest terms. */
export function reduce({ num, den }: Rational): Rational {
  let a = num
  let b = den
  while (b !== 0) [a, b] = [b, a % b]
  return { num: num / a, den: den / a }
}

/** Ticks per second in which the pictures of a constant rate begin at whole ticks; fine enough for players. */
export function gridTimescale(rate: Rational): number {
  return rate.num * Math.max(1, Math.ceil(10_000 / rate.num))
}

/** Start of picture `index` of a constant rate, in ticks; exact for `gridTimescale`. */
export function gridTicks(index: number, rate: Rational, timescale: number): number {
  return Math.round((index * rate.den * timescale) / rate.num)
}
