/**
 * Sound that is added to a video (api.md §7): what it is called, what it is made of, and how many there may be. Its
 * encoded form is one more rendition of the video, whose chunks `core/timeline` reads with the rest.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Explained } from '../faults/index.ts'

export type AudioTrack = {
  readonly uid: string
  readonly videoUid: string
  readonly label: string
  readonly isDefault: boolean
  readonly status: 'queued' | 'ready' | 'error'
  /** Sentence for its owner; null unless `error`. */
  readonly error: string | null
  /** Why; null unless `error`, and in tracks of older versions. */
  readonly failure: Explained['detail'] | null
  /** As the file told it, BCP 47; null = as the label says. */
  readonly language: string | null
  /** Its rendition in the addresses of players. */
  readonly rendition: string
  readonly source: TrackSource
}

/** What a track is made of. */
export type TrackSource =
  /** A file of its own, which goes once it is encoded. */
  | { readonly from: 'file' }
  /** The same, but still being fetched. */
  | { readonly from: 'url' }
  /** The sound that is heard of another video. */
  | { readonly from: 'video'; readonly uid: string }
  /** Further sound in the video's own file: its number among the sound streams there. */
  | { readonly from: 'inside'; readonly stream: number }

/** The vendor names no figure (media.md §3). */
export const MOST_TRACKS = 16
const MOST_LABEL_CHARACTERS = 128
/** Name of the sound that came with the video, beside which no other may be called so. */
const ORIGINAL = 'original'

/** Throws `bad_request` for a label that is empty or too long. */
export function checkLabel(label: string): void {
  const { length } = Array.from(label)
  if (label.trim() !== '' && length <= MOST_LABEL_CHARACTERS) return
  throw badLabel(
    label.trim() === ''
      ? 'is empty; it is what viewers choose the track by'
      : `may have at most ${MOST_LABEL_CHARACTERS} characters, this one has ${length}`,
  )
}

/** Throws `bad_request` when the video's tracks are called so already; `hasSound`: whether it came with sound of its own. */
export function checkUnused(label: string, tracks: readonly AudioTrack[], hasSound: boolean): void {
  if (!isTaken(label, tracks, hasSound)) return
  throw badLabel(`${JSON.stringify(label)} is in use for another track of this video`)
}

/** `wanted`, cut to what a label may have, with a number behind it where that is needed to be the only one. */
export function freeLabel(wanted: string, tracks: readonly AudioTrack[], hasSound: boolean): string {
  for (let count = 1; ; count += 1) {
    const suffix = count === 1 ? '' : ` ${count}`
    const label =
      Array.from(wanted)
        .slice(0, MOST_LABEL_CHARACTERS - suffix.length)
        .join('') + suffix
    if (!isTaken(label, tracks, hasSound)) return label
  }
}

function isTaken(label: string, tracks: readonly AudioTrack[], hasSound: boolean): boolean {
  return (hasSound && label === ORIGINAL) || tracks.some((track) => track.label === label)
}

function badLabel(rule: string): HeadwaterError {
  return new HeadwaterError('bad_request', `label ${rule}.`, { facts: { field: 'label' } })
}
