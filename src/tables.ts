/**
 * The rows of every table, as both databases hold them: booleans are 0/1 on SQLite, times are microseconds since 1970
 * (UTC), JSON is text. `adapters/sql/migrations/` makes them; only `*-records.ts` and `jobs/job-table.ts` touch them.
 *
 * Long because it is the list of all tables, with what each column means.
 */

import type { Generated, Kysely, Transaction } from 'kysely'

export type VideosTable = {
  uid: string
  account_id: string
  creator: string | null
  /** `meta.name` where it is text; null otherwise. */
  name: string | null
  /** `name` in lower case, for search. */
  name_folded: string | null
  /** JSON object as the customer wrote it. */
  meta: string
  state: 'pendingupload' | 'downloading' | 'queued' | 'inprogress' | 'ready' | 'error' | 'live-inprogress'
  /** `encoding` or `manifest`; null outside `inprogress` and `error`. */
  step: string | null
  /** 0–100; null before `inprogress`. */
  pct_complete: number | null
  /** The vendor's code; `''` unless `error`. */
  error_code: string
  error_text: string
  /** Facts of the failure as a JSON object: `code`, `stage`, `detail`; null unless `error`. */
  error_detail: string | null
  size_bytes: number
  /** null until known. */
  duration_seconds: number | null
  /** Display size in pixels; null until known. */
  width: number | null
  height: number | null
  /** Unique per account; the list's cursor. */
  created_us: number
  modified_us: number
  uploaded_us: number | null
  ready_us: number | null
  upload_expiry_us: number | null
  max_duration_seconds: number | null
  scheduled_deletion_us: number | null
  /** JSON array of host patterns. */
  allowed_origins: string
  require_signed_urls: number
  thumbnail_timestamp_pct: number
  /** JSON object; null until set once. */
  public_details: string | null
  live_input: string | null
  clipped_from: string | null
  /** JSON of `core/watermarks/watermark.ts`: the profile as it was when it was applied; null = none. */
  watermark: string | null
  /** The profile's image, which lives as long as a profile or a video names it. */
  watermark_blob: string | null
}

/** An upload in progress, or one that ended less than a day ago. */
export type UploadsTable = {
  id: string
  account_id: string
  /** null for a partial upload, which is no video by itself. */
  video_uid: string | null
  /** 1 = the address needs no credentials. */
  direct: number
  state: 'receiving' | 'complete' | 'terminated'
  length_bytes: number
  /** Bytes that are on stable storage and acknowledged. */
  offset_bytes: number
  draft_id: string | null
  /** Block checksums of the first `offset_bytes` bytes. */
  checksums: Uint8Array
  /** `Upload-Metadata` as sent; null if none. */
  metadata: string | null
  /** `Upload-Concat` as sent: `partial` or `final;…`; null if none. */
  concat: string | null
  created_us: number
  expires_us: number
}

/** Videos that wait for a file at a one-time form link. Whether it is used or expired is told by the video. */
export type FormLinksTable = {
  /** The link's name, too; it goes with the video. */
  video_uid: string
}

/** A file that is being fetched from a URL. */
export type FetchedFileColumns = {
  /** As the customer gave it, so perhaps with a password: shown to nobody. */
  url: string
  /** What `If-Range` takes (RFC 9110 §13.1.5): a strong entity tag or a date; null while nothing is known, or if there is none. */
  validator: string | null
  /** null until the origin says it. */
  length_bytes: number | null
  /** Bytes that are on stable storage. */
  offset_bytes: number
  draft_id: string | null
  /** Block checksums of the first `offset_bytes` bytes. */
  checksums: Uint8Array
}

/** A download in progress; gone when it has ended, however it did. */
export type CopiesTable = FetchedFileColumns & { video_uid: string }

/** A source that is being put together from partial uploads; gone once its video has it. */
export type ConcatenationsTable = {
  video_uid: string
  length_bytes: number
  /** Bytes that are on stable storage. */
  offset_bytes: number
  /** null until the first byte is copied. */
  draft_id: string | null
  /** Block checksums of the first `offset_bytes` bytes. */
  checksums: Uint8Array
}

/** What it is put together from; while a row names a partial upload its bytes are kept. */
export type ConcatenationPartsTable = {
  video_uid: string
  /** From 0. */
  position: number
  upload_id: string
}

/** One row per published blob. */
export type BlobsTable = {
  name: string
  /** The video that owns it; when that is deleted while others share the blob, one of them owns it from then on. */
  video_uid: string
  size_bytes: number
  checksums: Uint8Array
  created_us: number
}

