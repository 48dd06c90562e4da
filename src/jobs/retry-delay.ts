/** When a failed job is tried again. */

const DELAYS_MS = [1_000, 5_000, 30_000, 120_000] as const

/** Share by which a delay is lengthened at most, so that jobs that failed together do not come back together. */
const JITTER = 0.25

/** Milliseconds to wait after the `attempt`-th try (1 for the first) of job `id`; the same for the same arguments. */
export function retryDelayMs(id: number, attempt: number): number {
  const delay = DELAYS_MS[Math.min(attempt, DELAYS_MS.length) - 1] ?? DELAYS_MS[0]
  return Math.round(delay * (1 + JITTER * spread(id * 31 + attempt)))
}

/** A number in [0, 1) that looks random: Knuth's multiplicative hash. */
function spread(seed: number): number {
  return (Math.imul(seed, 2_654_435_761) >>> 0) / 2 ** 32
}
