/** Instants as text: RFC 3339 in, UTC with microseconds out. Numbers are microseconds since 1970-01-01 UTC. */

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,18}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/

/** E.g. `2026-11-20T18:04:05.123456Z`. */
export function formatTimestamp(us: number): string {
  const ms = Math.floor(us / 1000)
  const rest = String(us - ms * 1000).padStart(3, '0')
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`
}

/**
 * Reads a time of RFC 3339 §5.6 with any offset; digits beyond microseconds are cut off, a leap second counts as the
 * second after it. `undefined` when `text` is not such a time, or one outside the years 1970 to 9999. People write the
 * last of them for "never", but whole microseconds end in 2255 (and so do the integers that databases give back): later
 * times are read as that end.
 */
export function parseTimestamp(text: string): number | undefined {
  const found = RFC_3339.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const offsetHours = Number(found[10] ?? 0)
  const offsetMinutes = Number(found[11] ?? 0)
  if (offsetHours > 23 || offsetMinutes > 59) return undefined
  const offset = (offsetHours * 60 + offsetMinutes) * (found[9] === '-' ? -1 : 1)
  const ms = Date.UTC(year, month - 1, day, hour, minute - offset, second)
  if (ms < 0 || ms > MAX_MS) return undefined
  const us = ms * 1000 + Number((found[7] ?? '').slice(0, 6).padEnd(6, '0'))
  return Math.min(us, Number.MAX_SAFE_INTEGER)
}

/** The end of 9999 in milliseconds. */
const MAX_MS = 253_402_300_799_999

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
