/**
 * What a caller's stream id asks for. Either the id as the API hands it out, or the form of SRT's guideline on access
 * control: `#!::` and pairs of `key=value` with commas between, of which `r` names the resource and `m` says what for.
 */

/** Characters an id may have at all (SRT API, `SRTO_STREAMID`). */
const MOST_CHARACTERS = 512
const STANDARD = '#!::'
/** ffmpeg up to version 5 sends the stream id of an address as it is written there. */
const ESCAPED = '%23!'
/** Ids of playback have this before the input's uid. */
const PLAY = 'play'

/** `key`: the stream id as the API hands it out. `purpose` where the caller says it. */
export type WantedStream = { readonly key: string; readonly purpose?: 'publish' | 'play' }

/** Reads a stream id; undefined for one that names nothing. */
export function readStreamId(given: string): WantedStream | undefined {
  const text = given.startsWith(ESCAPED) ? unescapePercent(given) : given
  if (text === '' || text.length > MOST_CHARACTERS) return undefined
  if (!text.startsWith('#!')) return { key: text }
  if (!text.startsWith(STANDARD)) return undefined
  const pairs = new Map(
    text
      .slice(STANDARD.length)
      .split(',')
      .map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, Math.max(at, 0)), pair.slice(at + 1)]
      }),
  )
  const resource = pairs.get('r') ?? ''
  if (resource === '') return undefined
  switch (pairs.get('m')) {
    case 'publish':
      return { key: resource, purpose: 'publish' }
    // The guideline's default.
    case 'request':
    case undefined:
      return { key: resource.startsWith(PLAY) ? resource : `${PLAY}${resource}`, purpose: 'play' }
    default:
      return undefined
  }
}

function unescapePercent(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
