/** Finds variables that look like settings but have no effect, so that a slip of the pen is told instead of swallowed. */

import { type Environment, NOT_BUILT_YET, SETTINGS } from './settings.ts'

/** Read by `bin/headwater`, before there is a program. */
const LAUNCHER = ['HEADWATER_NODE']

/** One line for every `HEADWATER_…` variable that nothing reads, with the nearest known name. */
export function warnOfUnknownSettings(env: Environment = process.env): string[] {
  const known = [...Object.values(SETTINGS).map((row) => row.name), ...LAUNCHER]
  return Object.keys(env)
    .filter((name) => name.startsWith('HEADWATER_') && !known.includes(name))
    .sort()
    .map((name) => {
      const later = NOT_BUILT_YET[name]
      if (later) return `${name} has no effect: ${later.what}.`
      return `${name} is not a setting and has no effect; did you mean ${nearest(name, known)}?`
    })
}

function nearest(name: string, known: readonly string[]): string {
  const ranked = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
  return ranked.reduce((best, next) => (next.distance < best.distance ? next : best)).candidate
}

/** Levenshtein distance: single letters inserted, removed or replaced. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}
