/** Real programs that speak RTMP, and what they are told to do. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const MOST_OUTPUT = 32 * 1024 ** 2

/** Runs ffmpeg to its end; answers what it wrote on both ends. Throws when it failed, with `stderr`. */
export async function ffmpeg(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return await execute('ffmpeg', ['-hide_banner', '-nostdin', '-v', 'warning', ...args], {
    maxBuffer: MOST_OUTPUT,
  })
}

/** Three seconds of picture (with pictures that are shown in another order) and sound. */
export async function makeFilm(file: string): Promise<string> {
  await ffmpeg(
    ...'-f lavfi -i testsrc2=size=320x180:rate=25:duration=3'.split(' '),
    ...'-f lavfi -i sine=frequency=440:sample_rate=48000:duration=3'.split(' '),
    ...'-c:v libx264 -preset veryfast -g 25 -bf 2 -pix_fmt yuv420p -c:a aac -ac 2 -y'.split(' '),
    file,
  )
  return file
}

/** What `film` is published with; `tracks`: ffmpeg's words for which, and how they are coded. */
export async function publishFilm(
  film: string,
  url: string,
  tracks: readonly string[] = ['-c', 'copy'],
): Promise<{ stderr: string }> {
  return await ffmpeg('-i', film, ...tracks, '-f', 'flv', '-flvflags', 'no_duration_filesize', url)
}

/** MD5 of every decoded picture (`v`) or of the sound's frames (`a`) of a file or address, in order. */
export async function decodedFrames(kind: 'v' | 'a', ...input: readonly string[]): Promise<string[]> {
  const { stdout } = await ffmpeg(
    ...input,
    '-map',
    `0:${kind}`,
    '-fps_mode',
    'passthrough',
    '-f',
    'framemd5',
    '-',
  )
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}

/** Publishes a second with GStreamer, by either of its elements. */
export async function publishByGstreamer(sink: 'rtmpsink' | 'rtmp2sink', url: string): Promise<void> {
  const pipeline =
    'videotestsrc num-buffers=25 ! video/x-raw,width=320,height=180,framerate=25/1 ! openh264enc gop-size=10 ! h264parse ! mux. ' +
    'audiotestsrc num-buffers=44 ! audio/x-raw,channels=2,rate=44100 ! voaacenc ! aacparse ! mux. ' +
    `flvmux streamable=true name=mux ! ${sink} sync=false`
  await execute('gst-launch-1.0', ['-q', ...pipeline.split(' '), `location=${url}`])
}