/** At most one per video and language. */
export type CaptionsTable = {
  /** Its rendition in the addresses of players; captions that replace others have another. */
  id: string
  video_uid: string
  /** BCP 47 in canonical case. */
  language: string
  /** 1 = made by the speech engine. */
  generated: number
  status: 'ready' | 'inprogress' | 'error'
  /** The WebVTT as it was received; null unless `ready`. */
  blob: string | null
  /** JSON of `Explained['detail']` in `core/faults`; null unless `error`. */
  failure: string | null
}

/** Watermark profiles; never changed. A video has a copy of its own. */
export type WatermarksTable = {
  uid: string
  account_id: string
  name: string
  /** 0–1, like `padding` and `scale`. */
  opacity: number
  padding: number
  scale: number
  position: string
  /** Of the file as it came. */
  size_bytes: number
  width: number
  height: number
  /** URL; null when the image was sent and not fetched. */
  downloaded_from: string | null
  /** The image as our own decoder wrote it; lives as long as a profile or a video names it. */
  image_blob: string
  created_us: number
}

/** Sound that was added to a video; what came with it is in its plan. It goes with the video. */
export type AudioTracksTable = {
  uid: string
  video_uid: string
  /** Unique per video. */
  label: string
  /** At most one per video. */
  is_default: number
  status: 'queued' | 'ready' | 'error'
  /** Sentence for its owner; null unless `error`. */
  error: string | null
  /** JSON of `Explained['detail']` in `core/faults`; null unless `error`, and in tracks of older versions. */
  failure: string | null
  /** BCP 47 in canonical case, where the file it came from told it; null = as the label says. */
  language: string | null
  /** Its rendition in the addresses of players. */
  rendition: string
  /** null until `ready`. */
  channels: number | null
  /** JSON of `TrackSource` in `core/audio-tracks/audio-track.ts`: what it is made of. */
  source: string
  /** Order in which they are listed. */
  created_us: number
}

/** The file of an audio track that is being fetched; gone when that has ended, however it did. */
export type AudioCopiesTable = FetchedFileColumns & { track_uid: string }

/** What ingest decided about a video. */
export type PlansTable = {
  video_uid: string
  /** Grows with every change that a player could notice. */
  revision: number
  /** JSON of `core/timeline/plan.ts`. */
  plan: string
  /** Blob that holds the bytes segments are cut from and chunks decoded from: the source, or its remux. */
  media_blob: string
  /** Blob of the sample index; null where the decoder reads the file itself. */
  index_blob: string | null
  /** 1 once every chunk of every rendition is there. */
  complete: number
}

/** An encoded rendition that has at least one chunk. */
export type RenditionsTable = {
  video_uid: string
  rendition: string
  init_blob: string
  /** RFC 6381. */
  codec: string
}

/** A finished run of segments of one rendition. */
export type ChunksTable = {
  video_uid: string
  rendition: string
  first_segment: number
  segment_count: number
  /** Of this video or of another one, which it shares it with. */
  blob: string
  /** JSON array of byte lengths, one per segment, in order from `first_byte` on. */
  segment_bytes: string
  /** Where in the blob they begin. */
  first_byte: Generated<number>
  /** Their decode times in the blob are so many ticks later than in this video. */
  shift_ticks: Generated<number>
  created_us: number
}

/** Files to download; they go with their video. */
export type DownloadsTable = {
  id: string
  video_uid: string
  type: 'default' | 'audio'
  state: 'inprogress' | 'ready' | 'error'
  /** 0–100, whole. */
  percent_complete: number
  /** null until `ready`. */
  blob: string | null
  created_us: number
}

/** What happened to a video, in order; written with the move it tells of. */
export type VideoEventsTable = {
  id: Generated<number>
  video_uid: string
  account_id: string
  at_us: number
  /** `created`, `uploaded`, `queued`, `inprogress`, `ready`, `rendition`, `complete`, `error` … */
  kind: string
  /** JSON object. */
  detail: string
}

export type JobsTable = {
  id: Generated<number>
  kind: string
  /** Equal live jobs are one: a second enqueue of a `dedupe` that is queued or active changes at most the priority. */
  dedupe: string
  /** JSON. */
  payload: string
  /** The video it works for; its jobs are dropped with it. */
  video_uid: string | null
  /** Smaller first: 0 live, 1 a viewer waits, 2 first chunks, 3 the rest. */
  priority: number
  state: 'queued' | 'active' | 'done' | 'failed'
  run_at_us: number
  /** Claim of the present holder; null unless active. */
  lease_until_us: number | null
  /** Fencing token: grows with each claim. */
  token: number
  attempts: number
  max_attempts: number
  /** After it the job fails for good. */
  deadline_us: number
  /** Last failure's sentence. */
  error: string | null
  created_us: number
  finished_us: number | null
}

