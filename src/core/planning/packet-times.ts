/** Picture times of a file that we cannot index: ffmpeg lists its packets without decoding them. Pure. */

import type { PictureTimeline } from './source-facts.ts'

/** Name of the list among the run's outputs. */
export const PACKET_LIST = 'packets.txt'

/** Arguments of a run that lists every packet of picture stream `stream`. */
export function buildPacketListArgs(demuxer: string, stream: number): string[] {
  return [
    '-f',
    demuxer,
    // The decoder's own times: chunks will be asked for in them.
    '-copyts',
    '-i',
    '{input}',
    '-map',
    `0:V:${stream}`,
    '-c',
    'copy',
    '-avoid_negative_ts',
    'disabled',
    '-f',
    'framecrc',
    PACKET_LIST,
  ]
}

/** Reads the list. The first picture is at 0. Undefined when nothing is listed. */
export function readPacketList(text: string): PictureTimeline | undefined {
  const [, num = '1', den = '1000'] = /^#tb 0: ([1-9]\d{0,9})\/([1-9]\d{0,9})$/m.exec(text) ?? []
  const times: number[] = []
  let durations = 0
  let last = { time: Number.NEGATIVE_INFINITY, duration: 0 }
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line === '') continue
    const [, dts = '', pts = '', duration = ''] = line.split(',').map((field) => field.trim())
    const shown = readTime(pts) ?? readTime(dts)
    if (shown === undefined) continue
    times.push(shown)
    const lasts = /^\d{1,15}$/.test(duration) ? Number(duration) : 0
    durations += lasts
    if (shown > last.time) last = { time: shown, duration: lasts }
  }
  if (times.length === 0) return undefined
  const sorted = Float64Array.from(times).sort()
  const first = sorted[0] ?? 0
  const unit = Number(num)
  const average = times.length > 1 ? (last.time - first) / (times.length - 1) : durations
  const end = last.time + (last.duration > 0 ? last.duration : average)
  return {
    timescale: Number(den),
    sorted: sorted.map((time) => (time - first) * unit),
    endTicks: Math.max(1, Math.round((end - first) * unit)),
    originUs: Math.round((first * unit * 1e6) / Number(den)),
  }
}

/** A missing time is written as a word, or as the smallest number of 64 bits. */
function readTime(field: string): number | undefined {
  const time = Number.parseInt(field, 10)
  return Number.isSafeInteger(time) ? time : undefined
}
