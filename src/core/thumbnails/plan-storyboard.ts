/** Which pictures a storyboard holds, where they lie on its sheet, and the WebVTT that says so; pure. */

import { formatTimestamp } from '../../media/webvtt/format-timestamp.ts'
import { type Plan, planDurationSeconds } from '../planning/index.ts'
import { segmentAt } from './find-frame.ts'

/** One sheet of pictures at equal distances, left to right and top to bottom. */
export type Storyboard = {
  /** Rendition that the pictures are taken from. */
  readonly rendition: string
  /** Between two pictures; the first is at 0. */
  readonly intervalMs: number
  readonly count: number
  readonly columns: number
  readonly rows: number
  /** Of one picture, pixels; even. */
  readonly width: number
  readonly height: number
  readonly durationSeconds: number
  /** The segments that the instants lie in, ascending. */
  readonly segments: readonly number[]
}

/** The storyboard of a video. It shows what stays offered: a passthrough that will be dropped has no part in it. */
export function planStoryboard(plan: Plan): Storyboard | undefined {
  const stays = plan.video.filter(({ made, kept }) => made !== 'passthrough' || kept)
  const rendition = stays.toSorted((a, b) => a.width * a.height - b.width * b.height)[0]
  if (rendition === undefined) return undefined
  const durationSeconds = planDurationSeconds(plan)
  const durationMs = durationSeconds * 1000
  const intervalMs = Math.max(LEAST_INTERVAL_MS, Math.ceil(durationMs / MOST_PICTURES))
  const count = Math.max(1, Math.ceil(durationMs / intervalMs))
  const columns = Math.min(COLUMNS, count)
  const instants = Array.from({ length: count }, (_each, index) => index * intervalMs)
  const segments = instants.map((ms) => segmentAt(plan, Math.floor((ms * plan.timescale) / 1000)))
  return {
    rendition: rendition.id,
    intervalMs,
    count,
    columns,
    rows: Math.ceil(count / columns),
    ...pictureSize(plan.picture),
    durationSeconds,
    segments: [...new Set(segments)],
  }
}

/** The longer side is 192 pixels; pixels come out square. */
function pictureSize(picture: Plan['picture']): { width: number; height: number } {
  const width = picture.displayWidth
  const { displayHeight: height } = picture
  const longer = Math.max(width, height)
  const even = (side: number) => Math.max(2, 2 * Math.round((side * LONGER_SIDE) / longer / 2))
  return { width: even(width), height: even(height) }
}

/** WebVTT whose cues name a rectangle of the sheet (Media Fragments §4.2.2), as players read storyboards. */
export function formatStoryboard(storyboard: Storyboard, sheet: string): string {
  const { count, columns, intervalMs, width, height, durationSeconds } = storyboard
  const cues = Array.from({ length: count }, (_each, index) => {
    const end = index === count - 1 ? durationSeconds : ((index + 1) * intervalMs) / 1000
    const times = [(index * intervalMs) / 1000, end].map(formatTimestamp).join(' --> ')
    const place = [(index % columns) * width, Math.floor(index / columns) * height, width, height]
    return `${times}\n${sheet}#xywh=${place.join(',')}\n`
  })
  return ['WEBVTT\n', ...cues].join('\n')
}

/** Arguments that make the sheet of an init segment and the storyboard's segments, piped. */
export function buildStoryboardArgs(storyboard: Storyboard, file: string): readonly string[] {
  const { intervalMs, columns, rows, width, height } = storyboard
  const filters = [
    'setpts=PTS-STARTPTS',
    // The last picture stands until the last instant, however early it came.
    `tpad=stop_mode=clone:stop_duration=${LONGEST_SEGMENT_SECONDS}`,
    // At each instant what is on the screen: the last picture at or before it. Gaps between segments are bridged.
    `fps=1000/${intervalMs}:round=up`,
    `scale=${width}:${height}`,
    'setsar=1',
    `tile=${columns}x${rows}`,
  ]
  return [
    // The segments are CMAF, whatever their bytes try to look like.
    '-f',
    'mov',
    // In a long video the beginning of a segment is near enough, and saves decoding the rest of it.
    ...(intervalMs >= KEY_PICTURES_FROM_MS ? ['-skip_frame', 'nokey'] : []),
    '-i',
    '{input}',
    '-map',
    '0:v:0',
    '-vf',
    filters.join(','),
    // One sheet: what is left of it is filled with the last picture.
    '-frames:v',
    '1',
    '-c:v',
    'mjpeg',
    '-q:v',
    '4',
    '-pix_fmt',
    'yuvj420p',
    // One file, not a series of them.
    '-f',
    'image2',
    '-update',
    '1',
    file,
  ]
}

const MOST_PICTURES = 100
const COLUMNS = 10
const LEAST_INTERVAL_MS = 1_000
const LONGER_SIDE = 192
const KEY_PICTURES_FROM_MS = 2_000
/** Allowed cuts are at most 12 s apart, and a segment ends at the one nearest to 4 s. */
const LONGEST_SEGMENT_SECONDS = 16
