/** How far something is, told on one line that is rewritten (terminal) or on a few plain lines (everything else). */

/** Where progress is written; `process.stderr` fits. */
export type ProgressTarget = {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const BAR_CELLS = 24
const REDRAW_MS = 100
/** Speed is measured over the last few seconds, so that it follows the line and not its history. */
const SPEED_WINDOW_MS = 5_000

/** The line; `finish()` it before anything else is written to the same target. */
export class ProgressLine {
  readonly #target: ProgressTarget
  readonly #label: string
  readonly #nowMs: () => number
  #samples: { ms: number; value: number }[] = []
  #drawnMs = Number.NEGATIVE_INFINITY
  #toldTenth = -1
  #open = false

  constructor(target: ProgressTarget, label: string, nowMs: () => number = () => performance.now()) {
    this.#target = target
    this.#label = label
    this.#nowMs = nowMs
  }

  /** Shows `done` of `total`; `bytes` adds speed and time left. Cheap to call often. */
  update(done: number, total: number, unit: 'bytes' | 'percent'): void {
    const nowMs = this.#nowMs()
    this.#remember(nowMs, done)
    const share = total === 0 ? 1 : done / total
    if (!this.#target.isTTY) return this.#tellTenth(share)
    if (nowMs - this.#drawnMs < REDRAW_MS && done < total) return
    this.#drawnMs = nowMs
    const filled = Math.round(share * BAR_CELLS)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
    const speed = unit === 'bytes' ? this.#describeSpeed(total - done) : ''
    const line = `${this.#label} ${bar} ${formatPercent(share)}${speed}`
    this.#target.write(`\r${line.slice(0, (this.#target.columns ?? 80) - 1)}\u001b[K`)
    this.#open = true
  }

  /** A line of its own, the progress line staying below. */
  say(sentence: string): void {
    this.#target.write(this.#open ? `\r\u001b[K${sentence}\n` : `${sentence}\n`)
    this.#drawnMs = Number.NEGATIVE_INFINITY
  }

  /** Leaves the last state standing. */
  finish(): void {
    if (this.#open) this.#target.write('\n')
    this.#open = false
  }

  #tellTenth(share: number): void {
    const tenth = Math.floor(share * 10)
    if (tenth <= this.#toldTenth) return
    this.#toldTenth = tenth
    this.#target.write(`${this.#label} ${formatPercent(share)}\n`)
  }

  #remember(ms: number, value: number): void {
    const last = this.#samples.at(-1)
    // After an interruption the position steps back: the old samples tell nothing any more.
    if (last && value < last.value) this.#samples = []
    if (last && ms - last.ms < REDRAW_MS && this.#samples.length > 1) this.#samples.pop()
    this.#samples.push({ ms, value })
    while (this.#samples.length > 2 && ms - (this.#samples[0]?.ms ?? ms) > SPEED_WINDOW_MS)
      this.#samples.shift()
  }

  #describeSpeed(leftBytes: number): string {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (!first || !last || last.ms - first.ms < 250) return ''
    const bytesPerSecond = ((last.value - first.value) / (last.ms - first.ms)) * 1000
    if (bytesPerSecond <= 0) return ''
    return `  ${formatBytes(bytesPerSecond)}/s  ${formatDuration(leftBytes / bytesPerSecond)} left`
  }
}

/** `1.5 GB`: decimal units, as disks and lines are sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const value = bytes / 1000 ** power
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power] ?? ''}`
}

/** `42 s`, `3:07 min`, `1:02:09 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)} h` : `${minutes}:${two(whole % 60)} min`
}

function formatPercent(share: number): string {
  return `${String(Math.floor(share * 100)).padStart(3)} %`
}
