/** Which runs of segments are still to be made. Pure. */

/** Runs of consecutive segments of `[first, end)` that `has` lacks. */
export function missingRuns(
  range: { firstSegment: number; endSegment: number },
  has: ReadonlySet<number>,
): { firstSegment: number; endSegment: number }[] {
  const runs: { firstSegment: number; endSegment: number }[] = []
  for (let segment = range.firstSegment; segment < range.endSegment; segment += 1) {
    if (has.has(segment)) continue
    const last = runs.at(-1)
    if (last?.endSegment === segment) last.endSegment = segment + 1
    else runs.push({ firstSegment: segment, endSegment: segment + 1 })
  }
  return runs
}
