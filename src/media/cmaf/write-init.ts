/** Init segments: `ftyp` + `moov` of one track (packaging rules 1, 6, 7; ISO/IEC 23000-19 §7.2). */

import {
  concatBytes,
  edts,
  emptyStbl,
  ftyp,
  hdlr,
  mdhd,
  mdia,
  minf,
  moov,
  mvex,
  mvhd,
  tkhd,
  trak,
} from '../isobmff/write-boxes.ts'

/** Every init segment has one track, and it has this id; but that of a broadcast's sound (`writeMovieInit`). */
export const TRACK_ID = 1

/**
 * Init segment of a picture rendition: one edit that starts at `editStartTicks` (rule 1's S), even if that is 0. Width
 * and height as displayed. `sampleEntry` is a whole box.
 */
export function writeVideoInit(options: {
  timescale: number
  sampleEntry: Uint8Array
  width: number
  height: number
  editStartTicks: number
}): Uint8Array {
  const { timescale, sampleEntry, width, height, editStartTicks } = options
  return writeInit('vide', { timescale, sampleEntry, width, height, editStart: editStartTicks })
}

/**
 * Init segment of a sound rendition. `editStartSamples` is rule 7's remainder e, in the timescale; 0 = no edit list.
 */
export function writeAudioInit(options: {
  timescale: number
  sampleEntry: Uint8Array
  editStartSamples: number
}): Uint8Array {
  const { timescale, sampleEntry, editStartSamples } = options
  const editStart = editStartSamples === 0 ? null : editStartSamples
  return writeInit('soun', { timescale, sampleEntry, width: 0, height: 0, editStart })
}

/** `editStart` null = no edit list. */
export function writeInit(
  handlerType: 'vide' | 'soun',
  options: {
    timescale: number
    sampleEntry: Uint8Array
    width: number
    height: number
    editStart: number | null
  },
): Uint8Array {
  return writeMovieInit([{ handlerType, trackId: TRACK_ID, ...options }])
}

/** A track of a movie whose samples are in fragments. */
export type InitTrack = {
  readonly handlerType: 'vide' | 'soun'
  readonly trackId: number
  readonly timescale: number
  /** A whole box. */
  readonly sampleEntry: Uint8Array
  /** As displayed, in pixels; 0 for sound. */
  readonly width: number
  readonly height: number
  /** Media time that is shown first; null = no edit list, so decode times are those of the presentation. */
  readonly editStart: number | null
}

/** `ftyp` + `moov` of one or more tracks in the order given, which should be that of their ids. */
export function writeMovieInit(tracks: readonly InitTrack[]): Uint8Array {
  const [first] = tracks
  return concatBytes([
    ftyp('iso6', 'iso6', 'cmfc', 'mp41'),
    moov(
      mvhd({
        timescale: first?.timescale ?? 1_000,
        nextTrackId: Math.max(0, ...tracks.map(({ trackId }) => trackId)) + 1,
      }),
      ...tracks.map(initTrack),
      mvex(...tracks),
    ),
  ])
}

function initTrack(track: InitTrack): Uint8Array {
  const { handlerType, trackId, timescale, sampleEntry, width, height, editStart } = track
  const header = tkhd({ trackId, volume: handlerType === 'soun' ? 1 : 0, width, height })
  const edit = editStart === null ? [] : [edts({ segmentDuration: 0, mediaTime: editStart })]
  const media = mdia(mdhd({ timescale }), hdlr(handlerType), minf(handlerType, emptyStbl([sampleEntry])))
  return trak(header, ...edit, media)
}
