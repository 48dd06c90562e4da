/**
 * Who is told of an account's broadcasts (live.md §10): one address per account, apart from its webhooks, since other
 * programs listen there. Its calls take the road of all calls, with their retries and their log.
 */

import { formatTimestamp } from '../../lib/timestamp.ts'

export type LiveNotification = {
  readonly id: string
  readonly accountId: string
  /** Sent along as `name`. */
  readonly name: string
  /** As the customer gave it; may hold a password. */
  readonly url: string
  /** Sent along as it is, in `cf-webhook-auth`. */
  readonly secret: string
  /** Uids; none = all inputs of the account. */
  readonly inputs: readonly string[]
  readonly createdUs: number
  readonly modifiedUs: number
}

/** What it tells of. */
export const LIVE_EVENTS = ['live_input.connected', 'live_input.disconnected', 'live_input.errored'] as const
export type LiveEvent = (typeof LIVE_EVENTS)[number]

/** What may be wrong with a broadcast, each with the sentence that is sent where there is no better one. */
export const LIVE_ERRORS = {
  ERR_GOP_OUT_OF_RANGE: 'The keyframe interval is outside of 2 to 10 seconds.',
  ERR_UNSUPPORTED_VIDEO_CODEC: 'The video codec is not supported; send H.264.',
  ERR_UNSUPPORTED_AUDIO_CODEC: 'The audio codec is not supported; send AAC.',
  ERR_STORAGE_QUOTA_EXHAUSTED: 'The storage of the account is used up.',
  ERR_MISSING_SUBSCRIPTION: 'The account has no live service.',
} as const
export type LiveErrorCode = keyof typeof LIVE_ERRORS

/** Codecs as they are called for people, `''` where they are not known. */
export type LiveError = {
  readonly code: LiveErrorCode
  /** Default: the sentence of the code. */
  readonly message?: string
  readonly videoCodec: string
  readonly audioCodec: string
}

/** One thing that happened to an input. `error` is there for `live_input.errored` only. */
export type LiveNews = {
  readonly accountId: string
  readonly inputUid: string
  readonly event: LiveEvent
  readonly error?: LiveError
}

const KIND = 'Stream Live Input'

/** What is sent, as JSON: the members and the lines of the table in live.md §10. */
export function writeNews(name: string, news: LiveNews, atUs: number): string {
  const { inputUid, event, error } = news
  // The vendor writes nanoseconds.
  const updatedAt = formatTimestamp(atUs).replace('Z', '000Z')
  const message = error && (error.message ?? LIVE_ERRORS[error.code])
  const lines = [
    `Notification type: ${KIND}`,
    `Input ID: ${inputUid}`,
    `Event type: ${event}`,
    `Updated at: ${updatedAt}`,
    ...(error === undefined
      ? []
      : [
          `Error Code: ${error.code}`,
          `Error Message: ${message}`,
          `Video Codec: ${error.videoCodec}`,
          `Audio Codec: ${error.audioCodec}`,
        ]),
  ]
  return JSON.stringify({
    name,
    text: lines.join('\n'),
    data: {
      notification_name: KIND,
      input_id: inputUid,
      event_type: event,
      updated_at: updatedAt,
      ...(error && {
        live_input_errored: {
          error: { code: error.code, message },
          video_codec: error.videoCodec,
          audio_codec: error.audioCodec,
        },
      }),
    },
    ts: Math.floor(atUs / 1_000_000),
  })
}
