/** The arguments that every run gets, whatever it does, and the form in which a command can be pasted. Pure. */

import { quote } from './quote.ts'

/**
 * Containers whose demuxers may open, by ffmpeg's names. Without this list ffmpeg 5 and 7 follow playlists, ffconcat and
 * MPD files that call themselves `.mp4`, to any local path (measured); our own sniffing pins one of them as well.
 */
const CONTAINERS =
  'mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,mxf,gxf,lxf,asf,ogg,h264,hevc,wav,mp3,aac,flac,aiff,ac3'
/** Demuxers of images: an input that is pinned to one may be that and nothing else, and no video may be one. */
const IMAGES: readonly string[] = ['png_pipe']

/** Of one file: as many as the index of an MP4 may name; broadcasts with several programmes have some fifty. */
export const MOST_STREAMS = 128
/** Of one picture: 8192 × 8192. A decoder asks for a dozen such pictures of memory, and a hostile parameter set for any number. */
export const MOST_PIXELS = 8192 * 8192

/** File descriptor on which progress is reported; 0–2 are the standard ones. */
export const PROGRESS_FD = 3

/** Where descriptors of inputs begin that are handed over open. */
export const FIRST_INPUT_FD = PROGRESS_FD + 1

/** What `{input}` and the like become: a file, or a descriptor that it reads or writes. */
export type InputTarget = `pipe:${number}` | `file:${string}`
/** Targets by what stands between the braces. */
export type InputTargets = ReadonlyMap<string, InputTarget>

/**
 * Completes a task's arguments: global guards first, an input's guards before its `-i`, and inputs replaced.
 * `verbose`: the decoder's own report of the file is wanted.
 */
export function guardArgs(args: readonly string[], inputs: InputTargets, verbose: boolean): string[] {
  const guarded: string[] = [
    // It must never wait for a key.
    '-nostdin',
    '-hide_banner',
    '-v',
    verbose ? 'info' : 'error',
    '-nostats',
    '-progress',
    `pipe:${PROGRESS_FD}`,
    '-stats_period',
    '0.25',
    // Outputs are ours and new: an old file of that name cannot be there.
    '-y',
  ]
  let pinned: string | undefined
  for (const [at, argument] of args.entries()) {
    if (args[at - 1] === '-f') pinned = argument
    if (argument === '-i') {
      const formats = pinned !== undefined && IMAGES.includes(pinned) ? pinned : CONTAINERS
      // Options of the input that follows: nothing but local files and pipes, nothing but known containers.
      guarded.push('-protocol_whitelist', 'file,pipe', '-format_whitelist', formats)
      // What a file turns out to hold, whatever its header says.
      guarded.push('-max_streams', String(MOST_STREAMS), '-max_pixels', String(MOST_PIXELS))
      pinned = undefined
    }
    guarded.push(inputs.get(/^\{(\w+)\}$/.exec(argument)?.[1] ?? '') ?? argument)
  }
  return guarded
}

/** The command as a line for a shell. */
export function pasteable(program: string, args: readonly string[]): string {
  return [program, ...args].map(quote).join(' ')
}
