/**
 * The writable fields of a video as bodies send them: their JSON types. The rules of their values are the core's
 * (`core/videos/video-fields.ts`), where uploads obey them too.
 */

import { z } from 'zod'
import type { JsonObject, VideoFields } from '../../core/videos/index.ts'
import { parseTimestamp } from '../../lib/timestamp.ts'

/** A time, as microseconds since 1970. */
export const timeField = z
  .string()
  .transform((text, context) => {
    const us = parseTimestamp(text)
    if (us !== undefined) return us
    context.addIssue({ code: 'custom', message: 'must be a time as in RFC 3339, e.g. 2026-11-20T18:04:05Z' })
    return z.NEVER
  })
  .describe('RFC 3339')

/** Any JSON object. */
export const metaField = z.record(z.string(), z.unknown()).transform((meta) => meta as JsonObject)

/** The fields that a video may have from its creation on, named as the core does. */
export function videoFieldsOf(body: {
  readonly creator?: string | null
  readonly meta?: JsonObject
  readonly allowedOrigins?: readonly string[]
  readonly requireSignedURLs?: boolean
  readonly thumbnailTimestampPct?: number
  readonly scheduledDeletion?: number | null
}): VideoFields {
  return {
    creator: body.creator,
    meta: body.meta,
    allowedOrigins: body.allowedOrigins,
    requireSignedUrls: body.requireSignedURLs,
    thumbnailTimestampPct: body.thumbnailTimestampPct,
    scheduledDeletionUs: body.scheduledDeletion,
  }
}

const detail = z.string().nullable().optional()

/** What the player shows about the video; null clears a member. `media_id` is read-only and ignored. */
export const publicDetailsField = z.object({
  title: detail,
  share_link: detail,
  channel_link: detail,
  logo: detail,
})
