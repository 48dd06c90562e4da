/** Timeline → HLS and DASH: which tracks are offered, in which order, at which measured rates. */

import { HeadwaterError } from '../../lib/failure.ts'
import { formatStaticMpd, type Representation } from '../../media/dash/mpd.ts'
import { quoted } from '../../media/hls/attributes.ts'
import { formatMediaPlaylist } from '../../media/hls/media-playlist.ts'
import { fitVariant, formatMultivariant, type Variant } from '../../media/hls/multivariant.ts'
import { PIECE_SECONDS } from '../../media/webvtt/cut-webvtt.ts'
import type { OfferedText } from '../captions/index.ts'
import { type ClipWindow, formatClip } from '../live-packaging/index.ts'
import type { Rational } from '../planning/index.ts'
import type { Timeline, Track } from '../timeline/index.ts'
import type { Playable } from './find-playable.ts'
import { segmentsOfClip } from './clip-segments.ts'

/** What the query of a manifest's address asks for. */
export type ManifestRequest = {
  /** `clientBandwidthHint` as sent: Mbit/s; anything but a positive number is ignored. */
  readonly clientBandwidthHint?: string | null
  /** `parentOrigin` as sent: goes on to every address, since segments are checked too. */
  readonly parentOrigin?: string | null
  /** Only a stretch of it: an instant clip of a recording (live.md §7). */
  readonly clip?: ClipWindow | null
}

/**
 * The multivariant playlist (playback.md §2); `texts` are the captions to list. Throws `video_not_playable_yet` when no
 * picture is offered.
 */
export function multivariantText(
  playable: Playable,
  request: ManifestRequest,
  texts: readonly OfferedText[] = [],
): string {
  const { audio } = offeredTracks(playable.timeline)
  // A clip is pictures and sound.
  const subtitles = request.clip ? [] : listableTexts(playable, texts)
  const suffix = playlistSuffix(request)
  return formatMultivariant({
    version: 6,
    startSeconds: playable.timeline.state === 'growing' ? GROWING_START_SECONDS : undefined,
    media: [
      ...listableSounds(audio).map(({ track, name, language, isDefault, isChoice }) => ({
        type: 'AUDIO' as const,
        groupId: AUDIO_GROUP,
        name,
        language,
        isDefault,
        channels: isChoice ? track.audio?.channels : undefined,
        uri: `${track.id}.m3u8${suffix}`,
      })),
      ...subtitles.map((text) => ({
        type: 'SUBTITLES' as const,
        groupId: SUBTITLES_GROUP,
        name: text.label,
        language: text.language,
        isDefault: false,
        uri: `${text.id}.m3u8${suffix}`,
      })),
    ],
    variants: offeredVariants(playable.timeline, request).map(({ track, rank, ...rates }) => ({
      ...rates,
      ...sizeOf(track),
      codecs: [track.codec, ...new Set(audio.map(({ codec }) => codec))],
      score: rank,
      ...(audio[0] && { audioGroup: AUDIO_GROUP }),
      ...(subtitles[0] && { subtitlesGroup: SUBTITLES_GROUP }),
      uri: `${track.id}.m3u8${suffix}`,
    })),
  })
}

/** The media playlist of one rendition, offered or not: a player may have begun before it left. Throws `not_found`. */
export function mediaPlaylistText(
  playable: Playable,
  rendition: string,
  request: ManifestRequest,
  texts: readonly OfferedText[] = [],
): string {
  const text = listableTexts(playable, texts).find(({ id }) => id === rendition)
  if (text !== undefined) return textPlaylistText(playable, text, request)
  const track = findTrack(playable.timeline, rendition)
  const base = `${folderOf(playable)}/${track.id}`
  const suffix = addressSuffix(request)
  const { first, end } = request.clip
    ? segmentsOfClip(track, request.clip)
    : { first: 0, end: track.starts.length - 1 }
  return formatMediaPlaylist({
    timescale: track.timescale,
    starts: request.clip ? track.starts.slice(first, end + 1) : track.starts,
    growing: playable.timeline.state === 'growing',
    initUri: `${base}/init.mp4${suffix}`,
    segmentUri: (segment) => `${base}/${first + segment}.m4s${suffix}`,
  })
}

