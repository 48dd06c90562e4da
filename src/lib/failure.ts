import { isMediaFault, type MediaFault } from './media-faults.ts'

/**
 * Whose problem a failure is, because four different people read it: `caller` (the request is at fault, 4xx),
 * `media` (the source is at fault; becomes the video's error reason, never a 500), `outside` (a disk, a decoder, a
 * remote host; worth another try), `bug` (ours; answered as 500 with a reference).
 */
export type FailureKind = 'caller' | 'media' | 'outside' | 'bug'

/**
 * Every failure the program knows by name, beside those of files (`media-faults.ts`). `http/errors.ts` maps each to a
 * status; the compiler keeps that complete.
 */
const KINDS = {
  not_authenticated: 'caller',
  not_permitted: 'caller',
  not_found: 'caller',
  no_route: 'caller',
  bad_json: 'caller',
  bad_request: 'caller',
  method_not_allowed: 'caller',
  conflict: 'caller',
  payload_too_large: 'caller',
  request_timeout: 'caller',
  too_many_videos: 'caller',
  too_many_requests: 'caller',
  too_many_watermarks: 'caller',
  storage_exhausted: 'caller',
  unsupported_media_type: 'caller',
  scheduled_deletion_out_of_range: 'caller',
  not_built_yet: 'caller',
  speech_not_configured: 'caller',
  upload_expired: 'caller',
  upload_offset_mismatch: 'caller',
  upload_locked: 'caller',
  checksum_mismatch: 'caller',
  upload_is_final: 'caller',
  tus_version_unsupported: 'caller',
  form_not_media: 'caller',
  playback_token_required: 'caller',
  playback_refused: 'caller',
  video_not_playable_yet: 'caller',
  video_failed: 'caller',
  video_is_live: 'caller',
  segment_not_ready: 'caller',
  range_not_satisfiable: 'caller',
  live_key_unknown: 'caller',
  live_input_disabled: 'caller',
  live_input_busy: 'caller',
  live_not_started: 'caller',
  live_viewers_hidden: 'caller',
  live_stream_broken: 'caller',
  live_video_codec_unsupported: 'caller',
  live_audio_codec_unsupported: 'caller',
  live_not_playable: 'caller',
  sdp_unreadable: 'caller',
  sdp_not_acceptable: 'caller',
  rtc_session_changed: 'caller',
  rtc_condition_missing: 'caller',
  rtc_too_many_sessions: 'caller',
  fetch_refused: 'caller',
  disk_full: 'outside',
  database_refuses: 'outside',
  blob_damaged: 'outside',
  decoder_missing: 'outside',
  decoder_failed: 'outside',
  fetch_failed: 'outside',
  speech_failed: 'outside',
  lease_lost: 'outside',
  setting_invalid: 'caller',
  folder_in_use: 'caller',
  internal: 'bug',
} as const satisfies Record<string, FailureKind>

/** The name of a failure. */
export type FailureCode = keyof typeof KINDS | MediaFault

/** Facts that help whoever reads the failure; never a secret. */
export type FailureFacts = Readonly<Record<string, string | number | boolean | null>>

/** The one error class: a stable code, a sentence that says what was expected and what came, and facts as fields. */
export class HeadwaterError extends Error {
  readonly code: FailureCode
  readonly facts: FailureFacts

  constructor(code: FailureCode, sentence: string, options: { facts?: FailureFacts; cause?: unknown } = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'HeadwaterError'
    this.code = code
    this.facts = options.facts ?? {}
  }

  get kind(): FailureKind {
    return isMediaFault(this.code) ? 'media' : KINDS[this.code]
  }
}

/** Whether `error` is ours and, if given, of that code. */
export function isFailure(error: unknown, code?: FailureCode): error is HeadwaterError {
  return error instanceof HeadwaterError && (code === undefined || error.code === code)
}

/** Throws an `internal` failure when something that must hold does not. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new HeadwaterError('internal', sentence)
}
