/**
 * What every way in gives and every way out takes: the formats of a broadcast's tracks, and coded pictures and sounds with
 * their times. Who publishes by which protocol can no longer be seen from here on.
 */

/**
 * Ticks per second of all times below: MPEG's clock (ISO/IEC 13818-1 §2.4.2.2), in which RTMP's milliseconds and the clocks
 * of RTP are whole numbers.
 */
export const LIVE_TIMESCALE = 90_000

/** How pictures are coded. */
export type VideoFormat = {
  readonly kind: 'video'
  readonly codec: 'avc' | 'vp8'
  /** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) with lengths of four bytes; empty for VP8. */
  readonly config: Uint8Array
  /** As displayed, in pixels. */
  readonly width: number
  readonly height: number
}

/** How sound is coded. */
export type SoundFormat = {
  readonly kind: 'audio'
  readonly codec: 'aac' | 'opus'
  /** AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1); empty for Opus. */
  readonly config: Uint8Array
  /** Samples a second; 48,000 for Opus. */
  readonly sampleRate: number
  readonly channels: number
}

/** The format of a track. */
export type LiveFormat = VideoFormat | SoundFormat

/** One coded picture, or the sound of one frame, whole. */
export type AccessUnit = {
  readonly kind: 'video' | 'audio'
  /** Order of decoding, in ticks of `LIVE_TIMESCALE`. */
  readonly dts: number
  /** When it is shown or heard; equal to `dts` where nothing is reordered. */
  readonly pts: number
  /** Whether decoding may begin here: an IDR picture, a key frame of VP8, every sound. */
  readonly isSync: boolean
  /**
   * H.264: NAL units, each behind its length in four bytes, without delimiters and without parameter sets, which are in the
   * format. VP8: the frame. AAC: one raw frame, without ADTS. Opus: one packet. Never changed by anybody.
   */
  readonly data: Uint8Array
}
