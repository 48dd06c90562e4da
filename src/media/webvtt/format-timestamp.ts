/** A time as a cue has it (WebVTT §4.1, "WebVTT timestamp"): `hh:mm:ss.ttt`, rounded to milliseconds; at least 0. */
export function formatTimestamp(seconds: number): string {
  const ms = Math.round(seconds * 1000)
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const time = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map(two).join(':')
  return `${time}.${String(ms % 1000).padStart(3, '0')}`
}
