/** Argument lists of conversions of broadcasts. Pure; a reason per flag. */

import type { LiveFormat, SoundFormat, VideoFormat } from '../../media/live/units.ts'
import { planLadder, type Rung } from '../planning/index.ts'

/** What a broadcast can be converted into. */
export type Target = 'avc' | 'aac' | 'opus'

/** The one output of a conversion, as it stands in the arguments. */
export const OUTPUT = 'out'

/**
 * Added to the times that the decoder gets, in ticks of `LIVE_TIMESCALE`: sound begins some samples earlier once it is
 * encoded (AAC by 1,024), and times below 0 would be moved.
 */
export const TIME_OFFSET = 900_000

/** Key frames of pictures that we encode for everybody who wants H.264 (spec/live.md §2: 2 to 4 s for low latency). */
const GOP_SECONDS = 2
/** Rates of pictures published by a browser; they move within a group of pictures, the level is for the highest. */
const BROWSER_RATE = { num: 30, den: 1 }

/** How sound is when it has been converted, known before a single frame has been. */
export function convertedSound(source: SoundFormat, target: 'aac' | 'opus'): SoundFormat {
  const channels = source.channels === 1 ? 1 : 2
  const sampleRate = 48_000
  if (target === 'opus') {
    return { kind: 'audio', codec: 'opus', config: new Uint8Array(0), sampleRate, channels }
  }
  // ISO/IEC 14496-3 §1.6.2.1: AAC-LC (2), 48 kHz (index 3), channels, frames of 1,024 samples.
  const config = Uint8Array.of((2 << 3) | (3 >> 1), ((3 & 1) << 7) | (channels << 3))
  return { kind: 'audio', codec: 'aac', config, sampleRate, channels }
}

/** Everything but the common guards. `source` is in another codec than `target`. */
export function buildConversionArgs(source: LiveFormat, target: Target): string[] {
  const encode = source.kind === 'audio' ? soundArgs(source, target) : pictureArgs(source)
  return [...liveInputArgs(), ...encode, ...liveOutputArgs(), `{${OUTPUT}}`]
}

/** A stream of ours on standard input, read without waiting for more than is needed. */
export function liveInputArgs(): string[] {
  return [
    // True times: what comes out lies where what went in lay.
    '-copyts',
    // The head says everything; each of these would hold back the first seconds.
    '-probesize',
    '32',
    '-analyzeduration',
    '0',
    '-fpsprobesize',
    '0',
    '-f',
    'mov',
    '-i',
    '{input}',
  ]
}

/** How every output is written. */
export function liveOutputArgs(): string[] {
  return [
    '-map_metadata',
    '-1',
    '-map_chapters',
    '-1',
    // Times as they are, also the first.
    '-avoid_negative_ts',
    'disabled',
    '-use_editlist',
    '0',
    // Out with it at once.
    '-flush_packets',
    '1',
    '-f',
    'mp4',
    // A fragment per unit costs the delay of one unit (measured: 33 ms of pictures; NUT would save them and MPEG-TS half,
    // each for a reader of its own). `frag_discont` writes true decode times instead of those since the start.
    '-movflags',
    '+empty_moov+default_base_moof+frag_every_frame+frag_discont',
  ]
}

function soundArgs(source: SoundFormat, target: Target): string[] {
  const layout = source.channels === 1 ? 'mono' : 'stereo'
  const bitrate = BITRATES[target === 'opus' ? 'opus' : 'aac'][layout]
  return [
    '-map',
    '0:a:0',
    '-af',
    // Clocks drift and publishers count milliseconds: small differences are stretched away without a click, holes of more
    // than 20 ms are filled with silence.
    `aresample=48000:async=1000:min_hard_comp=0.02,aformat=channel_layouts=${layout}`,
    '-c:a',
    target === 'opus' ? 'libopus' : 'aac',
    '-b:a',
    String(bitrate),
    // Half of Opus's usual frame: sound of the other protocols waits 10 ms less on its way to a viewer.
    ...(target === 'opus' ? ['-application', 'audio', '-frame_duration', '10'] : []),
  ]
}

/** Bits a second (spec/media.md §1 for AAC). */
const BITRATES = { aac: { mono: 96_000, stereo: 128_000 }, opus: { mono: 64_000, stereo: 96_000 } } as const

function pictureArgs(source: VideoFormat): string[] {
  const top = topRung(source)
  return [
    '-map',
    '0:v:0',
    '-vf',
    // A browser sends smaller pictures when its line is bad: viewers see one size.
    `scale=${top.width}:${top.height}:flags=bilinear,setsar=1,format=yuv420p`,
    ...encoderArgs(top),
    '-force_key_frames',
    // From the last one on: times do not begin at 0.
    `expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+${GOP_SECONDS}))`,
  ]
}

function topRung({ width, height }: VideoFormat): Rung {
  const rungs = planLadder({ width, height, rate: BROWSER_RATE })
  // There is at least one.
  return rungs.at(-1) as Rung
}

/** H.264 for live: quick, without reordering, key frames only where they are forced. */
export function encoderArgs(rung: Rung): string[] {
  return [
    '-c:v',
    'libx264',
    '-preset',
    'superfast',
    // No picture is held back: neither for others to look ahead nor for more threads.
    '-tune',
    'zerolatency',
    '-bf',
    '0',
    '-profile:v',
    rung.profile,
    // Left alone the encoder derives it from the time base, which is none with variable rates.
    '-level:v',
    String(rung.level),
    '-crf',
    '23',
    '-maxrate',
    String(rung.maxBps),
    '-bufsize',
    String(rung.targetBps * 2),
    // One key frame after another is forced; the encoder adds none.
    '-g',
    '100000',
    '-sc_threshold',
    '0',
    '-forced-idr',
    '1',
    // One picture out for each that goes in, at its time.
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    '1/90000',
    '-video_track_timescale',
    '90000',
  ]
}
