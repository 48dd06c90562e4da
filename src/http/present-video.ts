/** The video object of the API; spec §3. The schema below types it and describes it in `/openapi.json`. */

import { z } from 'zod'
import type { Video } from '../core/videos/index.ts'
import { formatTimestamp } from '../lib/timestamp.ts'
import { failureSchema, presentFailure } from './present-failure.ts'
import { presentWatermark, watermarkSchema } from './present-watermark.ts'

const time = z.iso.datetime().describe('UTC, microseconds')
const uid = z.string().regex(/^[0-9a-f]{32}$/)

/** The shape of one video as clients see it. */
export const videoSchema = z.object({
  uid,
  creator: z.string().max(64).nullable(),
  thumbnail: z.url(),
  thumbnailTimestampPct: z.number().min(0).max(1),
  readyToStream: z.boolean(),
  readyToStreamAt: time.nullable(),
  status: z.object({
    state: z.enum([
      'pendingupload',
      'downloading',
      'queued',
      'inprogress',
      'ready',
      'error',
      'live-inprogress',
    ]),
    step: z.enum(['encoding', 'manifest']).optional(),
    pctComplete: z.string().optional(),
    errorReasonCode: z.string(),
    errorReasonText: z.string(),
    failure: failureSchema.optional().describe('Ours; only in `error`'),
  }),
  meta: z.record(z.string(), z.unknown()),
  created: time,
  modified: time,
  scheduledDeletion: time.nullable(),
  size: z.int(),
  preview: z.url(),
  allowedOrigins: z.array(z.string()),
  requireSignedURLs: z.boolean(),
  uploaded: time.nullable(),
  uploadExpiry: time.nullable(),
  maxSizeBytes: z.int().nullable(),
  maxDurationSeconds: z.int().nullable(),
  duration: z.number(),
  input: z.object({ width: z.int(), height: z.int() }),
  playback: z.object({ hls: z.url(), dash: z.url() }),
  watermark: watermarkSchema.nullable(),
  liveInput: uid.optional(),
  clippedFrom: uid.optional(),
  publicDetails: z
    .object({
      title: z.string().nullable().optional(),
      share_link: z.string().nullable().optional(),
      channel_link: z.string().nullable().optional(),
      logo: z.string().nullable().optional(),
    })
    .optional(),
})

export type PresentedVideo = z.output<typeof videoSchema>

/** `video` as clients see it; `publicUrl` has no trailing slash. */
export function presentVideo(video: Video, publicUrl: string): PresentedVideo {
  const base = `${publicUrl}/${video.uid}`
  return {
    uid: video.uid,
    creator: video.creator,
    thumbnail: `${base}/thumbnails/thumbnail.jpg`,
    thumbnailTimestampPct: video.thumbnailTimestampPct,
    readyToStream: video.state === 'ready',
    readyToStreamAt: presentTime(video.readyUs),
    status: presentStatus(video),
    meta: { ...video.meta },
    created: formatTimestamp(video.createdUs),
    modified: formatTimestamp(video.modifiedUs),
    scheduledDeletion: presentTime(video.scheduledDeletionUs),
    size: video.sizeBytes,
    preview: `${base}/watch`,
    allowedOrigins: [...video.allowedOrigins],
    requireSignedURLs: video.requireSignedUrls,
    uploaded: presentTime(video.uploadedUs),
    uploadExpiry: presentTime(video.uploadExpiryUs),
    maxSizeBytes: null,
    maxDurationSeconds: video.maxDurationSeconds,
    duration: video.durationSeconds ?? -1,
    input: { width: video.displaySize?.width ?? -1, height: video.displaySize?.height ?? -1 },
    playback: { hls: `${base}/manifest/video.m3u8`, dash: `${base}/manifest/video.mpd` },
    watermark: video.watermark && presentWatermark(video.watermark),
    ...(video.liveInput === null ? {} : { liveInput: video.liveInput }),
    ...(video.clippedFrom === null ? {} : { clippedFrom: video.clippedFrom }),
    ...(video.publicDetails === null ? {} : { publicDetails: { ...video.publicDetails } }),
  }
}

/**
 * Spec §3.1: `step` only while encoding or after it failed, `pctComplete` only once encoding began; a source that was
 * refused at first sight failed before that.
 */
function presentStatus(video: Video): PresentedVideo['status'] {
  const { state, step, pctComplete } = video
  const hasBegun = pctComplete !== null && (state !== 'error' || pctComplete > 0)
  const showsStep = step !== null && (state === 'inprogress' || (state === 'error' && hasBegun))
  return {
    state,
    ...(showsStep ? { step } : {}),
    ...(hasBegun ? { pctComplete: pctComplete.toFixed(6) } : {}),
    errorReasonCode: video.error?.reasonCode ?? '',
    errorReasonText: video.error?.reasonText ?? '',
    ...(video.error === null ? {} : { failure: presentFailure(video.error) }),
  }
}

function presentTime(us: number | null): string | null {
  return us === null ? null : formatTimestamp(us)
}
