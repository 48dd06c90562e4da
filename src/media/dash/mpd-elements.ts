/** What MPDs of videos and of broadcasts have in common. */

import { element, type XmlElement } from './xml.ts'

/** `PT…S`, to the microsecond. */
export function formatDuration(seconds: number): string {
  return `PT${seconds.toFixed(6).replace(/\.?0+$/, '')}S`
}

/** Segments by their `times`: where each begins, and the end. Equal neighbours are written once with `@r`. */
export function segmentTimeline(times: readonly number[]): XmlElement {
  const runs: { t: number; d: number; r: number }[] = []
  for (const [segment, t] of times.entries()) {
    const end = times[segment + 1]
    if (end === undefined) break
    const last = runs.at(-1)
    if (last && last.d === end - t) last.r += 1
    else runs.push({ t, d: end - t, r: 0 })
  }
  return element(
    'SegmentTimeline',
    {},
    runs.map(({ t, d, r }) => element('S', { t, d, r: r === 0 ? undefined : r })),
  )
}

/** ISO/IEC 23009-1 §5.8.5.4 with the scheme of ISO/IEC 23003-3: plain number of channels. */
export function channelConfiguration(channels: number): XmlElement {
  return element('AudioChannelConfiguration', {
    schemeIdUri: 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011',
    value: channels,
  })
}
