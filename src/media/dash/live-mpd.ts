/** MPDs of broadcasts (ISO/IEC 23009-1 §5.3.1.2, `type="dynamic"`) from plain values. */

import { channelConfiguration, formatDuration, segmentTimeline } from './mpd-elements.ts'
import { element, formatDocument, textElement, type XmlElement } from './xml.ts'

export type LiveRepresentation = {
  readonly id: string
  readonly bandwidthBps: number
  /** RFC 6381. */
  readonly codecs: string
  readonly timescale: number
  /** Where the period begins, in the timescale. */
  readonly periodStart: number
  /** Number of the first segment listed. */
  readonly startNumber: number
  /** Where each segment begins, and the end: one more than there are segments. */
  readonly starts: readonly number[]
  /** Relative to the MPD; `$RepresentationID$` and `$Number$` as in §5.3.9.4.4. */
  readonly initTemplate: string
  readonly mediaTemplate: string
  readonly picture?: { readonly width: number; readonly height: number }
  readonly sound?: { readonly sampleRate: number; readonly channels: number }
}

/** A stretch of the broadcast without interruption. */
export type LivePeriod = {
  readonly id: string
  /** After `availabilityStartUs`. */
  readonly startSeconds: number
  readonly video: readonly LiveRepresentation[]
  readonly audio: readonly LiveRepresentation[]
}

export type LiveMpd = {
  /** Wall clock at the first moment of the broadcast, microseconds since 1970 UTC. */
  readonly availabilityStartUs: number
  readonly publishUs: number
  /** When the broadcast was over, after `availabilityStartUs`; null while it goes on. */
  readonly durationSeconds: number | null
  readonly updateSeconds: number
  readonly windowSeconds: number
  /** How far from the end players should stay. */
  readonly delaySeconds: number
  /** Longest segment. */
  readonly targetSeconds: number
  /** Where the MPD is to be asked for again (§5.3.1.2): an address that stays that of this broadcast. */
  readonly location: string
  /** An address that answers the server's time in ISO 8601 (§5.8.4.11). */
  readonly timeAddress: string
  readonly periods: readonly LivePeriod[]
}

/** The MPD; `static` once the broadcast is over. */
export function formatLiveMpd(mpd: LiveMpd): string {
  const { durationSeconds } = mpd
  const common = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
  }
  const buffers = {
    minBufferTime: formatDuration(mpd.targetSeconds),
    maxSegmentDuration: formatDuration(mpd.targetSeconds),
  }
  const periods = mpd.periods.map((period) => periodElement(period))
  if (durationSeconds !== null) {
    const attributes = {
      ...common,
      type: 'static',
      mediaPresentationDuration: formatDuration(durationSeconds),
      ...buffers,
    }
    return formatDocument(element('MPD', attributes, periods))
  }
  const attributes = {
    ...common,
    type: 'dynamic',
    availabilityStartTime: formatTime(mpd.availabilityStartUs),
    publishTime: formatTime(mpd.publishUs),
    minimumUpdatePeriod: formatDuration(mpd.updateSeconds),
    timeShiftBufferDepth: formatDuration(mpd.windowSeconds),
    suggestedPresentationDelay: formatDuration(mpd.delaySeconds),
    ...buffers,
  }
  const timing = { schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value: mpd.timeAddress }
  return formatDocument(
    element('MPD', attributes, [
      textElement('Location', mpd.location, '  '),
      ...periods,
      element('UTCTiming', timing),
    ]),
  )
}

function periodElement(period: LivePeriod): XmlElement {
  return element('Period', { id: period.id, start: formatDuration(period.startSeconds) }, [
    ...adaptationSet('video', 0, period.video),
    ...adaptationSet('audio', 1, period.audio),
  ])
}

function adaptationSet(
  contentType: 'video' | 'audio',
  id: number,
  representations: readonly LiveRepresentation[],
): XmlElement[] {
  if (representations.length === 0) return []
  const attributes = {
    id,
    contentType,
    mimeType: `${contentType}/mp4`,
    segmentAlignment: true,
    startWithSAP: 1,
  }
  return [element('AdaptationSet', attributes, representations.map(representationElement))]
}

function representationElement(representation: LiveRepresentation): XmlElement {
  const { picture, sound } = representation
  const attributes = {
    id: representation.id,
    codecs: representation.codecs,
    bandwidth: Math.max(1, Math.ceil(representation.bandwidthBps)),
    width: picture?.width,
    height: picture?.height,
    sar: picture && '1:1',
    audioSamplingRate: sound?.sampleRate,
  }
  const template = {
    timescale: representation.timescale,
    presentationTimeOffset: representation.periodStart,
    startNumber: representation.startNumber,
    initialization: representation.initTemplate,
    media: representation.mediaTemplate,
  }
  return element('Representation', attributes, [
    ...(sound ? [channelConfiguration(sound.channels)] : []),
    element('SegmentTemplate', template, [segmentTimeline(representation.starts)]),
  ])
}

function formatTime(us: number): string {
  return new Date(Math.floor(us / 1_000)).toISOString()
}
