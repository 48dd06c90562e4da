/** Argument list of one picture chunk: one decode, a cascade of scalers, every rung at once. Pure; a reason per flag. */

import type { Mark, Rational, SourcePicture, VideoRendition } from '../planning/index.ts'
import { markChains, markInputArgs } from './mark-args.ts'

/** Where the pictures come from, in the decoder's view. */
export type PictureInput = {
  /** ffmpeg's demuxer, pinned. */
  readonly demuxer: string
  /** Number among the picture streams. */
  readonly stream: number
  /** Seek to about here in the file's own time first, seconds; null = from the start (also of a slice). */
  readonly seekSeconds: number | null
}

/** Which pictures are made of them. */
export type PictureFrames =
  /** Every picture that comes after the first `skip`, at its own time. */
  | { readonly kind: 'source'; readonly timescale: number; readonly skip?: number }
  /** A constant rate: the chunk's first picture is the one on show at `startUs` of the decoder's time. */
  | {
      readonly kind: 'grid'
      readonly rate: Rational
      readonly startUs: number
      /** The encoder's clock where it must be that of other chunks; default one tick per picture. */
      readonly timescale?: number
      /** Pictures may have ended before the chunk begins; then the last one of them is shown. */
      readonly early?: boolean
      /** What comes is not of the film, and needs neither its fields woven nor its light changed. */
      readonly black?: boolean
    }

export type PictureRun = {
  readonly input: PictureInput
  readonly picture: SourcePicture
  /** Burnt into each rendition; its image is the run's file `mark`. Default none. */
  readonly mark?: Mark
  readonly frames: PictureFrames
  /** Exactly as many are made. */
  readonly frameCount: number
  /** Pictures, counted from the chunk's first, that begin a segment. */
  readonly keyFrames: readonly number[]
  /** Largest first: each is scaled from the one before. */
  readonly renditions: readonly VideoRendition[]
  readonly quality: 'standard' | 'high'
  /** Filters of this decoder, for what is only done where it can be. */
  readonly filters: ReadonlySet<string>
  /** Threads of each encoder; 0 = as it likes. */
  readonly threads: number
}

/** Output of a rendition. */
export function pictureOutput(rendition: VideoRendition): string {
  return `${rendition.id}.mp4`
}

/** Everything but the common guards. */
export function buildPictureArgs(run: PictureRun): string[] {
  const { frames } = run
  return [
    // Where others stand in for pictures that cannot be decoded, there may be any number of those.
    ...(frames.kind === 'grid' && frames.early === true ? ['-max_error_rate', '1'] : []),
    ...inputArgs(run.input),
    ...markInputArgs(run.mark),
    '-filter_complex',
    buildGraph(run),
    ...run.renditions.flatMap((rendition, index) => outputArgs(run, rendition, index)),
  ]
}

function inputArgs(input: PictureInput): string[] {
  const seek =
    input.seekSeconds === null
      ? []
      : [
          // The file's own time, not counted from its first timestamp.
          '-seek_timestamp',
          '1',
          // What lies before the chunk is dropped by the grid, exactly; the decoder's own cut was a picture off.
          '-noaccurate_seek',
          '-ss',
          input.seekSeconds.toFixed(6),
        ]
  return [
    // True times: the grid counts from them.
    '-copyts',
    '-f',
    input.demuxer,
    // Turned by us, after scaling: cheaper, and the same in every version.
    '-noautorotate',
    ...seek,
    '-i',
    '{input}',
  ]
}

/** One chain to the largest rung, then each smaller one from the one above; the mark goes onto each afterwards. */
function buildGraph(run: PictureRun): string {
  const { renditions, mark } = run
  const [top] = renditions
  const marks =
    mark &&
    markChains({
      mark,
      renditions,
      tick: tickOf(run.frames),
      matrix: run.picture.saysBt709 === true || becomesBt709(run) ? 'bt709' : 'smpte170m',
    })
  const chains: string[] = [...(marks?.chains ?? [])]
  let from = `[0:V:${run.input.stream}]`
  for (const [index, rendition] of renditions.entries()) {
    const filters =
      rendition === top
        ? [...firstChain(run, rendition), ...(marks?.before ?? [])]
        : [`scale=${rendition.width}:${rendition.height}:flags=bicubic`, 'setsar=1']
    const last = index === renditions.length - 1
    const clean = marks === undefined ? `[v${index}]` : `[c${index}]`
    chains.push(`${from}${filters.join(',')}${last ? '' : ',split=2'}${clean}${last ? '' : `[d${index}]`}`)
    if (marks !== undefined) chains.push(`${clean}[w${index}]${marks.overlays[index]}[v${index}]`)
    from = `[d${index}]`
  }
  return chains.join(';')
}

