/** A broadcast's package → DASH: the same renditions and segments as in HLS, a period for each stretch without a gap. */

import { scaleTicks } from '../../lib/ticks.ts'
import { formatLiveMpd, type LivePeriod, type LiveRepresentation } from '../../media/dash/live-mpd.ts'
import { fitVariant } from '../../media/hls/multivariant.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import type { Stretch } from './cut-list.ts'
import { firstListed, initName, type LiveManifestRequest, segmentUri } from './live-manifests.ts'
import type { LivePackage } from './live-package.ts'
import type { Rendition } from './rendition.ts'

export type LiveMpdRequest = LiveManifestRequest & {
  /** Absolute address of this MPD for as long as it is this broadcast's. */
  readonly location: string
  /** Absolute address of the server's time. */
  readonly timeAddress: string
  readonly nowUs: number
}

/** The MPD: the last segments while the broadcast goes on, all there are once it is over. */
export function liveMpdText(pack: LivePackage, request: LiveMpdRequest): string {
  const { stretches } = pack.cuts
  const beginUs = stretches[0]?.startUs ?? 0
  const offered = offeredRenditions(pack, request)
  const periods = stretches
    .map((stretch, index) => period(pack, { stretch, next: stretches[index + 1], beginUs, offered }, request))
    .filter(({ video, audio }) => video.length + audio.length > 0)
  const target = pack.targetDuration
  const last = stretches.at(-1)
  const endSeconds =
    last === undefined
      ? 0
      : (last.startUs - beginUs) / 1e6 + (endOf(offered) - last.startTicks / LIVE_TIMESCALE)
  return formatLiveMpd({
    availabilityStartUs: beginUs,
    publishUs: request.nowUs,
    durationSeconds: pack.ended ? endSeconds : null,
    updateSeconds: target / 2,
    windowSeconds: Math.max(WINDOW_SECONDS, 6 * target),
    delaySeconds: 3 * target,
    targetSeconds: target,
    location: request.location,
    timeAddress: request.timeAddress,
    periods,
  })
}

function offeredRenditions(pack: LivePackage, request: LiveManifestRequest): readonly Rendition[] {
  const sounds = pack.renditions.filter(({ kind }) => kind === 'audio')
  const soundBps = Math.max(0, ...sounds.map(({ peakBps }) => peakBps))
  const pictures = pack.renditions
    .filter(({ kind }) => kind === 'video')
    .map((rendition) => ({ rendition, bandwidthBps: rendition.peakBps + soundBps }))
    .sort((a, b) => a.bandwidthBps - b.bandwidthBps)
  const fitting = fitVariant(pictures, request.clientBandwidthHint)
  return [...(fitting === undefined ? pictures : [fitting]).map(({ rendition }) => rendition), ...sounds]
}

function period(
  pack: LivePackage,
  place: { stretch: Stretch; next: Stretch | undefined; beginUs: number; offered: readonly Rendition[] },
  request: LiveMpdRequest,
): LivePeriod {
  const { stretch, next, beginUs, offered } = place
  const listed = offered.flatMap((rendition) => {
    const first = Math.max(stretch.firstSegment, firstListed(pack, rendition, pack.ended))
    const end = Math.min(next?.firstSegment ?? Number.POSITIVE_INFINITY, rendition.completeSegment)
    return first < end
      ? [{ rendition, text: representation(rendition, { first, end, stretch }, request) }]
      : []
  })
  const ofKind = (kind: Rendition['kind']) =>
    listed.filter(({ rendition }) => rendition.kind === kind).map(({ text }) => text)
  return {
    id: String(stretch.firstSegment),
    startSeconds: (stretch.startUs - beginUs) / 1e6,
    video: ofKind('video'),
    audio: ofKind('audio'),
  }
}

function representation(
  rendition: Rendition,
  { first, end, stretch }: { first: number; end: number; stretch: Stretch },
  request: LiveMpdRequest,
): LiveRepresentation {
  const { init, index } = rendition.initOf(first)
  const { format } = init
  const starts: number[] = []
  for (let number = first; number < end; number += 1) starts.push(rendition.times(number)?.start ?? 0)
  starts.push(rendition.times(end - 1)?.end ?? 0)
  const address = (name: string) => segmentUri(rendition, name, request)
  return {
    id: rendition.id,
    bandwidthBps: rendition.peakBps,
    codecs: init.codec,
    timescale: rendition.timescale,
    periodStart: scaleTicks(stretch.startTicks, rendition.timescale, LIVE_TIMESCALE),
    startNumber: first,
    starts,
    initTemplate: address(initName(index)),
    mediaTemplate: address('$Number$.m4s'),
    ...(format.kind === 'video'
      ? { picture: { width: format.width, height: format.height } }
      : { sound: { sampleRate: format.sampleRate, channels: format.channels } }),
  }
}

/** Where the last complete segment ends, in seconds of the broadcast. */
function endOf(renditions: readonly Rendition[]): number {
  return Math.max(0, ...renditions.map(({ endTime, timescale }) => endTime / timescale))
}

const WINDOW_SECONDS = 20
