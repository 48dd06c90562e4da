/** Our own call for a video that has failed: once more, from the file as it was received. */

import { type RetryDeps, retryVideo } from '../../core/ingest/index.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { presentVideo, videoSchema } from '../present-video.ts'

export type RetryEndpointDeps = RetryDeps

/** The endpoint. */
export function retryEndpoints(deps: RetryEndpointDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/accounts/{account_id}/headwater/videos/{uid}/retry',
      summary: 'Processes a failed video again, from the file as it was received',
      tag: 'Dashboard',
      access: 'account',
      resultSchema: videoSchema,
      handle: async ({ accountId, uid, publicUrl }) =>
        answerResult(presentVideo(await retryVideo(deps, accountId, uid), publicUrl)),
    }),
  ]
}
