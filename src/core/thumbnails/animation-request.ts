/** What the query of an animated thumbnail asks for (playback.md §4.1), beside what it has in common with a still. */

import { HeadwaterError } from '../../lib/failure.ts'
import {
  badField,
  parsePictureQuery,
  type PictureQuery,
  type PictureShape,
  readDuration,
} from './picture-request.ts'

export type AnimationQuery = PictureQuery & {
  /** Above 0, at most 30. */
  readonly durationSeconds: number
  /** Pictures per second, 1 to 30. */
  readonly rate: number
}

/** Reads the query of `thumbnail.gif`; throws `bad_request` naming the field. */
export function parseAnimationQuery(query: URLSearchParams): AnimationQuery {
  return {
    ...parsePictureQuery(query),
    durationSeconds: parseDuration(query.get('duration') ?? ''),
    rate: parseRate(query.get('fps') ?? ''),
  }
}

/**
 * Throws `bad_request` for an animation nobody would wait for: a GIF has no motion compression, so a minute of
 * processor time and hundreds of megabytes would come of it.
 */
export function checkWork({ durationSeconds, rate }: AnimationQuery, { width, height }: PictureShape): void {
  const pixels = width * height * Math.ceil(durationSeconds * rate)
  if (pixels <= MOST_PIXELS) return
  const most = Math.max(1, Math.floor(MOST_PIXELS / (width * height)))
  throw new HeadwaterError(
    'bad_request',
    `An animation of ${width}x${height} may have at most ${most} pictures; ${durationSeconds} s at fps=${rate} would have ${Math.ceil(durationSeconds * rate)}. Ask for a smaller height, duration or fps.`,
    { facts: { field: 'duration' } },
  )
}

function parseDuration(text: string): number {
  if (text === '') return DEFAULT_SECONDS
  const seconds = readDuration(text)
  if (seconds !== undefined && seconds > 0 && seconds <= MOST_SECONDS) return seconds
  throw badField('duration', `a length above 0 and up to ${MOST_SECONDS}s, such as 5s`, text)
}

function parseRate(text: string): number {
  if (text === '') return DEFAULT_RATE
  const rate = /^\d{1,2}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0
  if (rate >= 1 && rate <= MOST_RATE) return rate
  throw badField('fps', `a number from 1 to ${MOST_RATE}`, text)
}

const DEFAULT_SECONDS = 5
const MOST_SECONDS = 30
const DEFAULT_RATE = 8
const MOST_RATE = 30
/** 30 s at 30 pictures a second and 640x480. */
const MOST_PIXELS = 280_000_000
