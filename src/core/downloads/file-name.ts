/** The name a file is saved under (playback.md §4.2). */

import { HeadwaterError } from '../../lib/failure.ts'

const LONGEST = 120

/**
 * The name asked for with `?filename=`, without its ending; the video's uid where none is. One ending `.mp4` or `.m4a`
 * may be there already. Throws `bad_request` for anything but 1 to 120 of `A–Z a–z 0–9 - _`, so the name needs no quoting
 * in any header or file system.
 */
export function parseFileName(asked: string | null, uid: string): string {
  if (asked === null || asked === '') return uid
  const name = asked.replace(/\.(?:mp4|m4a)$/i, '')
  if (name.length <= LONGEST && /^[\w-]+$/.test(name)) return name
  throw new HeadwaterError(
    'bad_request',
    `\`filename\` must be 1 to ${LONGEST} letters (A–Z, a–z), digits, hyphens and underscores; the ending is added.`,
    { facts: { field: 'filename' } },
  )
}
