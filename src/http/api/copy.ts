/** Upload from a URL; spec §4.8. */

import { z } from 'zod'
import { type CopyDeps, createCopy } from '../../core/copy/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { headerText } from '../header-text.ts'
import { presentVideo, videoSchema } from '../present-video.ts'
import { videoIsThere } from '../still-there.ts'
import { metaField, timeField, videoFieldsOf } from './video-fields.ts'

export type CopyEndpointDeps = CopyDeps

/** The endpoints. */
export function copyEndpoints(deps: CopyEndpointDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/accounts/{account_id}/stream/copy',
      summary: 'Uploads from a URL: the video exists at once, its file is fetched afterwards',
      tag: 'Videos',
      access: 'account',
      creates: videoIsThere(deps.db),
      bodySchema: z.object({
        input: z.string().optional().describe('Address of the file, http or https; user info is Basic auth'),
        url: z.string().optional().describe('Older name of input'),
        name: z.string().optional().describe('Older way to give meta.name'),
        meta: metaField
          .optional()
          .describe('meta.name defaults to the name of the file; at most 32 KiB and 100 levels'),
        creator: z.string().nullable().optional().describe('At most 64 characters'),
        allowedOrigins: z.array(z.string()).optional().describe('Host patterns, at most 100'),
        requireSignedURLs: z.boolean().optional(),
        scheduledDeletion: timeField.nullable().optional().describe('30 to 1,096 days from now'),
        thumbnailTimestampPct: z.number().optional().describe('0.0 to 1.0'),
        watermark: z.object({ uid: z.string().optional() }).nullable().optional(),
      }),
      resultSchema: videoSchema,
      handle: async ({ accountId, body, incoming, publicUrl }) => {
        const url = body.input ?? body.url
        if (url === undefined) {
          throw new HeadwaterError('bad_request', '`input` (or `url`) is missing: the address of the file.', {
            facts: { field: 'input' },
          })
        }
        const video = await createCopy(deps, {
          accountId,
          url,
          name: body.name,
          watermark: body.watermark?.uid,
          fields: videoFieldsOf(body),
          headers: {
            metadata: headerText(incoming, 'upload-metadata'),
            creator: headerText(incoming, 'upload-creator'),
          },
        })
        return answerResult(presentVideo(video, publicUrl))
      },
    }),
  ]
}
