/** What an address of an instant clip asks for (live.md §7). */

import { HeadwaterError } from '../../lib/failure.ts'

/** A stretch of a broadcast, in seconds from its start. */
export type ClipWindow = { readonly startSeconds: number; readonly durationSeconds: number }

const LONGEST_PREVIEW_SECONDS = 300
const LONGEST_CLIP_SECONDS = 60

/** `duration` of a preview, e.g. `30s` or `3m`; null where none is asked for. Throws `bad_request`. */
export function parsePreview(query: URLSearchParams): number | null {
  const text = query.get('duration')
  return text === null ? null : checkLength(readTime('duration', text), LONGEST_PREVIEW_SECONDS)
}

/** `time` and `duration` of a clip, e.g. `600s` and `30s`. Throws `bad_request`. */
export function parseClip(query: URLSearchParams): ClipWindow {
  return {
    startSeconds: readTime('time', query.get('time')),
    durationSeconds: checkLength(readTime('duration', query.get('duration')), LONGEST_CLIP_SECONDS),
  }
}

/** The same in the address of one of its renditions, where a preview has both, too; null where it is none. Throws `bad_request`. */
export function parseClipOfRendition(query: URLSearchParams): ClipWindow | null {
  if (!query.has('time') || !query.has('duration')) return null
  return {
    startSeconds: readTime('time', query.get('time')),
    durationSeconds: checkLength(readTime('duration', query.get('duration')), LONGEST_PREVIEW_SECONDS),
  }
}

/** How a clip is written into addresses. */
export function formatClip({ startSeconds, durationSeconds }: ClipWindow): string {
  return `time=${startSeconds}s&duration=${durationSeconds}s`
}

/** The window as far as the broadcast goes. Throws `bad_request` where it begins beyond. */
export function fitClip({ startSeconds, durationSeconds }: ClipWindow, endSeconds: number): ClipWindow {
  if (startSeconds >= endSeconds) {
    throw new HeadwaterError(
      'bad_request',
      `\`time\` lies beyond what there is: ${endSeconds.toFixed(1)} seconds.`,
    )
  }
  return { startSeconds, durationSeconds: Math.min(durationSeconds, endSeconds - startSeconds) }
}

function readTime(name: string, text: string | null): number {
  const parts = TIME.exec(text ?? '')
  if (parts === null) {
    throw new HeadwaterError(
      'bad_request',
      `\`${name}\` must be a number of seconds or minutes, like 30s or 5m.`,
    )
  }
  return Number(parts[1]) * (parts[2] === 'm' ? 60 : 1)
}

function checkLength(seconds: number, most: number): number {
  if (seconds > 0 && seconds <= most) return seconds
  throw new HeadwaterError('bad_request', `\`duration\` must be more than 0 and at most ${most} seconds.`)
}

const TIME = /^(\d{1,7}(?:\.\d{1,6})?)([sm])$/
