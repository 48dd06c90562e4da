/** Reads the `key=value` blocks that `-progress` writes. */

import type { DecoderProgress } from '../../ports.ts'

const LONGEST_LINE = 4_096

/** Feeds on text in any pieces; answers the newest complete block each time one ends. */
export class ProgressReader {
  #rest = ''
  #frames = 0
  #outTimeUs = 0

  /** Takes the next piece; the newest progress if a block ended within it. */
  push(text: string): DecoderProgress | undefined {
    const lines = (this.#rest + text).split('\n')
    // No line of ffmpeg's is longer; one without an end would grow for ever.
    this.#rest = (lines.pop() ?? '').slice(-LONGEST_LINE)
    let ended = false
    for (const line of lines) {
      const [key, value = ''] = line.split('=', 2)
      if (key === 'frame') this.#frames = wholeNumber(value, this.#frames)
      // `out_time_ms` is microseconds as well, a slip of ffmpeg's that it keeps; `N/A` before the first packet.
      else if (key === 'out_time_us') this.#outTimeUs = wholeNumber(value, this.#outTimeUs)
      else if (key === 'progress') ended = true
    }
    return ended ? { frames: this.#frames, outTimeUs: this.#outTimeUs } : undefined
  }
}

function wholeNumber(text: string, fallback: number): number {
  const value = Number.parseInt(text, 10)
  return Number.isSafeInteger(value) ? Math.max(value, 0) : fallback
}