export type AccountsTable = {
  id: string
  name: string
  /** Its allocation; 0 = unlimited, null = what the setting says. */
  storage_minutes: number | null
  created_us: number
}

export type ApiTokensTable = {
  id: string
  account_id: string
  name: string
  /** SHA-256 of the token, hexadecimal. */
  hash: string
  permission: 'read' | 'write'
  created_us: number
  revoked_us: number | null
}

/** Sign-ins of the dashboard. */
export type SessionsTable = {
  /** SHA-256 of the cookie's secret, hexadecimal. */
  hash: string
  account_id: string
  created_us: number
  expires_us: number
}

/** Keys of playback tokens: the customer's, and one of the service's own for each account that asked for a token. */
export type SigningKeysTable = {
  id: string
  account_id: string
  /** SPKI as PEM. */
  public_pem: string
  /** Private part of a key of the service, sealed; null for the customer's, whose private part is stored nowhere. */
  sealed_pem: string | null
  created_us: number
}

/** Kept by the same transaction that changes what they count. */
export type StorageCountersTable = {
  account_id: string
  /** `''` counts videos without a creator. */
  creator: string
  video_count: number
  /** Durations of the videos where it is known, each rounded up to the second; failed and live ones count nothing. */
  seconds: number
}

/** The same for each account as a whole. */
export type StorageTotalsTable = {
  account_id: string
  video_count: number
  seconds: number
}

/** Requests that came with an `Idempotency-Key`. */
export type IdempotencyKeysTable = {
  account_id: string
  key: string
  /** SHA-256 of what was asked, hexadecimal. */
  request_hash: string
  /** The answer, sealed; null while the first request is under way, or was when the server ended. */
  answer: string | null
  created_us: number
}

/** SQLite's index of names, kept by triggers; `migrations/0012-accounts-and-search.ts` says what is in it. */
export type VideoNamesTable = { rowid: number; runs: null }

/** The number of each account in the row numbers of `video_names`. */
export type SearchAccountsTable = { number: number; account_id: string }

/** Where calls about an account's videos go. */
export type WebhookSubscriptionsTable = {
  id: string
  account_id: string
  /** Unique per account. 0 is the one that the vendor's API knows; from 1 on those beside it. */
  place: number
  /** As the customer gave it. */
  url: string
  /** 32 hexadecimal characters, used as text. */
  secret: string
  /** JSON array of `ready`, `error`, `complete`. */
  events: string
  /** Where the request that made it found this server: base of the addresses in bodies unless a setting says it. */
  base_url: string
  created_us: number
  modified_us: number
}

/** The outbox and the log of calls: written with the move they tell of, kept for a while after their end. */
export type WebhookCallsTable = {
  id: string
  account_id: string
  /** Of `webhook_subscriptions`, or of `live_notifications`. */
  subscription_id: string
  /** The video, or the live input. */
  video_uid: string
  event:
    | 'ready'
    | 'error'
    | 'complete'
    | 'live_input.connected'
    | 'live_input.disconnected'
    | 'live_input.errored'
  state: 'pending' | 'delivered' | 'failed' | 'dropped'
  /** The bytes of every attempt, as text; null before the first. */
  body: string | null
  /** Failed attempts since it was made, or since it was replayed. */
  tries: number
  /** Grows with every attempt that is planned; the job of an older one has nothing to do any more. */
  turn: number
  /** When the next attempt is due; null unless pending. */
  due_us: number | null
  /** Why the last attempt failed or the call was dropped; null when neither. */
  error: string | null
  created_us: number
  /** null while pending. */
  ended_us: number | null
}

/** One row per request that was sent, or could not be. */
export type WebhookAttemptsTable = {
  id: Generated<number>
  call_id: string
  at_us: number
  duration_ms: number
  /** Host and port that were to be called. */
  host: string
  /** Of the answer; null when none came. */
  status: number | null
  /** null when it was a success. */
  error: string | null
}