/** How many pieces a text track of the video has. */
export function countTextPieces(timeline: Pick<Timeline, 'durationSeconds'>): number {
  return Math.max(1, Math.ceil(timeline.durationSeconds / PIECE_SECONDS))
}

/** Captions in pieces; what lies behind the end of the picture is never shown and in none of them. */
function textPlaylistText(playable: Playable, text: OfferedText, request: ManifestRequest): string {
  const { durationSeconds } = playable.timeline
  const base = `${folderOf(playable)}/${text.id}`
  const suffix = addressSuffix(request)
  const starts = Array.from({ length: countTextPieces(playable.timeline) }, (_, n) => n * PIECE_SECONDS * 1e6)
  return formatMediaPlaylist({
    timescale: 1_000_000,
    starts: [...starts, Math.round(durationSeconds * 1e6)],
    segmentUri: (piece) => `${base}/${piece}.vtt${suffix}`,
  })
}

/** The MPD (playback.md §3); `texts` as above. Throws `video_not_playable_yet` when no picture is offered. */
export function mpdText(
  playable: Playable,
  request: ManifestRequest,
  texts: readonly OfferedText[] = [],
): string {
  const { timeline, plan } = playable
  if (timeline.state === 'growing') {
    throw new HeadwaterError(
      'video_not_playable_yet',
      'The video is still being uploaded; until it is here it plays over HLS only.',
    )
  }
  const { audio } = offeredTracks(timeline)
  const offered = new Set(offeredVariants(timeline, request).map((variant) => variant.track))
  const frameRate = plan.frames.kind === 'grid' ? plan.frames.rate : plan.frames.averageRate
  const base = `${folderOf(playable)}/$RepresentationID$`
  const suffix = addressSuffix(request)
  return formatStaticMpd({
    durationSeconds: timeline.durationSeconds,
    initTemplate: `${base}/init.mp4${suffix}`,
    mediaTemplate: `${base}/$Number$.m4s${suffix}`,
    adaptationSets: [
      {
        contentType: 'video',
        representations: timeline.tracks
          .filter((track) => offered.has(track))
          .map((track) => representation(track, frameRate)),
      },
      ...listableSounds(audio).map(({ track, name, language, isDefault, isChoice }) => ({
        contentType: 'audio' as const,
        language,
        ...(isChoice && { label: name, role: isDefault ? ('main' as const) : ('alternate' as const) }),
        representations: [representation(track, frameRate)],
      })),
      ...listableTexts(playable, texts).map((text) => ({
        contentType: 'text' as const,
        id: text.id,
        language: text.language,
        label: text.label,
        uri: `${folderOf(playable)}/${text.id}/whole.vtt${suffix}`,
      })),
    ],
  })
}

/**
 * From a manifest to the folder above it, whose name is the id. A token is not repeated: most of a kilobyte in each of
 * two thousand lines would be all that a playlist of two hours consists of.
 */
function folderOf({ id, secondsLeft }: Playable): string {
  return secondsLeft === null ? `../../${encodeURIComponent(id)}` : '..'
}

/**
 * The captions that may be listed, under names of their own (RFC 8216 §4.3.4.1.1). While a video is still arriving nobody
 * knows how many pieces they have.
 */
function listableTexts(playable: Playable, texts: readonly OfferedText[]): readonly OfferedText[] {
  if (playable.timeline.state === 'growing') return []
  return texts.map((text) => {
    const shared = texts.some((other) => other !== text && other.label === text.label)
    return shared ? { ...text, label: `${text.label} (${text.language})` } : text
  })
}

type ListableSound = {
  readonly track: Track
  readonly name: string
  readonly language: string
  readonly isDefault: boolean
  /** Whether there is more to say of it than that it is there: something was added to the video. */
  readonly isChoice: boolean
}

/**
 * The sounds, under names of their own: labels may differ in what a quoted-string cannot hold (RFC 8216 §4.2). The default
 * stands first, where Shaka 5 takes it: it asks neither for `DEFAULT` nor for the role.
 */
