/** Bit rates as players need them, measured over the segments that exist. */

/** Bits per second. `peak`: RFC 8216 §4.1, over stretches of half to one and a half target durations. */
export type Rates = { readonly averageBps: number; readonly peakBps: number }

/**
 * Rates of a rendition from the sizes of its segments. A segment that is not made yet (`undefined`) counts as planned:
 * players read the list of renditions once, and a quiet first chunk must not promise a quiet film. `starts` as in
 * `Track`.
 */
export function measureRates(
  sizes: readonly (number | undefined)[],
  starts: readonly number[],
  timescale: number,
  planned: Rates,
): Rates {
  const targetTicks = longestSegment(starts)
  let bits = 0
  let ticks = 0
  let peakBps = 0
  for (let segment = 0; segment < starts.length - 1; segment += 1) {
    const sizeBytes = sizes[segment]
    const duration = lengthTicks(starts, segment)
    ticks += duration
    if (sizeBytes === undefined) {
      bits += (planned.averageBps * duration) / timescale
      peakBps = Math.max(peakBps, planned.peakBps)
    } else {
      bits += sizeBytes * 8
      peakBps = Math.max(peakBps, peakFrom(segment, sizes, starts, timescale, targetTicks))
    }
  }
  if (ticks <= 0) return planned
  const averageBps = (bits * timescale) / ticks
  return { averageBps, peakBps: Math.max(peakBps, averageBps) }
}

/** Adds what the packager writes beside the samples (16 bytes in `trun` for each) to rates that count samples only. */
export function addOverhead(rates: Rates, samplesPerSecond: number): Rates {
  const overheadBps = Math.ceil(TRUN_SAMPLE_BYTES * 8 * samplesPerSecond + HEAD_BPS)
  return { averageBps: rates.averageBps + overheadBps, peakBps: rates.peakBps + overheadBps }
}

/** Largest rate of a contiguous run that begins at `first` and lasts 0.5 to 1.5 target durations. */
function peakFrom(
  first: number,
  sizes: readonly (number | undefined)[],
  starts: readonly number[],
  timescale: number,
  targetTicks: number,
): number {
  let bytes = 0
  let ticks = 0
  let peakBps = 0
  for (let segment = first; segment < sizes.length; segment += 1) {
    const sizeBytes = sizes[segment]
    if (sizeBytes === undefined) break
    bytes += sizeBytes
    ticks += lengthTicks(starts, segment)
    if (ticks > 1.5 * targetTicks) break
    if (ticks >= 0.5 * targetTicks) peakBps = Math.max(peakBps, (bytes * 8 * timescale) / ticks)
  }
  return peakBps
}

function longestSegment(starts: readonly number[]): number {
  let longest = 0
  for (let segment = 0; segment < starts.length - 1; segment += 1) {
    longest = Math.max(longest, lengthTicks(starts, segment))
  }
  return longest
}

function lengthTicks(starts: readonly number[], segment: number): number {
  return (starts[segment + 1] ?? 0) - (starts[segment] ?? 0)
}

/** Duration, size, flags and composition offset: four 32-bit fields (ISO/IEC 14496-12 §8.8.8). */
const TRUN_SAMPLE_BYTES = 16
/** Boxes around them, some 150 bytes per segment of 4 s. */
const HEAD_BPS = 300