/** From decoded pictures to the largest rung. */
function firstChain(run: PictureRun, top: VideoRendition): string[] {
  const { frames } = run
  const isBlack = frames.kind === 'grid' && frames.black === true
  const picture = isBlack ? { ...run.picture, interlaced: false, transfer: 'sdr' as const } : run.picture
  const turned = picture.rotation === 90 || picture.rotation === 270
  const [width, height] = turned ? [top.height, top.width] : [top.width, top.height]
  return [
    // One picture per pair of fields, so that the rate stays.
    ...(picture.interlaced
      ? [run.filters.has('bwdif') ? 'bwdif=mode=send_frame' : 'yadif=mode=send_frame']
      : []),
    ...(frames.kind === 'grid' ? gridFilters(frames) : skipFilter(frames)),
    // Bicubic is x264's usual company; the low rung is in a hurry. The same size costs nothing, unless something else is
    // asked for as well.
    `scale=${width}:${height}:flags=${top.made === 'low' ? 'bilinear' : 'bicubic'}${SAYS_RANGE_ASIDE.has(picture.codec) ? ':out_range=tv' : ''}`,
    ...toSdr(picture, run.filters),
    ...TURNS[picture.rotation],
    // Anamorphic pixels were evened out by the scaler.
    'setsar=1',
    'format=yuv420p',
  ]
}

/**
 * Decoders that give full-range pictures in the format of video-range ones; the others give `yuvj420p`, which
 * `format=yuv420p` converts.
 */
const SAYS_RANGE_ASIDE: ReadonlySet<string> = new Set(['av1', 'vp9', 'vp8', 'prores', 'dnxhd'])

const TURNS: Readonly<Record<SourcePicture['rotation'], readonly string[]>> = {
  0: [],
  90: ['transpose=clock'],
  180: ['hflip', 'vflip'],
  270: ['transpose=cclock'],
}

/** A clip begins at any picture, decoding at a key frame. By number: times are rounded, numbers are not. */
function skipFilter({ skip }: PictureFrames & { kind: 'source' }): string[] {
  return skip === undefined || skip === 0 ? [] : [`trim=start_frame=${skip}`]
}

function gridFilters({ startUs, rate, early }: PictureFrames & { kind: 'grid' }): string[] {
  const fps = `fps=fps=${rate.num}/${rate.den}`
  // A source that ends early shows its last picture; `-frames:v` ends this.
  const goOn = 'tpad=stop_mode=clone:stop=-1'
  return [
    // Microseconds, so that moving the chunk's start to 0 rounds nothing that matters.
    'settb=1/1000000',
    `setpts=PTS-(${startUs})`,
    // What is dropped as earlier would otherwise take the last picture with it.
    ...(early === true ? [`${fps}:round=near`, goOn] : []),
    // Earlier pictures are dropped, a gap at the start is filled, each goes to the nearest place of the grid.
    `${fps}:start_time=0:round=near`,
    goOn,
  ]
}

/** Whether PQ and HLG can be converted with their light in mind. */
export function canConvertHdr(filters: ReadonlySet<string>): boolean {
  return filters.has('zscale') && filters.has('tonemap')
}

/** After the first scaler, where there are fewer pixels. */
function toSdr(picture: SourcePicture, filters: ReadonlySet<string>): string[] {
  if (picture.transfer === 'sdr' || !canConvertHdr(filters)) return []
  const from = picture.transfer === 'pq' ? 'smpte2084' : 'arib-std-b67'
  return [
    // Said explicitly: many files carry the transfer only in their container.
    `zscale=tin=${from}:min=bt2020nc:pin=bt2020:rin=tv:t=linear:npl=203`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    // Highlights are rolled off, colours stay.
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:p=bt709:r=tv',
  ]
}

/** Above this many lines players take untagged pictures for BT.709, below for BT.601. */
const HD_LINES = 576
/** Constant quality under the ceiling of the rung. */
const CRF = 22
/** The edges of a clip stand between pictures that were never encoded again. */
const EDGE_CRF = 18

