/** Between the video record and its row. */

import type { Insertable, Selectable, Updateable } from 'kysely'
import type { VideosTable } from '../../tables.ts'
import type { Watermark } from '../watermarks/index.ts'
import type { ErrorReasonCode, JsonObject, Video } from './video.ts'

/** A row as read. */
export type VideoRow = Selectable<VideosTable>

export function videoFromRow(row: VideoRow): Video {
  return {
    uid: row.uid,
    accountId: row.account_id,
    creator: row.creator,
    meta: parseObject(row.meta),
    state: row.state,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes the column
    step: row.step as Video['step'],
    pctComplete: row.pct_complete,
    error: errorFromRow(row),
    sizeBytes: row.size_bytes,
    durationSeconds: row.duration_seconds,
    displaySize: row.width === null || row.height === null ? null : { width: row.width, height: row.height },
    createdUs: row.created_us,
    modifiedUs: row.modified_us,
    uploadedUs: row.uploaded_us,
    readyUs: row.ready_us,
    uploadExpiryUs: row.upload_expiry_us,
    maxDurationSeconds: row.max_duration_seconds,
    scheduledDeletionUs: row.scheduled_deletion_us,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes the column
    allowedOrigins: JSON.parse(row.allowed_origins) as readonly string[],
    requireSignedUrls: row.require_signed_urls === 1,
    thumbnailTimestampPct: row.thumbnail_timestamp_pct,
    publicDetails: row.public_details === null ? null : parseObject(row.public_details),
    liveInput: row.live_input,
    clippedFrom: row.clipped_from,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes the column
    watermark: row.watermark === null ? null : (JSON.parse(row.watermark) as Watermark),
  }
}

/** The row of a new video: every column. */
export function videoToRow(video: Video): Insertable<VideosTable> {
  return {
    uid: video.uid,
    account_id: video.accountId,
    ...videoChangesToRow(video),
    state: video.state,
    meta: JSON.stringify(video.meta),
    error_code: video.error?.reasonCode ?? '',
    error_text: video.error?.reasonText ?? '',
    size_bytes: video.sizeBytes,
    created_us: video.createdUs,
    modified_us: video.modifiedUs,
    allowed_origins: JSON.stringify(video.allowedOrigins),
    require_signed_urls: video.requireSignedUrls ? 1 : 0,
    thumbnail_timestamp_pct: video.thumbnailTimestampPct,
    live_input: video.liveInput,
    clipped_from: video.clippedFrom,
    watermark: video.watermark && JSON.stringify(video.watermark),
    watermark_blob: video.watermark?.imageBlob ?? null,
  }
}

/** The columns of those fields that are given. */
export function videoChangesToRow(changes: Partial<Video>): Updateable<VideosTable> {
  const row: Updateable<VideosTable> = {}
  if (changes.creator !== undefined) row.creator = changes.creator
  if (changes.meta !== undefined) Object.assign(row, metaColumns(changes.meta))
  if (changes.state !== undefined) row.state = changes.state
  if (changes.step !== undefined) row.step = changes.step
  if (changes.pctComplete !== undefined) row.pct_complete = changes.pctComplete
  if (changes.error !== undefined) {
    row.error_code = changes.error?.reasonCode ?? ''
    row.error_text = changes.error?.reasonText ?? ''
    row.error_detail = changes.error === null ? null : JSON.stringify(changes.error.detail)
  }
  if (changes.sizeBytes !== undefined) row.size_bytes = changes.sizeBytes
  if (changes.durationSeconds !== undefined) row.duration_seconds = changes.durationSeconds
  if (changes.displaySize !== undefined) {
    row.width = changes.displaySize?.width ?? null
    row.height = changes.displaySize?.height ?? null
  }
  if (changes.modifiedUs !== undefined) row.modified_us = changes.modifiedUs
  if (changes.uploadedUs !== undefined) row.uploaded_us = changes.uploadedUs
  if (changes.readyUs !== undefined) row.ready_us = changes.readyUs
  if (changes.uploadExpiryUs !== undefined) row.upload_expiry_us = changes.uploadExpiryUs
  if (changes.maxDurationSeconds !== undefined) row.max_duration_seconds = changes.maxDurationSeconds
  if (changes.scheduledDeletionUs !== undefined) row.scheduled_deletion_us = changes.scheduledDeletionUs
  if (changes.allowedOrigins !== undefined) row.allowed_origins = JSON.stringify(changes.allowedOrigins)
  if (changes.requireSignedUrls !== undefined) row.require_signed_urls = changes.requireSignedUrls ? 1 : 0
  if (changes.thumbnailTimestampPct !== undefined) row.thumbnail_timestamp_pct = changes.thumbnailTimestampPct
  if (changes.publicDetails !== undefined) {
    row.public_details = changes.publicDetails === null ? null : JSON.stringify(changes.publicDetails)
  }
  return row
}

/** As names are compared in a search, on both databases alike. */
export function foldName(name: string): string {
  return name.toLowerCase()
}

function metaColumns(meta: JsonObject): Pick<VideosTable, 'meta' | 'name' | 'name_folded'> {
  const name = typeof meta.name === 'string' ? meta.name : null
  return { meta: JSON.stringify(meta), name, name_folded: name === null ? null : foldName(name) }
}

function errorFromRow(row: VideoRow): Video['error'] {
  if (row.error_code === '') return null
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes the column
    reasonCode: row.error_code as ErrorReasonCode,
    reasonText: row.error_text,
    detail: row.error_detail === null ? {} : parseObject(row.error_detail),
  }
}

function parseObject(text: string): JsonObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only objects are written to such columns
  return JSON.parse(text) as JsonObject
}
