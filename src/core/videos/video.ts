/** The video record: what the API shows of a video, before it is presented. */

import type { Watermark } from '../watermarks/index.ts'

export type VideoState =
  | 'pendingupload'
  | 'downloading'
  | 'queued'
  | 'inprogress'
  | 'ready'
  | 'error'
  | 'live-inprogress'

/** Codes a client may meet in `status.errorReasonCode`. */
export type ErrorReasonCode =
  | 'ERR_NON_VIDEO'
  | 'ERR_DURATION_EXCEED_CONSTRAINT'
  | 'ERR_FETCH_ORIGIN_ERROR'
  | 'ERR_MALFORMED_VIDEO'
  | 'ERR_DURATION_TOO_SHORT'
  | 'ERR_UNKNOWN'

export type PublicDetails = {
  readonly title?: string | null
  readonly share_link?: string | null
  readonly channel_link?: string | null
  readonly logo?: string | null
}

/** JSON values as customers send them in `meta`. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export type Video = {
  readonly uid: string
  readonly accountId: string
  readonly creator: string | null
  readonly meta: JsonObject
  readonly state: VideoState
  readonly step: 'encoding' | 'manifest' | null
  /** 0–100, null before `inprogress`. */
  readonly pctComplete: number | null
  readonly error: {
    readonly reasonCode: ErrorReasonCode
    readonly reasonText: string
    /** What was found, for people. */
    readonly detail: JsonObject
  } | null
  readonly sizeBytes: number
  readonly durationSeconds: number | null
  readonly displaySize: { readonly width: number; readonly height: number } | null
  readonly createdUs: number
  readonly modifiedUs: number
  readonly uploadedUs: number | null
  readonly readyUs: number | null
  readonly uploadExpiryUs: number | null
  readonly maxDurationSeconds: number | null
  readonly scheduledDeletionUs: number | null
  readonly allowedOrigins: readonly string[]
  readonly requireSignedUrls: boolean
  readonly thumbnailTimestampPct: number
  readonly publicDetails: PublicDetails | null
  readonly liveInput: string | null
  readonly clippedFrom: string | null
  /** Burnt into its pictures; the profile as it was at the creation, set then and never changed. */
  readonly watermark: Watermark | null
}

/** A video of which nothing is known yet, waiting for its bytes. */
export function blankVideo(given: { uid: string; accountId: string; createdUs: number }): Video {
  return {
    uid: given.uid,
    accountId: given.accountId,
    creator: null,
    meta: {},
    state: 'pendingupload',
    step: null,
    pctComplete: null,
    error: null,
    sizeBytes: 0,
    durationSeconds: null,
    displaySize: null,
    createdUs: given.createdUs,
    modifiedUs: given.createdUs,
    uploadedUs: null,
    readyUs: null,
    uploadExpiryUs: null,
    maxDurationSeconds: null,
    scheduledDeletionUs: null,
    allowedOrigins: [],
    requireSignedUrls: false,
    thumbnailTimestampPct: 0,
    publicDetails: null,
    liveInput: null,
    clippedFrom: null,
    watermark: null,
  }
}
