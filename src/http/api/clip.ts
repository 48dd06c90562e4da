/** Clips; spec §4.9. */

import { z } from 'zod'
import { type ClipDeps, createClip } from '../../core/clips/index.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { presentVideo, videoSchema } from '../present-video.ts'
import { videoIsThere } from '../still-there.ts'
import { metaField, timeField, videoFieldsOf } from './video-fields.ts'

export type ClipEndpointDeps = ClipDeps

/** The endpoints. */
export function clipEndpoints(deps: ClipEndpointDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/accounts/{account_id}/stream/clip',
      summary: 'Cuts a new video from a part of one that is ready',
      tag: 'Videos',
      access: 'account',
      creates: videoIsThere(deps.db),
      bodySchema: z.object({
        clippedFromVideoUID: z.string().describe('The video to cut from'),
        startTimeSeconds: z.int().min(0).describe('Whole seconds; the first picture is the one shown then'),
        endTimeSeconds: z
          .int()
          .describe('Whole seconds, greater than the start; at most the duration, rounded up'),
        name: z.string().optional().describe('meta.name, where a given meta has none'),
        meta: metaField.optional().describe('That of the source if absent; at most 32 KiB and 100 levels'),
        creator: z
          .string()
          .nullable()
          .optional()
          .describe('That of the source if absent; at most 64 characters'),
        allowedOrigins: z.array(z.string()).optional().describe('Those of the source if absent; at most 100'),
        requireSignedURLs: z.boolean().optional().describe('As the source if absent'),
        scheduledDeletion: timeField.nullable().optional().describe('30 to 1,096 days from now'),
        thumbnailTimestampPct: z.number().optional().describe('0.0 to 1.0'),
        watermark: z.object({ uid: z.string().optional() }).nullable().optional(),
        input: z.string().optional().describe('Ignored'),
        url: z.string().optional().describe('Ignored'),
      }),
      resultSchema: videoSchema.extend({
        clippedFromVideoUID: z.string(),
        startTimeSeconds: z.int(),
        endTimeSeconds: z.int(),
      }),
      handle: async ({ accountId, body, publicUrl }) => {
        const { clippedFromVideoUID, startTimeSeconds, endTimeSeconds } = body
        const video = await createClip(deps, {
          accountId,
          sourceUid: clippedFromVideoUID,
          startSeconds: startTimeSeconds,
          endSeconds: endTimeSeconds,
          name: body.name,
          watermark: body.watermark?.uid,
          fields: videoFieldsOf(body),
        })
        return answerResult({
          ...presentVideo(video, publicUrl),
          clippedFromVideoUID,
          startTimeSeconds,
          endTimeSeconds,
        })
      },
    }),
  ]
}