/** Where somebody may broadcast to, whenever he likes. */
export type LiveInputsTable = {
  uid: string
  account_id: string
  enabled: number
  /** JSON object as the customer wrote it. */
  meta: string
  /** Becomes the `creator` of recordings. */
  default_creator: string | null
  recording_mode: 'off' | 'automatic'
  /** How long a broadcast waits for its publisher to come back; 0 = as long as usual, null = never set. */
  recording_timeout_seconds: number | null
  recording_require_signed_urls: number
  /** JSON array of host patterns; null = any page, as does an empty one. */
  recording_allowed_origins: string | null
  recording_hide_live_viewer_count: number
  /** 30 to 1,096; null = never. */
  delete_recording_after_days: number | null
  prefer_low_latency: number
  /** 32 hexadecimal characters: first part of the key for publishing. */
  publish_secret: string
  /** The same for playing; knowing it tells nothing of the other. */
  play_secret: string
  created_us: number
  modified_us: number
  /** null until the secrets were made anew once. */
  keys_rotated_us: number | null
}

/** Where a broadcast is sent on to; goes with its input. */
export type LiveOutputsTable = {
  uid: string
  input_uid: string
  /** rtmp, rtmps or srt, as the customer gave it. */
  url: string
  /** Shown to whoever may see the output, and logged nowhere. */
  stream_key: string
  enabled: number
  created_us: number
}

/** What became of the connections of an input or an output: the newest row is how it is, those before it are the history. */
export type LiveStatusesTable = {
  id: Generated<number>
  /** Uid of the input or output. */
  subject: string
  state: 'connected' | 'disconnected'
  /** Why the state was entered; `LIVE_REASONS` in `core/live-inputs/live-status.ts`. */
  reason: string
  protocol: 'rtmp' | 'srt' | 'webrtc'
  entered_us: number
  /** When it was last known to be so; null for a connection that never was, or was over at once. */
  last_seen_us: number | null
}

/** Who is told of an account's broadcasts; at most one per account. */
export type LiveNotificationsTable = {
  id: string
  account_id: string
  name: string
  /** As the customer gave it. */
  url: string
  /** Sent along as it is. */
  secret: string
  /** JSON array of uids; empty = all inputs. */
  inputs: string
  created_us: number
  modified_us: number
}

/** A broadcast that is being recorded; gone once its video has what was recorded as its source. */
export type LiveBroadcastsTable = {
  video_uid: string
  input_uid: string
  /** Of its latest publisher. */
  protocol: 'rtmp' | 'srt' | 'webrtc'
  /** 30 to 1,096, as the input said when it began; null = the recording is kept. */
  delete_after_days: number | null
  /** null until the first byte is written. */
  draft_id: string | null
  /** Bytes that are on stable storage; more may be in the draft. */
  length_bytes: number
  /** Block checksums of the first `length_bytes` bytes. */
  checksums: Uint8Array
  /** When that was so: the broadcast ran then, or was put down by a stop of the server. */
  synced_us: number
  /** 1 = nothing follows: `length_bytes` is all of it. */
  ended: number
}

export type Tables = {
  videos: VideosTable
  uploads: UploadsTable
  form_links: FormLinksTable
  concatenations: ConcatenationsTable
  concatenation_parts: ConcatenationPartsTable
  copies: CopiesTable
  blobs: BlobsTable
  captions: CaptionsTable
  watermarks: WatermarksTable
  audio_tracks: AudioTracksTable
  audio_copies: AudioCopiesTable
  plans: PlansTable
  renditions: RenditionsTable
  chunks: ChunksTable
  downloads: DownloadsTable
  video_events: VideoEventsTable
  jobs: JobsTable
  accounts: AccountsTable
  api_tokens: ApiTokensTable
  sessions: SessionsTable
  signing_keys: SigningKeysTable
  storage_counters: StorageCountersTable
  storage_totals: StorageTotalsTable
  idempotency_keys: IdempotencyKeysTable
  video_names: VideoNamesTable
  search_accounts: SearchAccountsTable
  webhook_subscriptions: WebhookSubscriptionsTable
  webhook_calls: WebhookCallsTable
  webhook_attempts: WebhookAttemptsTable
  live_inputs: LiveInputsTable
  live_outputs: LiveOutputsTable
  live_statuses: LiveStatusesTable
  live_notifications: LiveNotificationsTable
  live_broadcasts: LiveBroadcastsTable
}

/** The database. Statements outside a transaction read what is committed. */
export type Db = Kysely<Tables>

/**
 * An open transaction. Inside `db.transaction().execute(…)` only this may be used: the writer is one connection, and a
 * write through `Db` would wait for the transaction that waits for it.
 */
export type Trx = Transaction<Tables>
