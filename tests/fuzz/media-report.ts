/** What came of damaged media files, as a table, and what of it must not be. Pure. */

import type { MediaReport } from './media-torture.ts'

/** Share of files that may end without an explanation. */
const UNEXPLAINED_SHARE = 0.01

/** How many files were sent. */
export function countFiles({ ends }: Pick<MediaReport, 'ends'>): number {
  return Object.values(ends)
    .flatMap((counts) => Object.values(counts))
    .reduce((sum, count) => sum + count, 0)
}

/** A line per end, a column per container's file. */
export function describeEnds(report: MediaReport): string {
  const { ends, slowest } = report
  const kinds = [...new Set(Object.values(ends).flatMap((counts) => Object.keys(counts)))].sort()
  const rows = kinds.map((kind) => {
    const counted = Object.entries(ends).flatMap(([name, counts]) => {
      const count = counts[kind]
      return count === undefined ? [] : [{ name, count }]
    })
    const total = counted.reduce((sum, { count }) => sum + count, 0)
    const share = ((100 * total) / countFiles(report)).toFixed(1)
    const names = counted.map(({ name, count }) => `${name} ${count}`).join(', ')
    return `${String(total).padStart(6)} ${share.padStart(5)} %  ${kind.padEnd(42)} ${names}`
  })
  return [
    `${countFiles(report)} damaged files, the slowest took ${(slowest.ms / 1000).toFixed(1)} s (${slowest.file})`,
    ...rows,
  ].join('\n')
}

/** A sentence for each promise that was not kept. */
export function judge(report: MediaReport): readonly string[] {
  const unexplained = report.findings.filter(({ kind }) => kind === 'unexplained').length
  const others = report.findings.filter(({ kind }) => kind !== 'unexplained')
  const files = countFiles(report)
  return [
    ...others.map(({ file, round, what }) => `round ${round}, ${file || 'no file in particular'}: ${what}`),
    ...(unexplained > files * UNEXPLAINED_SHARE
      ? [`${unexplained} of ${files} files ended without an explanation; 1 % may.`]
      : []),
  ]
}
