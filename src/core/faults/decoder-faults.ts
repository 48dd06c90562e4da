/** What a run of the decoder that failed says about the file it was given, by ffmpeg's own words (5.1 to 8). Pure. */

import type { FailureFacts } from '../../lib/failure.ts'
import type { MediaFault } from '../../lib/media-faults.ts'

/** Why the adapter ended or refused a run (`decoder_failed`, fact `reason`). */
const REASONS: Readonly<Record<string, MediaFault>> = {
  wall: 'decoding_too_slow',
  cpu: 'decoding_too_slow',
  stall: 'decoding_stuck',
  memory: 'decoding_memory',
  output: 'decoding_output',
  // The budget of what is decoded.
  pixels: 'picture_too_large',
  streams: 'too_many_streams',
  frames: 'too_many_pictures',
  duration: 'too_many_pictures',
  short: 'pictures_unfinished',
}

const CRASHES: readonly unknown[] = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGSYS']
/** As a shell or a cage tells them: 128 and the number of the signal. */
const CRASH_EXITS: readonly unknown[] = [132, 133, 134, 135, 136, 139, 159]

/** Words that say that the fault is ours: what we asked for does not exist. */
const OURS =
  /Unknown encoder|Error (?:while opening|initializing) encoder|No such filter|Unrecognized option|Error initializing filters|Option not found|Error splitting the argument list/i

/** In this order: what comes first says more. */
const WORDS: readonly (readonly [RegExp, MediaFault])[] = [
  [/Cannot allocate memory|Out of memory|bad_alloc/i, 'decoding_memory'],
  [/decode error rate .* exceeds/i, 'pictures_mostly_damaged'],
  [/moov atom not found/i, 'mp4_index_missing'],
  [/\[mxf\S*\] no essence/i, 'mxf_essence_missing'],
  [/Decoder \(codec none\) not found|codec none|no decoder found for: none/i, 'codec_unknown'],
  [
    /Decoder \(codec [^)]+\) not found|Decoder not found|no decoder found|Unsupported codec with id/i,
    'codec_unsupported',
  ],
  [
    /Picture size \d+x\d+ is invalid|dimensions not set|Invalid (?:picture |frame )?(?:dimensions|size)|video_size|width and height/i,
    'picture_size_invalid',
  ],
  [
    /Error reading header|error parsing .*(?:header|config)|(?:avcC|hvcC|av1C|extradata|sps|vps|pps).*(?:invalid|fail|error|too short|truncat)|(?:invalid|fail|error).*(?:avcC|hvcC|av1C|extradata)/i,
    'codec_config_broken',
  ],
  [
    /non-existing [SP]PS|[VSP]PS id out of range|[VSP]PS \d* ?does not exist|missing sequence header|no sequence header/i,
    'parameter_sets_missing',
  ],
  [
    /reference picture missing|missing reference|no reference|key ?frame missing|missing key ?frame|Could not find ref|without (?:a )?(?:prior )?key ?frame/i,
    'key_picture_missing',
  ],
]

/**
 * The fault of the file behind a `decoder_failed` with these facts (`reason`, `exitCode`, `signal`, `stderr`); undefined
 * where the file is not to blame. `otherwise`: what it is called when no words say more.
 */
export function decoderFault(
  facts: FailureFacts,
  otherwise: MediaFault = 'decoder_gave_up',
): MediaFault | undefined {
  const { reason, signal, exitCode } = facts
  const known = typeof reason === 'string' ? REASONS[reason] : undefined
  if (known !== undefined) return known
  if (reason !== 'exit' && reason !== 'missing-output') return undefined
  if (CRASHES.includes(signal) || CRASH_EXITS.includes(exitCode)) return 'decoder_crashed'
  // Nobody but the system, which had no memory left, ends it like this.
  if (signal === 'SIGKILL' || exitCode === 137) return 'decoding_memory'
  // ffmpeg's own: more than two thirds of what it decoded were errors.
  if (exitCode === 69) return 'pictures_mostly_damaged'
  const text = String(facts.stderr ?? '')
  if (OURS.test(text)) return undefined
  return faultOfWords(text) ?? otherwise
}

/** The fault that ffmpeg's words name, if they name one. */
export function faultOfWords(text: string): MediaFault | undefined {
  return WORDS.find(([words]) => words.test(text))?.[1]
}
