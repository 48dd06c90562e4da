/**
 * A live input: an address that somebody publishes broadcasts to, one at a time, as often as he likes (live.md §1). Its
 * keys hold its uid, so that whoever comes with one is found by it and the secret before it is compared.
 */

import type { JsonObject } from '../videos/index.ts'

/** `off`: broadcasts are only passed on; `automatic`: they can be watched by HLS and DASH, and become videos. */
export const RECORDING_MODES = ['off', 'automatic'] as const
export type RecordingMode = (typeof RECORDING_MODES)[number]

/** How broadcasts of an input are watched and kept. */
export type RecordingSettings = {
  readonly mode: RecordingMode
  /** 0 to 86,400: how long a broadcast waits for its publisher to come back. 0 = as long as usual, null = never set. */
  readonly timeoutSeconds: number | null
  readonly requireSignedUrls: boolean
  /** Host patterns; null or none = any page. */
  readonly allowedOrigins: readonly string[] | null
  readonly hideLiveViewerCount: boolean
}

export type LiveInput = {
  readonly uid: string
  readonly accountId: string
  readonly enabled: boolean
  readonly meta: JsonObject
  /** Becomes the `creator` of recordings. */
  readonly defaultCreator: string | null
  readonly recording: RecordingSettings
  /** 30 to 1,096; null = never. */
  readonly deleteRecordingAfterDays: number | null
  readonly preferLowLatency: boolean
  /** 32 lower-case hexadecimal characters each; in no log. */
  readonly publishSecret: string
  readonly playSecret: string
  readonly createdUs: number
  readonly modifiedUs: number
  /** null until the keys were rotated once. */
  readonly keysRotatedUs: number | null
}

/** What a key is for. Knowing the one for playing must not allow to publish. */
export type KeyPurpose = 'publish' | 'play'

/** Key of RTMP and WHIP, and passphrase of SRT: `<32 hexadecimal characters>k<uid>` (live.md §1). */
export function streamKeyOf(input: LiveInput, purpose: KeyPurpose): string {
  return `${purpose === 'publish' ? input.publishSecret : input.playSecret}k${input.uid}`
}

/** Stream id of SRT (live.md §1): the uid to publish, `play` before it to play. */
export function streamIdOf(input: Pick<LiveInput, 'uid'>, purpose: KeyPurpose): string {
  return purpose === 'publish' ? input.uid : `play${input.uid}`
}

/** The parts of a stream key; `undefined` for what is none. */
export function parseStreamKey(key: string): { readonly secret: string; readonly uid: string } | undefined {
  const [, secret, uid] = /^([0-9a-f]{32})k([0-9a-f]{32})$/.exec(key) ?? []
  return secret === undefined || uid === undefined ? undefined : { secret, uid }
}

/** What a stream id of SRT asks for; `undefined` for what is none. */
export function parseStreamId(
  streamId: string,
): { readonly uid: string; readonly purpose: KeyPurpose } | undefined {
  const [, play, uid] = /^(play)?([0-9a-f]{32})$/.exec(streamId) ?? []
  return uid === undefined ? undefined : { uid, purpose: play === undefined ? 'publish' : 'play' }
}

/** Name for people: `meta.name`, or the uid where there is none. */
export function nameOf({ meta, uid }: Pick<LiveInput, 'meta' | 'uid'>): string {
  return typeof meta.name === 'string' && meta.name !== '' ? meta.name : uid
}
