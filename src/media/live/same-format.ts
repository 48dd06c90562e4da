import type { LiveFormat } from './units.ts'

/** Whether two formats say the same. */
export function isSameFormat(one: LiveFormat | null, other: LiveFormat): boolean {
  if (one === null || one.kind !== other.kind || one.codec !== other.codec) return false
  const sameConfig =
    one.config.byteLength === other.config.byteLength &&
    one.config.every((byte, at) => byte === other.config[at])
  if (one.kind === 'video') {
    return sameConfig && other.kind === 'video' && one.width === other.width && one.height === other.height
  }
  return (
    sameConfig &&
    other.kind === 'audio' &&
    one.sampleRate === other.sampleRate &&
    one.channels === other.channels
  )
}
