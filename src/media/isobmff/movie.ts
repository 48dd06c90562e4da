/** What our reader finds in an MP4 or MOV file: tracks, their codec records, and one compact sample table each. */

/** One entry of an edit list (ISO/IEC 14496-12 §8.6.6). */
export type Edit = {
  /** In the track's timescale (converted from the movie's when read, at least 1 unless it was 0); 0 = to the end. */
  readonly durationTicks: number
  /** In the track's timescale; -1 = an empty edit. */
  readonly mediaTime: number
  readonly rate: number
}

/**
 * Samples in decode order, as typed arrays of equal length: 2 h of 30 fps video take some 5 MB. All times in the
 * track's timescale.
 */
export type SampleTable = {
  readonly count: number
  /** Position of the sample's first byte in the file. */
  readonly offsets: Float64Array
  readonly sizes: Uint32Array
  readonly decodeTimes: Float64Array
  /** Presentation − decode time; may be negative. */
  readonly compositionOffsets: Int32Array
  /** 1 = sync sample. */
  readonly sync: Uint8Array
  /** Decode time at which the last sample ends. */
  readonly endTime: number
}

/** Codec records our readers understand; everything else is `other` with its four-character code. */
export type SampleEntry = {
  /** Four-character code, e.g. `avc1`, `hvc1`, `mp4a`. */
  readonly fourcc: string
  /** The whole sample entry box, header included, for copying. */
  readonly box: Uint8Array
  /** Payload of the codec's own record: `avcC`, `hvcC`, `vpcC`, `av1C`; the `AudioSpecificConfig` for `mp4a`. */
  readonly config: Uint8Array | null
  readonly video?: {
    readonly width: number
    readonly height: number
    /** `pasp` horizontal : vertical spacing. */
    readonly pixelAspect: { readonly num: number; readonly den: number }
    /** `colr nclx` transfer characteristics (ISO/IEC 23091-2), null if absent. */
    readonly transferCharacteristics: number | null
  }
  readonly audio?: { readonly channels: number; readonly sampleRate: number }
}

export type MovieTrack = {
  readonly id: number
  readonly kind: 'video' | 'audio' | 'other'
  readonly timescale: number
  /** Transformation matrix of `tkhd`: nine fixed-point integers as stored. */
  readonly matrix: readonly number[]
  /** ISO 639-2 or `und`. */
  readonly language: string
  /** More than one = the bitstream changes on the way; then nothing is passed through. */
  readonly entries: readonly SampleEntry[]
  readonly edits: readonly Edit[]
  readonly samples: SampleTable
}

export type Movie = {
  readonly timescale: number
  readonly fragmented: boolean
  readonly tracks: readonly MovieTrack[]
  /** End of the last byte any sample needs: beyond the file's end the file is truncated. */
  readonly neededBytes: number
}

/** Positioned reads of the bytes under a reader; short only at the end. */
export interface ByteSource {
  readonly sizeBytes: number
  read(target: Uint8Array, position: number): Promise<number>
}
