/** Sources that differ in everything the packager must get right; small, made when first asked for and kept. */

import { customSample } from '../harness/samples.ts'

const words = (line: string): string[] => line.split(' ')

const picture = (rate: string, seconds: number) => [
  '-f',
  'lavfi',
  '-i',
  `testsrc2=size=854x480:rate=${rate}:duration=${seconds}`,
]
/** A tone that rises all the time: no two stretches of it are alike. */
const tone = (seconds: number, before: readonly string[] = []) => [
  ...before,
  '-f',
  'lavfi',
  '-i',
  `aevalsrc=0.2*sin(2*PI*(200*t+60*t*t)):s=48000:d=${seconds}`,
]
const X264 = words('-c:v libx264 -preset veryfast -crf 26 -pix_fmt yuv420p')
const AAC = words('-c:a aac -b:a 96k -ac 2')

export type PackagingSource = {
  readonly name: string
  /** Whether pictures and sound can be cut from it. */
  readonly picturePassthrough: boolean
  readonly soundPassthrough: boolean
  readonly args: readonly string[]
}

export const SOURCES: readonly PackagingSource[] = [
  {
    name: 'H.264 and AAC, B-frames, closed GOPs',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [...picture('30', 12), ...tone(12), ...X264, ...words('-bf 2 -g 60 -sc_threshold 0'), ...AAC],
  },
  {
    name: 'irregular sync samples, sound longer than the picture',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [
      ...picture('25', 15),
      ...tone(17),
      ...X264,
      ...words('-bf 3 -g 9999 -keyint_min 1 -sc_threshold 0 -force_key_frames 0,0.4,3.2,5.6,6.4,13.6'),
      ...AAC,
    ],
  },
  {
    name: '29.97 pictures a second',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [
      ...picture('30000/1001', 10),
      ...tone(10),
      ...X264,
      ...words('-bf 2 -g 48 -sc_threshold 0'),
      ...AAC,
    ],
  },
  {
    name: 'variable rate, a picture that begins at 0.1 s',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [
      ...picture('30', 10),
      ...tone(10),
      '-vf',
      String.raw`select='gt(mod(n\,5)\,0)*gt(mod(n\,17)\,1)',setpts=PTS+0.1/TB`,
      ...words('-fps_mode vfr'),
      ...X264,
      ...words('-bf 2 -g 30 -sc_threshold 0'),
      ...AAC,
    ],
  },
  {
    name: 'fragmented',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [
      ...picture('25', 10),
      ...tone(10),
      ...X264,
      ...words('-bf 2 -g 50 -sc_threshold 0'),
      ...AAC,
      ...words('-movflags +frag_keyframe+delay_moov+default_base_moof'),
    ],
  },
  {
    // Its header is written before the first packet is known: ffmpeg then makes up for B-frames with a late picture and
    // a first sound frame that lasts four times as long as it sounds, in whose place silence is played.
    name: 'fragmented from the first byte on, with a hole in the sound',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [
      ...picture('25', 9),
      ...tone(9),
      ...X264,
      ...words('-bf 2 -g 50 -sc_threshold 0'),
      ...AAC,
      ...words('-movflags +frag_keyframe+empty_moov+default_base_moof'),
    ],
  },
  {
    name: 'sound late by 0.48 s',
    picturePassthrough: true,
    soundPassthrough: true,
    args: [
      ...picture('24', 9),
      ...tone(8, ['-itsoffset', '0.48']),
      ...X264,
      ...words('-bf 2 -g 48 -sc_threshold 0'),
      ...AAC,
    ],
  },
  {
    name: 'open GOPs',
    picturePassthrough: false,
    soundPassthrough: false,
    args: [
      ...picture('25', 12),
      ...tone(12),
      ...X264,
      ...words('-x264-params bframes=3:b-adapt=0:open-gop=1:keyint=50:min-keyint=50:scenecut=0'),
      ...AAC,
    ],
  },
  {
    name: 'HEVC with 5.1 sound',
    picturePassthrough: false,
    soundPassthrough: false,
    args: [
      ...picture('25', 9),
      ...tone(9),
      ...words('-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error -pix_fmt yuv420p'),
      ...words('-c:a aac -b:a 192k -ac 6'),
    ],
  },
]

/** The path of a source. Do not change the file. */
export function makeSource(source: PackagingSource): Promise<string> {
  return customSample(`${source.name.replaceAll(/[^\w]+/g, '-')}.mp4`, source.args)
}
