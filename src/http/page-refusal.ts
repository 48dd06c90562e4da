/** What a player page says to somebody who may not watch, in words for viewers. */

import type { IncomingMessage } from 'node:http'
import { isOriginCovered } from '../core/playback/index.ts'
import { HeadwaterError, isFailure } from '../lib/failure.ts'

export type Refused = { readonly status: number; readonly title: string; readonly sentence: string }

const ASK = 'Ask whoever gave you the link for a new one.'

/** The page instead of the video `id`; undefined for failures that are nobody's refusal. */
export function describeRefusal(error: unknown, id: string): Refused | undefined {
  if (isFailure(error, 'not_found')) {
    return {
      status: 404,
      title: 'There is no such video',
      sentence: 'The address may have been mistyped, or the video was deleted.',
    }
  }
  if (isFailure(error, 'playback_token_required') && error instanceof HeadwaterError) {
    if (!id.includes('.')) {
      return {
        status: 401,
        title: 'This video is protected',
        sentence: `It plays by a signed link only. ${ASK}`,
      }
    }
    const title = error.facts.expired === true ? 'This link has expired' : 'This link is not valid'
    return { status: 401, title, sentence: ASK }
  }
  if (isFailure(error, 'playback_refused')) {
    return {
      status: 403,
      title: 'This video does not play here',
      sentence: 'Whoever shares it has limited where it may be watched.',
    }
  }
  return undefined
}

/** What `Sec-Fetch-Dest` says where a page is put into another (Fetch Metadata §2.1). */
const FRAMES = new Set(['iframe', 'frame', 'embed', 'object'])

/**
 * Refuses a frame on a page that the video's allowed origins do not cover (playback.md §7), as far as the browser says
 * whose page it is. Without this page, which anybody may frame, `frame-ancestors` would leave viewers with the browser's
 * own words, and those blame the network.
 */
export function refuseFrame(
  { allowedOrigins }: { readonly allowedOrigins: readonly string[] },
  { headers }: Pick<IncomingMessage, 'headers'>,
  publicUrl: string,
): Refused | undefined {
  if (allowedOrigins.length === 0 || !FRAMES.has(String(headers['sec-fetch-dest']))) return undefined
  const page = URL.parse(headers.referer ?? '')
  if (page === null || page.origin === URL.parse(publicUrl)?.origin) return undefined
  if (isOriginCovered(page.origin, allowedOrigins)) return undefined
  return {
    status: 403,
    title: 'This video does not play on this site',
    sentence: `Its owner has not allowed it to be shown on ${page.host}.`,
  }
}
