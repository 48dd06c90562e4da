/**
 * The one table from our failures to what a client is told: HTTP status, the vendor's number, the first words of the
 * message and headers. `docs/errors.md` is made from it. Rules: spec §2 (numbers), §1.3 (`x-should-retry`).
 */

import type { FailureCode } from '../lib/failure.ts'
import { isMediaFault, MEDIA_FAULTS, type MediaFault } from '../lib/media-faults.ts'

/** How one kind of failure is told. */
export type ErrorRow = {
  readonly status: number
  /** The number in `errors[].code`. */
  readonly number: number
  /** What every message begins with; a sentence follows. */
  readonly start: string
  readonly headers?: Readonly<Record<string, string>>
  /** The sentence is for the operator's log only; the client gets the request id to quote. */
  readonly hidden?: true
  /** For `docs/errors.md`. */
  readonly when: string
}

/** The official SDK repeats 408, 409, 429 and 5xx by itself, unless told not to. */
const DO_NOT_RETRY = { 'x-should-retry': 'false' }

/** Complete by the compiler: a failure without a row does not build. Those of files have theirs in `media-faults.ts`. */
export const ERRORS: Readonly<Record<Exclude<FailureCode, MediaFault>, ErrorRow>> = {
  not_authenticated: {
    status: 401,
    number: 10000,
    start: 'Authentication error',
    // RFC 9110 §11.6.1: a 401 names the scheme it wants.
    headers: { 'www-authenticate': 'Bearer' },
    when: 'Credentials are missing, malformed, unknown or revoked.',
  },
  not_permitted: {
    status: 403,
    number: 10000,
    start: 'Authentication error',
    when: 'The credentials lack the permission or belong to another account.',
  },
  not_found: {
    status: 404,
    number: 10003,
    start: 'Not Found',
    when: 'There is no such video, upload, account or other thing.',
  },
  no_route: { status: 404, number: 7003, start: 'No route for the URI', when: 'The path is unknown.' },
  bad_json: {
    status: 400,
    number: 10004,
    start: 'Decoding Error',
    when: 'The body is not JSON, not an object, or a field has the wrong JSON type.',
  },
  bad_request: {
    status: 400,
    number: 10005,
    start: 'Bad Request',
    when: 'A field, parameter or header is missing or out of range.',
  },
  method_not_allowed: {
    status: 405,
    number: 10006,
    start: 'Method Not Allowed',
    when: 'The path exists, but not with this method; `Allow` lists those it has.',
  },
  conflict: {
    status: 409,
    number: 10007,
    start: 'Conflict',
    headers: DO_NOT_RETRY,
    when: 'The action does not fit the present state.',
  },
  payload_too_large: {
    status: 413,
    number: 10008,
    start: 'Payload Too Large',
    when: 'A file or body is over its limit.',
  },
  request_timeout: {
    status: 408,
    number: 10005,
    start: 'Request Timeout',
    // RFC 9110 §15.5.9
    headers: { connection: 'close' },
    when: 'The JSON body did not come within 30 s. (An upload that is slower than 32 KiB in two minutes is cut without an answer.)',
  },
  too_many_videos: {
    status: 429,
    number: 10009,
    start: 'Too Many Requests',
    headers: { 'retry-after': '30' },
    when: 'Too many videos are in work.',
  },
  too_many_requests: {
    status: 429,
    number: 10009,
    start: 'Too Many Requests',
    headers: { 'retry-after': '30' },
    when: 'The token has used up its requests (`HEADWATER_RATE_LIMIT`).',
  },
  too_many_watermarks: {
    status: 400,
    number: 10005,
    start: 'Bad Request: too many watermarks',
    when: 'The account has 100 watermark profiles.',
  },
  storage_exhausted: {
    status: 413,
    number: 10011,
    start: 'Storage capacity exceeded',
    when: 'The storage minutes of the account are used up; `messages` names them.',
  },
  unsupported_media_type: {
    status: 415,
    number: 10012,
    start: 'Unsupported Media Type',
    when: 'Multipart was expected but not sent, or an upload has the wrong content type.',
  },
  scheduled_deletion_out_of_range: {
    status: 400,
    number: 10060,
    start: 'Bad Request: must be between 30 and 1096 days',
    when: '`scheduledDeletion` or `deleteRecordingAfterDays` is out of bounds.',
  },
  not_built_yet: {
    status: 501,
    number: 10046,
    start: 'Not Implemented: Feature not supported',
    headers: DO_NOT_RETRY,
    when: 'The call is documented, but this version does not have it yet.',
  },
  speech_not_configured: {
    status: 403,
    number: 10002,
    start: 'Unauthorized',
    when: 'Captions are to be generated, but no speech engine is configured (`HEADWATER_SPEECH_COMMAND` or `HEADWATER_SPEECH_URL`).',
  },
  video_is_live: {
    status: 409,
    number: 10046,
    start: 'Not Implemented: Feature not supported',
    headers: DO_NOT_RETRY,
    when: 'The video is being broadcast and cannot be deleted.',
  },
  upload_expired: {
    status: 410,
    number: 10010,
    start: 'Gone: upload link expired',
    when: 'The upload or one-time link is past its expiry.',
  },
  upload_offset_mismatch: {
    status: 409,
    number: 10007,
    start: 'Conflict',
    headers: DO_NOT_RETRY,
    when: '`Upload-Offset` is not the present offset; ask with `HEAD` and go on from there.',
  },
  upload_locked: {
    status: 423,
    number: 10007,
    start: 'Locked',
    when: 'Another request is still writing to this upload.',
  },
  checksum_mismatch: {
    status: 460,
    number: 10005,
    start: 'Checksum Mismatch',
    when: "The body is not what `Upload-Checksum` says; nothing of it was kept (the status is tus's own).",
  },
  upload_is_final: {
    status: 403,
    number: 10005,
    start: 'Forbidden',
    when: '`PATCH` on an upload that was concatenated from others.',
  },
  tus_version_unsupported: {
    status: 412,
    number: 10005,
    start: 'Precondition Failed',
    headers: { 'tus-version': '1.0.0' },
    when: '`Tus-Resumable: 1.0.0` is missing.',
  },
  form_not_media: {
    status: 400,
    number: 10059,
    start: 'Bad Request: not a video',
    when: 'The file of a form upload is no media file.',
  },
  playback_token_required: {
    status: 401,
    number: 10000,
    start: 'Authentication error',
    when: 'The video plays with a signed token only, or the token is not good.',
  },
  playback_refused: {
    status: 403,
    number: 10000,
    start: 'Authentication error',
    when: 'An access rule or the allowed origins refuse this viewer, or the token does not allow downloads.',
  },
  video_not_playable_yet: {
    status: 409,
    number: 10007,
    start: 'Conflict',
    headers: { 'retry-after': '5' },
    when: 'The video is not playable yet.',
  },
  video_failed: {
    status: 424,
    number: 10007,
    start: 'Failed Dependency',
    when: 'The video is in `error`; nothing of it can be played.',
  },
  segment_not_ready: {
    status: 503,
    number: 10500,
    start: 'Service Unavailable',
    headers: { 'retry-after': '2' },
    when: 'The segment is being encoded and took longer than a request may wait.',
  },
  range_not_satisfiable: {
    status: 416,
    number: 10005,
    start: 'Range Not Satisfiable',
    when: 'No byte of the asked range exists.',
  },
  live_key_unknown: {
    status: 404,
    number: 10003,
    start: 'Not Found',
    when: 'No live input has this key.',
  },
  live_input_disabled: {
    status: 403,
    number: 10007,
    start: 'Forbidden',
    when: 'The live input is disabled.',
  },
  live_input_busy: {
    status: 409,
    number: 10007,
    start: 'Conflict',
    headers: DO_NOT_RETRY,
    when: 'Somebody publishes to the live input already.',
  },
  live_not_started: {
    status: 409,
    number: 10007,
    start: 'Live broadcast not started yet',
    headers: DO_NOT_RETRY,
    when: 'Nobody publishes to the live input.',
  },
  live_stream_broken: {
    status: 400,
    number: 10005,
    start: 'Bad Request',
    when: 'What a publisher or player of a live input sends breaks the rules of its protocol; its connection is closed.',
  },
  live_video_codec_unsupported: {
    status: 400,
    number: 10005,
    start: 'Bad Request',
    when: 'Pictures are published to a live input in a codec that it does not take; live notifications say `ERR_UNSUPPORTED_VIDEO_CODEC`.',
  },
  live_audio_codec_unsupported: {
    status: 400,
    number: 10005,
    start: 'Bad Request',
    when: 'Sound is published to a live input in a codec that it does not take; live notifications say `ERR_UNSUPPORTED_AUDIO_CODEC`.',
  },
  live_not_playable: {
    status: 406,
    number: 10007,
    start: 'Not Acceptable',
    when: 'What is published cannot be played by this protocol, e.g. reordered pictures (B-frames) by WebRTC.',
  },
  sdp_unreadable: {
    status: 400,
    number: 10005,
    start: 'Unable to parse SDP',
    when: 'A session description or a fragment of one is malformed, or over a limit.',
  },
  sdp_not_acceptable: {
    status: 406,
    number: 10005,
    start: 'Not Acceptable',
    when: 'A session description offers nothing that can be published or played: H.264 or VP8, and Opus, over DTLS.',
  },
  rtc_session_changed: {
    status: 412,
    number: 10005,
    start: 'Precondition Failed',
    when: 'The entity tag in `If-Match` is not that of the WebRTC session.',
  },
  rtc_condition_missing: {
    status: 428,
    number: 10005,
    start: 'Precondition Required',
    when: 'A `PATCH` of a WebRTC session needs `If-Match` (RFC 9725).',
  },
  rtc_too_many_sessions: {
    status: 503,
    number: 10007,
    start: 'Service Unavailable',
    headers: { 'retry-after': '5' },
    when: 'As many WebRTC connections are open as may be.',
  },
  live_viewers_hidden: {
    status: 403,
    number: 10007,
    start: 'Forbidden',
    when: 'The live input does not tell how many watch (`recording.hideLiveViewerCount`).',
  },
  fetch_refused: {
    status: 400,
    number: 10005,
    start: 'Bad Request',
    when: 'The given address may not be connected to: it is private (`HEADWATER_ALLOW_PRIVATE_FETCH`), or no http or https.',
  },
  fetch_failed: {
    status: 400,
    number: 10005,
    start: 'Bad Request',
    when: 'The given address could not be fetched.',
  },
  disk_full: {
    status: 507,
    number: 10013,
    start: 'Insufficient Storage',
    headers: DO_NOT_RETRY,
    when: 'The disk of the server has no room left for it.',
  },
  database_refuses: {
    status: 503,
    number: 10014,
    start: 'Service Unavailable',
    headers: { 'retry-after': '30' },
    when: 'The database takes no changes at the moment: it is locked, read-only or cannot be written. Playback and everything that only reads go on.',
  },
  blob_damaged: internal('Stored bytes are not what was recorded of them.'),
  decoder_missing: internal('No ffmpeg was found.'),
  decoder_failed: internal('ffmpeg failed.'),
  speech_failed: internal('The speech engine failed.'),
  lease_lost: internal('A job was taken over by another worker.'),
  setting_invalid: internal('A setting is wrong.'),
  folder_in_use: internal('Another process holds the data folder.'),
  internal: internal('Anything unforeseen; the log tells more under the request id.'),
}

function internal(when: string): ErrorRow {
  return { status: 500, number: 10500, start: 'Internal error', hidden: true, when }
}

/** The row of any failure. */
export function errorRow(code: FailureCode): ErrorRow {
  return isMediaFault(code) ? fileRow(code) : ERRORS[code]
}

/** A request that is refused because of the file it brings. */
function fileRow(code: MediaFault): ErrorRow {
  const { reason, when } = MEDIA_FAULTS[code]
  return reason === 'ERR_NON_VIDEO'
    ? { status: 400, number: 10059, start: 'Bad Request: not a video', when }
    : { status: 400, number: 10005, start: 'Bad Request', when }
}
