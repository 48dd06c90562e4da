/** Facts from ffmpeg's own report of a file and of its first pictures (`showinfo`): no ffprobe is needed. Pure. */

/** Arguments of a run whose `stderr` is read here. `stream`: number among the picture streams. */
export function buildReportArgs(demuxer: string, stream: number): string[] {
  return [
    '-f',
    demuxer,
    // Pictures are described as they are stored; turning them is ours.
    '-noautorotate',
    '-i',
    '{input}',
    '-map',
    // Capital V leaves out cover pictures.
    `0:V:${stream}`,
    '-vf',
    'showinfo=checksum=0',
    // Enough to meet a field picture where the first one is progressive.
    '-frames:v',
    '6',
    // Decoding is the point, and a gap must not be filled.
    '-fps_mode',
    'passthrough',
    '-f',
    'null',
    '-',
  ]
}

export type ReportedPicture = {
  /** Stream number in the file. */
  readonly stream: number
  /** Decoder's name, e.g. `hevc`. */
  readonly codec: string
  readonly width: number
  readonly height: number
  readonly pixelAspect: { readonly num: number; readonly den: number }
  readonly bitDepth: number
  readonly transfer: 'sdr' | 'pq' | 'hlg'
  readonly saysBt709: boolean
  readonly interlaced: boolean
  /** Clockwise turn that shows it upright. */
  readonly rotation: 0 | 90 | 180 | 270
}

export type ReportedSound = {
  readonly stream: number
  readonly codec: string
  readonly sampleRate: number
  readonly channels: number
}

export type DecoderReport = {
  readonly picture: ReportedPicture | null
  readonly sound: ReportedSound | null
  /** Declared by the container; null where it says nothing. */
  readonly durationSeconds: number | null
  /** Whether there is more sound than one, or text. */
  readonly further: boolean
}

/** Reads the report. What is missing is null; it never throws. */
export function readReport(text: string): DecoderReport {
  const input = text.split(/^(?:Output #|Stream mapping:)/m, 1)[0] ?? ''
  const lines = input.split('\n')
  const streams = lines.flatMap((line, at) => {
    const found = /^ {2}Stream #0:(\d+)\S*: (Video|Audio): (.*)$/.exec(line)
    if (found === null) return []
    const [, stream = '', kind = '', description = ''] = found
    return [{ stream: Number(stream), kind, description, lines: lines.slice(at + 1, at + 40) }]
  })
  const video = streams.find(
    ({ kind, description }) => kind === 'Video' && !description.includes('(attached pic)'),
  )
  const audio = streams.find(({ kind }) => kind === 'Audio')
  return {
    picture: video === undefined ? null : readPicture(video, text),
    sound: audio === undefined ? null : readSound(audio),
    durationSeconds: readDuration(input),
    further:
      streams.filter(({ kind }) => kind === 'Audio').length > 1 ||
      / {2}Stream #0:\S+: Subtitle: /.test(input),
  }
}

type StreamLine = { readonly stream: number; readonly description: string; readonly lines: readonly string[] }

function readPicture(line: StreamLine, text: string): ReportedPicture | null {
  const shown = text.split('\n').filter((row) => /Parsed_showinfo.*\bn: *\d+/.test(row))
  const first = shown[0]
  const size = /\bs:(\d+)x(\d+)/.exec(first ?? '') ?? /, (\d{1,5})x(\d{1,5})/.exec(line.description)
  if (size === null) return null
  const aspect = /\bsar:(\d+)\/(\d+)/.exec(first ?? '') ?? /\bSAR (\d+):(\d+)/.exec(line.description)
  const format =
    /\bfmt:(\w+)/.exec(first ?? '')?.[1] ?? /: \w+.*?, (\w+)[(,]/.exec(line.description)?.[1] ?? ''
  return {
    stream: line.stream,
    codec: /^\w+/.exec(line.description)?.[0] ?? 'unknown',
    width: Number(size[1]),
    height: Number(size[2]),
    pixelAspect: squareUnlessSaid(Number(aspect?.[1] ?? 1), Number(aspect?.[2] ?? 1)),
    bitDepth: bitDepthOf(format),
    transfer: transferOf(`${line.description}\n${text}`),
    saysBt709: BT709_COLOURS.test(line.description),
    interlaced: shown.some((row) => /\bi:[TB]\b/.test(row)),
    rotation: rotationOf(line, text),
  }
}

function squareUnlessSaid(num: number, den: number): { num: number; den: number } {
  return num > 0 && den > 0 ? { num, den } : { num: 1, den: 1 }
}

/** The matrix is named by itself, or before primaries and transfer: `(tv, bt709, progressive)`, `(bt709/bt470bg/gamma28)`. */
const BT709_COLOURS = /, \w+\((?:\w+, )?bt709[,/)]/

/** ffmpeg's pixel formats carry their depth: `yuv420p10le`, `p010le`, `gbrp12le`. */
function bitDepthOf(format: string): number {
  const depth = /(?:p|p0|gray|gbrp|x2rgb|x2bgr)(9|10|12|14|16)(?:le|be|msble)?$/.exec(format)?.[1]
  return depth === undefined ? 8 : Number(depth)
}

function transferOf(text: string): 'sdr' | 'pq' | 'hlg' {
  if (/\bsmpte2084\b/.test(text)) return 'pq'
  return /\barib-std-b67\b/.test(text) ? 'hlg' : 'sdr'
}

/** ffmpeg tells the turn counter-clockwise: −90 means the picture is to be turned clockwise. */
function rotationOf(line: StreamLine, text: string): 0 | 90 | 180 | 270 {
  const next = line.lines.findIndex((row) => /^ {2}Stream #/.test(row))
  const own = line.lines.slice(0, next === -1 ? undefined : next).join('\n')
  const found = /displaymatrix: rotation of (-?[\d.]+) degrees/.exec(`${own}\n${shownPart(text)}`)
  if (found === null) return 0
  const clockwise = (Math.round(-Number(found[1]) / 90) * 90 + 720) % 360
  return clockwise === 90 || clockwise === 180 || clockwise === 270 ? clockwise : 0
}

function shownPart(text: string): string {
  const at = text.indexOf('Parsed_showinfo')
  return at === -1 ? '' : text.slice(at)
}

const LAYOUTS: Readonly<Record<string, number>> = {
  mono: 1,
  stereo: 2,
  downmix: 2,
  '2.1': 3,
  '3.0': 3,
  '4.0': 4,
  quad: 4,
  '5.0': 5,
  '5.1': 6,
  '6.1': 7,
  '7.1': 8,
}

/** What a line says of a sound stream; null for sound that the decoder does not know. */
export function readSound(line: Pick<StreamLine, 'stream' | 'description'>): ReportedSound | null {
  const codec = /^\w+/.exec(line.description)?.[0] ?? 'none'
  const sampleRate = Number(/(\d+) Hz/.exec(line.description)?.[1] ?? 0)
  const layout = /\d+ Hz, ([\w.]+)/.exec(line.description)?.[1] ?? ''
  const counted = /(\d+) channels/.exec(line.description)?.[1]
  const channels = counted === undefined ? (LAYOUTS[layout] ?? 2) : Number(counted)
  // Without a rate the decoder does not know the sound at all.
  if (codec === 'none' || sampleRate === 0 || channels === 0) return null
  return { stream: line.stream, codec, sampleRate, channels }
}

function readDuration(text: string): number | null {
  const [, hours, minutes, seconds] = /^ {2}Duration: (\d{1,9}):(\d\d):(\d+(?:\.\d+)?)/m.exec(text) ?? []
  if (seconds === undefined) return null
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}
