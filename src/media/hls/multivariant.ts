/** Multivariant playlist text (RFC 8216 §4.3.4) from plain values: the same values always give the same bytes. */

import { type Attribute, decimal, formatAttributes, plainLine, quoted, resolution } from './attributes.ts'

/** An `EXT-X-MEDIA` entry. */
export type MediaRendition = {
  readonly type: 'AUDIO' | 'SUBTITLES'
  readonly groupId: string
  readonly name: string
  /** BCP 47. */
  readonly language: string
  readonly isDefault: boolean
  /** Of sound; absent = not said. */
  readonly channels?: number | undefined
  readonly uri: string
}

/** An `EXT-X-STREAM-INF` entry with its address. */
export type Variant = {
  /** Largest rate of any stretch about a target duration long, sound included; bits per second. */
  readonly bandwidthBps: number
  readonly averageBandwidthBps: number
  /** As displayed, in pixels; absent where there is no picture. */
  readonly width?: number
  readonly height?: number
  /** Frames per second. */
  readonly frameRate?: number
  /** RFC 6381, one per kind of sample in the variant. */
  readonly codecs: readonly string[]
  /** Larger is better; compared among the variants of this playlist only. */
  readonly score: number
  readonly audioGroup?: string
  readonly subtitlesGroup?: string
  readonly uri: string
}

export type MultivariantPlaylist = {
  /** 6 for what is written here; 8 where the whole of a broadcast stays seekable. */
  readonly version: number
  /** Where to begin (`EXT-X-START`, RFC 8216 §4.3.5.2); undefined = as players like. */
  readonly startSeconds?: number | undefined
  readonly media: readonly MediaRendition[]
  /** In the order to be written: players start with the first. */
  readonly variants: readonly Variant[]
}

/** The playlist, ending with a line feed. */
export function formatMultivariant(playlist: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`, '#EXT-X-INDEPENDENT-SEGMENTS']
  if (playlist.startSeconds !== undefined) {
    lines.push(`#EXT-X-START:TIME-OFFSET=${decimal(playlist.startSeconds, 2)}`)
  }
  for (const rendition of playlist.media)
    lines.push(`#EXT-X-MEDIA:${formatAttributes(mediaAttributes(rendition))}`)
  for (const variant of playlist.variants) {
    lines.push(`#EXT-X-STREAM-INF:${formatAttributes(variantAttributes(variant))}`, plainLine(variant.uri))
  }
  return `${lines.join('\n')}\n`
}

function mediaAttributes(rendition: MediaRendition): readonly Attribute[] {
  return [
    ['TYPE', rendition.type],
    ['GROUP-ID', quoted(rendition.groupId)],
    ['NAME', quoted(rendition.name)],
    ['LANGUAGE', quoted(rendition.language)],
    ['DEFAULT', rendition.isDefault ? 'YES' : 'NO'],
    ['AUTOSELECT', 'YES'],
    ['CHANNELS', rendition.channels === undefined ? undefined : quoted(String(rendition.channels))],
    ['FORCED', rendition.type === 'SUBTITLES' ? 'NO' : undefined],
    ['URI', quoted(rendition.uri)],
  ]
}

function variantAttributes(variant: Variant): readonly Attribute[] {
  return [
    ['BANDWIDTH', String(Math.ceil(variant.bandwidthBps))],
    ['AVERAGE-BANDWIDTH', String(Math.ceil(variant.averageBandwidthBps))],
    ['RESOLUTION', sizeText(variant)],
    ['FRAME-RATE', variant.frameRate === undefined ? undefined : decimal(variant.frameRate, 3)],
    ['CODECS', quoted(variant.codecs.join(','))],
    ['SCORE', decimal(variant.score, 1)],
    ['AUDIO', variant.audioGroup === undefined ? undefined : quoted(variant.audioGroup)],
    ['SUBTITLES', variant.subtitlesGroup === undefined ? undefined : quoted(variant.subtitlesGroup)],
    // Without it Shaka looks for captions in the middle and the last segment at load, which may not be encoded yet
    // (docs/packaging.md, rule 17).
    ['CLOSED-CAPTIONS', 'NONE'],
  ]
}

function sizeText({ width, height }: Variant): string | undefined {
  return width === undefined || height === undefined ? undefined : resolution({ width, height })
}

/**
 * The variant that fits a viewer's bandwidth best (playback.md §2): the highest rate that is at most `hint` Mbit/s, else the
 * lowest; `variants` by ascending rate. Undefined where the hint is no positive number.
 */
export function fitVariant<Offered extends { readonly bandwidthBps: number }>(
  variants: readonly Offered[],
  hint: string | null | undefined,
): Offered | undefined {
  const mbps = PLAIN_NUMBER.test(hint ?? '') ? Number(hint) : 0
  if (!(mbps > 0)) return undefined
  return variants.findLast((variant) => variant.bandwidthBps <= mbps * 1_000_000) ?? variants[0]
}

const PLAIN_NUMBER = /^\d+(?:\.\d+)?$/
