/** Times as the API writes and reads them (RFC 3339), to and from microseconds since 1970-01-01 UTC. */

const FORM =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,12}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/**
 * Microseconds of an RFC 3339 time with any offset; digits beyond the microsecond are dropped, a leap second counts as
 * the second after it. `undefined` when the text is not one.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = FORM.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number)
  if (year === undefined || month === undefined || day === undefined) return undefined
  if (hour === undefined || minute === undefined || second === undefined) return undefined
  const offsetHours = Number(match[9] ?? 0)
  const offsetMinutes = Number(match[10] ?? 0)
  if (hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59) return undefined
  // setUTCFullYear, because Date.UTC takes the years 0–99 for 1900–1999.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  const offsetSeconds = (match[8] === '-' ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60)
  const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offsetSeconds
  return seconds * 1_000_000 + Number((match[7] ?? '').padEnd(6, '0').slice(0, 6))
}

/** `2026-11-20T18:04:05.123456Z`: UTC with six decimals, as every time in an answer is written. */
export function formatRfc3339(timeUs: number): string {
  const seconds = Math.floor(timeUs / 1_000_000)
  const micros = timeUs - seconds * 1_000_000
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`
}
