/** Figures as people read them. */

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** `1:02:45`, `4:07`; fractions are cut off. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const shown = parts[0] === 0 ? parts.slice(1) : parts
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}

/** `48.2 MB`; decimal units, as disks and browsers show them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[power - 1]}`
}

/** `2.4 Mbit/s`, `560 kbit/s`. */
export function formatBitrate(bps: number): string {
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`
}

/** `about 3 minutes left`. */
export function formatTimeLeft(seconds: number): string {
  if (!Number.isFinite(seconds)) return ''
  if (seconds < 5) return 'a moment left'
  if (seconds < 60) return `${Math.round(seconds)} seconds left`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `about ${minutes} minute${minutes === 1 ? '' : 's'} left`
  const hours = Math.floor(minutes / 60)
  return `about ${hours} h ${minutes % 60} min left`
}

/** `3 hours ago`. */
export function formatAgo(time: string, nowMs: number = Date.now()): string {
  const seconds = (Date.parse(time) - nowMs) / 1000
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit)
  }
  return 'just now'
}

export function formatDateTime(time: string): string {
  return DATE_TIME.format(new Date(time))
}

export function formatClock(time: string): string {
  return CLOCK.format(new Date(time))
}
