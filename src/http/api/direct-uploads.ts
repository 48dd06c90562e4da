/** `client.stream.directUpload`: one-time links for end users; spec §4.10. */

import { z } from 'zod'
import { createFormLink, type UploadLimits } from '../../core/uploads/index.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { formLinkUrl } from '../bytes/form-link.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { headerText } from '../header-text.ts'
import { presentVideo, videoSchema } from '../present-video.ts'
import { videoIsThere } from '../still-there.ts'
import { metaField, timeField, videoFieldsOf } from './video-fields.ts'

export type DirectUploadDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly limits: UploadLimits
}

const { uid, creator, scheduledDeletion, watermark } = videoSchema.shape

/** The endpoint. */
export function directUploadEndpoints(deps: DirectUploadDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/accounts/{account_id}/stream/direct_upload',
      summary: 'One-time link that takes one file of at most 200 MB as multipart/form-data, from anybody',
      tag: 'Videos',
      access: 'account',
      creates: videoIsThere(deps.db),
      bodySchema: z.object({
        maxDurationSeconds: z
          .number()
          .describe('1 to 36,000; reserved from the storage until the true duration is known'),
        expiry: timeField.optional().describe('In the future; default in 30 minutes'),
        creator: z.string().nullable().optional().describe('At most 64 characters'),
        meta: metaField.optional().describe('At most 32 KiB and 100 levels'),
        allowedOrigins: z.array(z.string()).optional().describe('Host patterns, at most 100'),
        requireSignedURLs: z.boolean().optional(),
        thumbnailTimestampPct: z.number().optional().describe('0.0 to 1.0'),
        scheduledDeletion: timeField.nullable().optional().describe('30 to 1,096 days from now'),
        watermark: z.object({ uid: z.string() }).nullable().optional().describe('Profile to be burnt in'),
      }),
      resultSchema: z.object({
        uploadURL: z.url(),
        uid,
        creator: creator.optional(),
        scheduledDeletion,
        watermark,
      }),
      handle: async ({ accountId, body, incoming, publicUrl }) => {
        const video = await createFormLink(deps, {
          ...videoFieldsOf(body),
          accountId,
          maxDurationSeconds: body.maxDurationSeconds,
          expiryUs: body.expiry,
          creator:
            body.creator === undefined
              ? (headerText(incoming, 'upload-creator')?.trim() ?? null)
              : body.creator,
          watermark: body.watermark?.uid,
        })
        const shown = presentVideo(video, publicUrl)
        return answerResult({
          uploadURL: formLinkUrl(publicUrl, video.uid),
          uid: video.uid,
          ...(shown.creator === null ? {} : { creator: shown.creator }),
          scheduledDeletion: shown.scheduledDeletion,
          watermark: shown.watermark,
        })
      },
    }),
  ]
}
