/** Addresses of files that are to be fetched. */

import { HeadwaterError } from '../../lib/failure.ts'

const MOST_URL_CHARACTERS = 8_192
/** How the field is called where it has two names. */
const SAID: Readonly<Record<string, string>> = { input: 'input (or url)' }

/**
 * The address in `field`. Throws `bad_request` for what is not http or https. What is said of a wrong one does not repeat
 * it: there may be a password in it.
 */
export function checkUrl(text: string, field: 'input' | 'url'): URL {
  const refuse = (rule: string): HeadwaterError =>
    new HeadwaterError('bad_request', `${SAID[field] ?? field} ${rule}.`, { facts: { field } })
  if (text.length > MOST_URL_CHARACTERS) {
    throw refuse(`may have at most ${MOST_URL_CHARACTERS} characters, this one has ${text.length}`)
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const example = field === 'input' ? 'video.mp4' : 'sound.mp3'
    throw refuse(`must be an http or https address such as https://example.com/${example}`)
  }
  return url
}
