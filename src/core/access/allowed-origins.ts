/** Host patterns that say which pages may play a video (playback.md §7). */

import { HeadwaterError } from '../../lib/failure.ts'

/** Entries an `allowedOrigins` list may have (api.md §3.2). */
const MOST_PATTERNS = 100
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const PATTERN = new RegExp(
  `^(?:\\*|(?:(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*\\.?|\\[[0-9a-f:.]+\\])(?::([0-9]{1,5}))?)$`,
)

/**
 * The list as it is stored: each pattern in lower case, without scheme. Throws `bad_request` naming the entry that is
 * not a host pattern (a path, an empty entry, a port beyond 65,535) or when there are more than a hundred. `field` is how the request calls it.
 */
export function checkAllowedOrigins(
  patterns: readonly string[],
  field = 'allowedOrigins',
): readonly string[] {
  if (patterns.length > MOST_PATTERNS) {
    throw new HeadwaterError(
      'bad_request',
      `${field} may have at most ${MOST_PATTERNS} entries, this list has ${patterns.length}.`,
      { facts: { field } },
    )
  }
  return patterns.map((written) => {
    const pattern = written
      .trim()
      .toLowerCase()
      .replace(/^https?:\/\//, '')
    const match = PATTERN.exec(pattern)
    if (!match || Number(match[1] ?? 0) > 65_535) {
      throw new HeadwaterError(
        'bad_request',
        `${field} takes hosts such as example.com, *.example.com or localhost:3000 without a path, not ${JSON.stringify(written.slice(0, 100))}.`,
        { facts: { field } },
      )
    }
    return pattern
  })
}
