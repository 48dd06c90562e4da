/** Every endpoint of the JSON API. */

import type { RequestDeps as CaptionRequestDeps } from '../../core/speech/index.ts'
import type { Endpoint } from '../endpoint.ts'
import { type AudioTrackEndpointDeps, audioTrackEndpoints } from './audio-tracks.ts'
import { type AccountDeps, accountEndpoints } from './accounts.ts'
import { captionEndpoints } from './captions.ts'
import { type ClipEndpointDeps, clipEndpoints } from './clip.ts'
import { type CopyEndpointDeps, copyEndpoints } from './copy.ts'
import { type DirectUploadDeps, directUploadEndpoints } from './direct-uploads.ts'
import { type DownloadEndpointDeps, downloadEndpoints } from './downloads.ts'
import { type LiveInputEndpointDeps, liveInputEndpoints } from './live-inputs.ts'
import { liveNotificationEndpoints } from './live-notifications.ts'
import { type LiveOutputEndpointDeps, liveOutputEndpoints } from './live-outputs.ts'
import { type SigningKeyDeps, signingKeyEndpoints } from './signing-keys.ts'
import { type ScrubEndpointDeps, scrubEndpoints } from './scrub.ts'
import { type RetryEndpointDeps, retryEndpoints } from './retry.ts'
import { type SessionDeps, sessionEndpoints } from './session.ts'
import { tokenEndpoints } from './tokens.ts'
import { userTokenEndpoints } from './user-tokens.ts'
import { type VideoEventDeps, videoEventEndpoints } from './video-events.ts'
import { type VideoDeps, videoEndpoints } from './videos.ts'
import { type WatermarkDeps, watermarkEndpoints } from './watermarks.ts'
import { type WebhookDeps, webhookEndpoints } from './webhooks.ts'
import { webhookLogEndpoints } from './webhook-log.ts'

export type ApiDeps = VideoDeps &
  AccountDeps &
  RetryEndpointDeps &
  DirectUploadDeps &
  CopyEndpointDeps &
  ClipEndpointDeps &
  SessionDeps &
  VideoEventDeps &
  SigningKeyDeps &
  DownloadEndpointDeps &
  WebhookDeps &
  CaptionRequestDeps &
  WatermarkDeps &
  ScrubEndpointDeps &
  LiveInputEndpointDeps &
  LiveOutputEndpointDeps &
  AudioTrackEndpointDeps

/** The endpoints, in the order in which `/openapi.json` shows them. */
export function apiEndpoints(deps: ApiDeps): Endpoint[] {
  return [
    ...videoEndpoints(deps),
    ...directUploadEndpoints(deps),
    ...copyEndpoints(deps),
    ...clipEndpoints(deps),
    ...signingKeyEndpoints(deps),
    ...captionEndpoints(deps),
    ...watermarkEndpoints(deps),
    ...audioTrackEndpoints(deps),
    ...downloadEndpoints(deps),
    ...liveInputEndpoints(deps),
    ...liveOutputEndpoints(deps),
    ...liveNotificationEndpoints(deps),
    ...webhookEndpoints(deps),
    ...videoEventEndpoints(deps),
    ...retryEndpoints(deps),
    ...webhookLogEndpoints(deps),
    ...userTokenEndpoints(deps),
    ...tokenEndpoints(deps),
    ...accountEndpoints(deps),
    ...scrubEndpoints(deps),
    ...sessionEndpoints(deps),
  ]
}