function outputArgs(run: PictureRun, rendition: VideoRendition, index: number): string[] {
  const { frames } = run
  return [
    '-map',
    `[v${index}]`,
    '-c:v',
    'libx264',
    '-preset',
    presetOf(run.quality, rendition),
    '-profile:v',
    profileOf(rendition),
    // Left alone the encoder derives it from the time base, which is none with variable rates.
    '-level:v',
    String(Number.parseInt(rendition.codec.slice(-2), 16)),
    '-crf',
    String(rendition.made === 'passthrough' ? EDGE_CRF : CRF),
    '-maxrate',
    String(rendition.peakBps),
    // A second and a third at the ceiling: smooth enough for small player buffers.
    '-bufsize',
    String(rendition.bitrateBps * 2),
    '-x264-params',
    x264Params(run.quality, rendition),
    ...(run.threads > 0 ? ['-threads:v', String(run.threads)] : []),
    // By number inside the chunk: times are rounded, numbers are not.
    '-force_key_frames',
    `expr:${run.keyFrames.map((frame) => `eq(n,${frame})`).join('+')}`,
    '-forced-idr',
    '1',
    ...colourArgs(run.picture, run.filters),
    // Neither repeated nor dropped after the filters.
    '-fps_mode',
    'passthrough',
    '-enc_time_base',
    // It is written into the headers, so every chunk of a rendition has the same.
    `${tickOf(frames).num}/${tickOf(frames).den}`,
    ...(frames.timescale === undefined ? [] : ['-video_track_timescale', String(frames.timescale)]),
    '-frames:v',
    String(run.frameCount),
    '-an',
    '-sn',
    '-dn',
    '-map_metadata',
    '-1',
    '-map_chapters',
    '-1',
    '-f',
    'mp4',
    // One fragment per segment; each can be read as soon as it is written.
    '-movflags',
    '+frag_keyframe+empty_moov+default_base_moof',
    '-flush_packets',
    '1',
    pictureOutput(rendition),
  ]
}

/** Seconds a tick of the encoder. */
function tickOf(frames: PictureFrames): Rational {
  if (frames.kind === 'source') return { num: 1, den: frames.timescale }
  const { rate, timescale } = frames
  return timescale === undefined ? { num: rate.den, den: rate.num } : { num: 1, den: timescale }
}

/** Whether what is encoded is said to be BT.709, whatever the source says. */
function becomesBt709({ picture, filters }: Pick<PictureRun, 'picture' | 'filters'>): boolean {
  const converted = picture.transfer !== 'sdr' && canConvertHdr(filters)
  return converted || Math.min(picture.codedWidth, picture.codedHeight) > HD_LINES
}

/** The low rung is there to be early. */
function presetOf(quality: 'standard' | 'high', rendition: VideoRendition): string {
  // So are the edges of a passthrough; they may have as many bits as they want.
  if (rendition.made !== 'ladder') return 'superfast'
  return quality === 'high' ? 'medium' : 'veryfast'
}

function profileOf(rendition: VideoRendition): 'baseline' | 'main' | 'high' {
  if (rendition.codec.startsWith('avc1.42')) return 'baseline'
  return rendition.codec.startsWith('avc1.4d') ? 'main' : 'high'
}

/** The same for every chunk of a rendition: then all their headers are equal, and one init segment serves them. */
function x264Params(quality: 'standard' | 'high', rendition: VideoRendition): string {
  const careful = quality === 'high' && rendition.made !== 'low'
  return [
    // Key frames come where they are forced, nowhere else.
    'keyint=infinite',
    'scenecut=0',
    'open-gop=0',
    // Headers free of what depends on rate control.
    'stitchable=1',
    // The edges of a passthrough must not need a longer reordering delay than the source does.
    `bframes=${rendition.made === 'passthrough' ? 0 : 3}`,
    'b-pyramid=normal',
    `ref=${careful ? 3 : 1}`,
    // Beside another encoder's segments under one init segment (rule 29).
    ...(rendition.joined ? [`sps-id=${rendition.joined.parameterSetId}`] : []),
  ].join(':')
}

/**
 * Converted and high-definition pictures are BT.709 and say so. Smaller sources keep what they say or leave unsaid, so
 * that a rung looks as the passthrough beside it does.
 */
function colourArgs(picture: SourcePicture, filters: ReadonlySet<string>): string[] {
  if (!becomesBt709({ picture, filters })) return []
  return ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv']
}
