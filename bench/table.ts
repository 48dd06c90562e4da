/** Figures as people read them. */

/** A table with a line under the heads; the first column flush left, the others flush right. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows]
  const widths = heads.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const lines = all.map((row) =>
    row.map((cell, column) => cell[column === 0 ? 'padEnd' : 'padStart'](widths[column] ?? 0)).join('  '),
  )
  const [head = '', ...body] = lines
  return `${[head, '-'.repeat(head.length), ...body].join('\n')}\n`
}

/** The middle value (of an even number, the mean of the middle two). */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Milliseconds as `0.123 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`
}

/** `123 MB` (decimal). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
