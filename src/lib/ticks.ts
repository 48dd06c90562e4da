/**
 * Integer time. Ticks are counted in units of 1/timescale seconds; conversions multiply before they divide and use
 * BigInt where a product could pass 2^53, so that sums never drift.
 */

/** `value × numerator ÷ denominator`, rounded to the nearest integer (halves away from zero), exact for any safe integers. */
export function scaleTicks(value: number, numerator: number, denominator: number): number {
  const product = value * numerator
  if (Math.abs(product) < 2 ** 52) {
    return product >= 0 ? Math.floor(product / denominator + 0.5) : -Math.floor(-product / denominator + 0.5)
  }
  const exact = BigInt(value) * BigInt(numerator)
  const den = BigInt(denominator)
  const half = den / 2n
  return Number(exact >= 0n ? (exact + half) / den : -((-exact + half) / den))
}

/** Ticks as seconds, for presentation only. */
export function ticksToSeconds(ticks: number, timescale: number): number {
  return ticks / timescale
}

/** The tick nearest to `seconds`. */
export function secondsToTicks(seconds: number, timescale: number): number {
  return Math.round(seconds * timescale)
}
