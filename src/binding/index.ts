/**
 * `headwater/binding`: what a Worker calls `env.STREAM`, for programs that run anywhere and talk to a server of
 * Headwater. The face is that of `StreamBinding` in `@cloudflare/workers-types`; api.md §14. Nothing here needs more than
 * `fetch`, so it runs in Node from 20 on, in Workers and in browsers' kin alike; scripts/build-binding.ts makes the plain
 * JavaScript that other programs import.
 */

export { StreamBinding, type StreamBindingOptions } from './stream-binding.ts'
export {
  AlreadyUploadedError,
  BadRequestError,
  ForbiddenError,
  InternalError,
  InvalidURLError,
  MaxFileSizeError,
  NotFoundError,
  QuotaReachedError,
  RateLimitedError,
  StreamError,
  TooManyWatermarksError,
} from './stream-error.ts'
export type { StreamPaginationComparison, StreamVideos, StreamVideosListParams } from './list-videos.ts'
export type { ByteStream } from './read-stream.ts'
export type {
  StreamDirectUpload,
  StreamDirectUploadCreateParams,
  StreamUrlUploadParams,
} from './stream-binding.ts'
export type {
  StreamCaption,
  StreamDownload,
  StreamDownloadGetResponse,
  StreamDownloadType,
  StreamScopedCaptions,
  StreamScopedDownloads,
  StreamUpdateVideoParams,
  StreamVideoHandle,
} from './video-handle.ts'
export type { StreamPublicDetails, StreamVideo, StreamWatermark } from './stream-video.ts'
export type { StreamWatermarkCreateParams, StreamWatermarks } from './watermarks.ts'