function listableSounds(sounds: readonly Track[]): ListableSound[] {
  const isChoice = sounds.some(({ audio }) => audio?.added)
  const taken = new Set<string>()
  const ordered = [
    ...sounds.filter(({ audio }) => audio?.isDefault),
    ...sounds.filter(({ audio }) => !audio?.isDefault),
  ]
  return ordered.flatMap((track) => {
    if (track.audio === undefined) return []
    const { name: label, language, isDefault } = track.audio
    let name = label
    for (let count = 2; taken.has(quoted(name)); count += 1) name = `${label} ${count}`
    taken.add(quoted(name))
    return [{ track, name, language, isDefault, isChoice }]
  })
}

/** The track of a rendition id. Throws `not_found`. */
export function findTrack(timeline: Timeline, rendition: string): Track {
  const track = timeline.tracks.find(({ id, formerIds }) => id === rendition || formerIds.includes(rendition))
  if (track === undefined) throw new HeadwaterError('not_found', 'The video has no such rendition.')
  return track
}

type OfferedVariant = Pick<Variant, 'bandwidthBps' | 'averageBandwidthBps'> & {
  readonly track: Track
  /** 1 = the smallest rate. */
  readonly rank: number
}

/** Ascending rates, except that the 480p rung is first: it is the one players start with. */
function offeredVariants(timeline: Timeline, request: ManifestRequest): readonly OfferedVariant[] {
  const { video, audio } = offeredTracks(timeline)
  if (video.length === 0) {
    throw new HeadwaterError('video_not_playable_yet', 'No rendition of the video can be played yet.')
  }
  const soundPeakBps = Math.max(0, ...audio.map((track) => track.peakBps))
  const soundAverageBps = Math.max(0, ...audio.map((track) => track.averageBps))
  const variants = video
    .map((track) => ({
      track,
      bandwidthBps: track.peakBps + soundPeakBps,
      averageBandwidthBps: track.averageBps + soundAverageBps,
    }))
    .sort((a, b) => a.bandwidthBps - b.bandwidthBps)
    .map((variant, index) => ({ ...variant, rank: index + 1 }))
  const fitting = fitVariant(variants, request.clientBandwidthHint)
  if (fitting !== undefined) return [fitting]
  const first = variants.find((variant) => variant.track.video?.name === START_RUNG)
  return first === undefined ? variants : [first, ...variants.filter((variant) => variant !== first)]
}

function offeredTracks(timeline: Timeline): { video: readonly Track[]; audio: readonly Track[] } {
  const offered = timeline.tracks.filter((track) => track.offered)
  return {
    video: offered.filter((track) => track.kind === 'video'),
    audio: offered.filter((track) => track.kind === 'audio'),
  }
}

function representation(track: Track, frameRate: Rational): Representation {
  return {
    id: track.id,
    bandwidthBps: track.peakBps,
    codecs: track.codec,
    timescale: track.timescale,
    starts: track.starts,
    presentationOffsetTicks: track.presentationOffsetTicks,
    ...(track.video && { video: { width: track.video.width, height: track.video.height, frameRate } }),
    ...(track.audio && { audio: { sampleRate: track.audio.sampleRate, channels: track.audio.channels } }),
  }
}

function sizeOf(track: Track) {
  return {
    width: track.video?.width ?? 0,
    height: track.video?.height ?? 0,
    frameRate: track.video?.frameRate ?? 0,
  }
}

function addressSuffix(request: ManifestRequest): string {
  return request.parentOrigin ? `?parentOrigin=${encodeURIComponent(request.parentOrigin)}` : ''
}

/** For addresses of media playlists, which are cut like the one they are in. */
function playlistSuffix(request: ManifestRequest): string {
  if (!request.clip) return addressSuffix(request)
  return `?${formatClip(request.clip)}${addressSuffix(request).replace('?', '&')}`
}

/** Players begin a growing playlist near its end unless told; Shaka overlooks 0. */
const GROWING_START_SECONDS = 0.01
const AUDIO_GROUP = 'group_audio'
const SUBTITLES_GROUP = 'subs'
/** Rung that players should start with. */
const START_RUNG = '480p'
