/** MPD text (ISO/IEC 23009-1) from plain values: the same values always give the same bytes. */

import { channelConfiguration, formatDuration, segmentTimeline } from './mpd-elements.ts'
import { element, formatDocument, formatElement, textElement, type XmlElement } from './xml.ts'

export type Representation = {
  readonly id: string
  readonly bandwidthBps: number
  /** RFC 6381. */
  readonly codecs: string
  readonly timescale: number
  /** Decode time of each segment's first sample, and the end; starts at 0. */
  readonly starts: readonly number[]
  /** What the init segment's edit list takes off the decode times of sound (e of rule 8); 0 for pictures. */
  readonly presentationOffsetTicks: number
  readonly video?: {
    readonly width: number
    readonly height: number
    readonly frameRate: { readonly num: number; readonly den: number }
  }
  readonly audio?: { readonly sampleRate: number; readonly channels: number }
}

export type AdaptationSet = {
  readonly contentType: 'video' | 'audio'
  /** BCP 47; pictures have none. */
  readonly language?: string
  readonly label?: string
  /** Where there are several of a kind: `main` is what players take unless told. */
  readonly role?: 'main' | 'alternate'
  readonly representations: readonly Representation[]
}

/** A text track that is one WebVTT file, its times counted from the start of the period. */
export type TextSet = {
  readonly contentType: 'text'
  readonly id: string
  /** BCP 47. */
  readonly language: string
  readonly label: string
  /** Relative to the MPD. */
  readonly uri: string
}

export type StaticMpd = {
  /** End of the picture (rule 20). */
  readonly durationSeconds: number
  /** Address templates relative to the MPD; `$RepresentationID$` and `$Number$` as in §5.3.9.4.4. */
  readonly initTemplate: string
  readonly mediaTemplate: string
  readonly adaptationSets: readonly (AdaptationSet | TextSet)[]
}

/** The MPD of a complete presentation, profile `isoff-live:2011`. */
export function formatStaticMpd(mpd: StaticMpd): string {
  // Pictures share one array of starts: its text is made once.
  const timelines = new Map<readonly number[], string>()
  return formatDocument(
    element(
      'MPD',
      {
        xmlns: 'urn:mpeg:dash:schema:mpd:2011',
        profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
        type: 'static',
        mediaPresentationDuration: formatDuration(mpd.durationSeconds),
        minBufferTime: 'PT8S',
      },
      [
        element(
          'Period',
          { id: '0', start: 'PT0S' },
          mpd.adaptationSets.map((set, id) =>
            set.contentType === 'text' ? textSet(set, id) : adaptationSet(set, id, mpd, timelines),
          ),
        ),
      ],
    ),
  )
}

function adaptationSet(
  set: AdaptationSet,
  id: number,
  mpd: StaticMpd,
  timelines: Map<readonly number[], string>,
): XmlElement {
  return element(
    'AdaptationSet',
    {
      id,
      contentType: set.contentType,
      mimeType: `${set.contentType}/mp4`,
      lang: set.language,
      segmentAlignment: true,
      startWithSAP: 1,
      // §5.3.3.2: dash.js takes the highest; others look at the role.
      selectionPriority: set.role === undefined ? undefined : set.role === 'main' ? 2 : 1,
    },
    [
      ...(set.label === undefined ? [] : [textElement('Label', set.label, '      ')]),
      ...(set.role === undefined
        ? []
        : [element('Role', { schemeIdUri: 'urn:mpeg:dash:role:2011', value: set.role })]),
      ...set.representations.map((representation) => representationElement(representation, mpd, timelines)),
    ],
  )
}

/** §5.3.9.2: a Representation that is one file has no segment information, only its address. */
function textSet(set: TextSet, id: number): XmlElement {
  return element(
    'AdaptationSet',
    { id, contentType: set.contentType, mimeType: 'text/vtt', lang: set.language },
    [
      textElement('Label', set.label, '      '),
      element('Role', { schemeIdUri: 'urn:mpeg:dash:role:2011', value: 'subtitle' }),
      element('Representation', { id: set.id, bandwidth: TEXT_BPS }, [
        textElement('BaseURL', set.uri, '        '),
      ]),
    ],
  )
}

function representationElement(
  representation: Representation,
  mpd: StaticMpd,
  timelines: Map<readonly number[], string>,
): XmlElement {
  const { video, audio } = representation
  let timeline = timelines.get(representation.starts)
  if (timeline === undefined) {
    timeline = formatElement(segmentTimeline(presentationTimes(representation)), '          ')
    timelines.set(representation.starts, timeline)
  }
  return element(
    'Representation',
    {
      id: representation.id,
      codecs: representation.codecs,
      bandwidth: Math.ceil(representation.bandwidthBps),
      width: video?.width,
      height: video?.height,
      sar: video && '1:1',
      frameRate: video && formatRate(video.frameRate),
      audioSamplingRate: audio?.sampleRate,
    },
    [
      ...(audio ? [channelConfiguration(audio.channels)] : []),
      element(
        'SegmentTemplate',
        {
          timescale: representation.timescale,
          presentationTimeOffset: 0,
          startNumber: 0,
          initialization: mpd.initTemplate,
          media: mpd.mediaTemplate,
        },
        [timeline],
      ),
    ],
  )
}

/** In presentation time (rules 8 and 19): 0 first, then the decode time less the edit list's start. */
function presentationTimes({ starts, presentationOffsetTicks }: Representation): readonly number[] {
  return starts.map((start) => Math.max(0, start - presentationOffsetTicks))
}

function formatRate(rate: { readonly num: number; readonly den: number }): string {
  return rate.den === 1 ? String(rate.num) : `${rate.num}/${rate.den}`
}

/** The attribute is required; for one small file there is nothing to choose by it. */
const TEXT_BPS = 1_000
