/** What a thumbnail's query asks for (playback.md §4.1): the instant, the size, and how the picture fits into it. */

import { HeadwaterError } from '../../lib/failure.ts'

export type Fit = 'crop' | 'clip' | 'scale' | 'fill'

/** A query that was read: `undefined` where it is silent. */
export type PictureQuery = {
  /** Seconds, or a share of the duration from 0 to 1. */
  readonly time: { readonly seconds: number } | { readonly share: number } | undefined
  readonly width: number | undefined
  readonly height: number | undefined
  readonly fit: Fit
}

/** Reads what the queries of `thumbnail.jpg` and `thumbnail.gif` have in common; throws `bad_request` naming the field. */
export function parsePictureQuery(query: URLSearchParams): PictureQuery {
  return {
    time: parseTime(query.get('time') ?? ''),
    width: parseSide('width', query.get('width'), MOST_WIDTH),
    height: parseSide('height', query.get('height'), MOST_HEIGHT),
    fit: parseFit(query.get('fit')),
  }
}

/**
 * Seconds into the video at which the picture is taken. `defaultShare` is the video's `thumbnailTimestampPct`. Throws
 * `not_found` past the end; a share of 1 is the last picture.
 */
export function pictureSeconds(query: PictureQuery, durationSeconds: number, defaultShare: number): number {
  const time = query.time ?? { share: defaultShare }
  if ('share' in time) return time.share * durationSeconds
  if (time.seconds > durationSeconds) {
    throw new HeadwaterError(
      'not_found',
      `The video lasts ${durationSeconds} s; there is no picture at ${time.seconds} s.`,
    )
  }
  return time.seconds
}

/** How to make the answer from a still: its size in pixels, and what of the still it shows. */
export type PictureShape = { readonly width: number; readonly height: number; readonly fit: Fit }

/**
 * The size of the answer. No side given: the longest is 640; one given: the other follows the video's shape; both
 * given: that box, where `clip` answers what lies inside it without enlarging.
 */
export function pictureShape(query: PictureQuery, video: { width: number; height: number }): PictureShape {
  const { width, height, fit } = query
  if (width !== undefined && height !== undefined) {
    if (fit !== 'clip') return { width, height, fit }
    const shrink = Math.min(1, width / video.width, height / video.height)
    return { width: pixels(video.width * shrink), height: pixels(video.height * shrink), fit }
  }
  const scale =
    width !== undefined
      ? width / video.width
      : height !== undefined
        ? height / video.height
        : DEFAULT_SIDE / Math.max(video.width, video.height)
  // Of a very wide picture the side that follows could be anything; it stays within what may be asked for.
  return {
    width: width ?? Math.min(MOST_WIDTH, pixels(video.width * scale)),
    height: height ?? Math.min(MOST_HEIGHT, pixels(video.height * scale)),
    fit,
  }
}

/** `8m`, `5m2s`, `1s`, `3.347s`, `1h2m3s`; a plain number is seconds, `50%` a share of the duration. */
function parseTime(text: string): PictureQuery['time'] {
  if (text === '') return undefined
  const share = /^(\d{1,3}(?:\.\d{1,9})?)%$/.exec(text)?.[1]
  if (share !== undefined && Number(share) <= 100) return { share: Number(share) / 100 }
  const seconds = readDuration(text)
  if (seconds === undefined) throw badField('time', 'a time such as 90, 3.5s, 8m, 1h2m3s or 50%', text)
  return { seconds }
}

/** Seconds of `8m`, `5m2s`, `3.347s` or a plain number; undefined for anything else. */
export function readDuration(text: string): number | undefined {
  if (/^\d{1,9}(?:\.\d{1,9})?$/.test(text)) return Number(text)
  const parts = DURATION.exec(text)
  if (parts === null) return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = parts
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

function parseSide(field: string, text: string | null, most: number): number | undefined {
  if (text === null || text === '') return undefined
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (value >= 1 && value <= most) return value
  throw badField(field, `a whole number from 1 to ${most}`, text)
}

function parseFit(text: string | null): Fit {
  if (text === null || text === '') return 'crop'
  if (text === 'crop' || text === 'clip' || text === 'scale' || text === 'fill') return text
  throw badField('fit', 'crop, clip, scale or fill', text)
}

/** Names the field, what was expected and what came. */
export function badField(field: string, expected: string, found: string): HeadwaterError {
  return new HeadwaterError(
    'bad_request',
    `${field} must be ${expected}, not ${JSON.stringify(found.slice(0, 50))}.`,
    {
      facts: { field },
    },
  )
}

function pixels(length: number): number {
  return Math.max(1, Math.round(length))
}

const NUMBER = String.raw`\d{1,9}(?:\.\d{1,9})?`
const DURATION = new RegExp(`^(?=.)(?:(${NUMBER})h)?(?:(${NUMBER})m)?(?:(${NUMBER})s)?$`)
const DEFAULT_SIDE = 640
const MOST_WIDTH = 3840
const MOST_HEIGHT = 2160
