/** What the address of a player page may ask for (`spec/playback.md` §5.2); pure, so that it can be tested anywhere. */

export type PlayerOptions = {
  readonly autoplay: boolean
  readonly controls: boolean
  readonly loop: boolean
  readonly muted: boolean
  readonly preload: 'none' | 'metadata' | 'auto'
  /** Address of a picture; null = the video's own thumbnail. */
  readonly poster: string | null
  /** CSS colours as written; the page checks them before use. */
  readonly primaryColor: string | null
  readonly letterboxColor: string | null
  readonly startTimeSeconds: number
  /** BCP 47 tag of the captions that are on at the start. */
  readonly defaultTextTrack: string | null
  /** Whether one can go back to the beginning of a broadcast. */
  readonly dvrEnabled: boolean
  /** How a broadcast is to be played; null = the best way that there is. */
  readonly protocol: 'webrtc' | 'llhls' | 'hls' | null
}

/** Reads the query of a player page. Wrong values count as not given: a page that plays is worth more than a complaint. */
export function readOptions(query: URLSearchParams): PlayerOptions {
  const preload = query.get('preload')
  const protocol = query.get('protocol')
  return {
    autoplay: readFlag(query.get('autoplay'), false),
    controls: readFlag(query.get('controls'), true),
    loop: readFlag(query.get('loop'), false),
    muted: readFlag(query.get('muted'), false),
    // The attribute's own spelling: an empty `preload` means `auto` (HTML §4.8.11.5).
    preload: preload === 'metadata' || preload === 'auto' ? preload : preload === '' ? 'auto' : 'none',
    poster: readAddress(query.get('poster')),
    primaryColor: query.get('primaryColor') || null,
    letterboxColor: query.get('letterboxColor') || null,
    startTimeSeconds: readTime(query.get('startTime')),
    defaultTextTrack: query.get('defaultTextTrack') || null,
    dvrEnabled: readFlag(query.get('dvrEnabled'), false),
    protocol: protocol === 'webrtc' || protocol === 'llhls' || protocol === 'hls' ? protocol : null,
  }
}

/** A bare name counts as true; only `false` and `0` are false. */
function readFlag(value: string | null, absent: boolean): boolean {
  if (value === null) return absent
  return value !== 'false' && value !== '0'
}

/** `123`, `61.5` or `1h12m27s` as seconds; anything else is 0. */
export function readTime(value: string | null): number {
  if (!value) return 0
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value)
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(value)
  if (!match) return 0
  return Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)
}

/** Only pictures fetched over HTTP; the page's policy admits exactly this address's origin. */
function readAddress(value: string | null): string | null {
  if (!value) return null
  return /^https?:\/\//i.test(value) || /^\/(?!\/)/.test(value) ? value : null
}
