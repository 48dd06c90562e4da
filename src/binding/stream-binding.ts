/** `env.STREAM` itself; api.md §14. */

import { type ApiOptions, type CallApi, createApi } from './api-call.ts'
import { createVideos, type StreamVideos } from './list-videos.ts'
import { AlreadyUploadedError, type ClassifyRefusal } from './stream-error.ts'
import {
  type ApiVideo,
  type ApiWatermark,
  type StreamVideo,
  type StreamWatermark,
  toStreamVideo,
  toStreamWatermark,
} from './stream-video.ts'
import { createVideoHandle, type StreamVideoHandle } from './video-handle.ts'
import { createWatermarks, type StreamWatermarks } from './watermarks.ts'

/** Named as in the official SDK: `baseURL`, `accountId`, `apiToken`, and `fetch` where the platform's will not do. */
export type StreamBindingOptions = ApiOptions

/** What may be said of a video when it is made; api.md §3.2. */
type NewVideoParams = {
  allowedOrigins?: string[]
  creator?: string
  meta?: Record<string, string>
  requireSignedURLs?: boolean
  /** RFC 3339, 30 to 1,096 days ahead. */
  scheduledDeletion?: string | null
  /** 0 to 1. */
  thumbnailTimestampPct?: number
}

/** For `upload`. */
export type StreamUrlUploadParams = NewVideoParams & { watermarkId?: string }

/** For `createDirectUpload`. */
export type StreamDirectUploadCreateParams = NewVideoParams & {
  /** 1 to 36,000. */
  maxDurationSeconds: number
  /** RFC 3339; default in 30 minutes. */
  expiry?: string
  watermark?: { id: string }
}

/** A one-time link: one `POST` of a form with the part `file`, at most 200 MB, without credentials. */
export type StreamDirectUpload = {
  uploadURL: string
  id: string
  watermark: StreamWatermark | null
  scheduledDeletion: string | null
}

type ApiDirectUpload = {
  uploadURL: string
  uid: string
  watermark?: ApiWatermark | null
  scheduledDeletion?: string | null
}

const classify: ClassifyRefusal = ({ statusCode }) => (statusCode === 409 ? AlreadyUploadedError : undefined)

/** The binding. Every call throws a `StreamError` or one of its kinds; none is repeated by itself. */
export class StreamBinding {
  readonly videos: StreamVideos
  readonly watermarks: StreamWatermarks
  readonly #call: CallApi

  /** Asks nothing yet. Throws a TypeError for options that cannot work. */
  constructor(options: StreamBindingOptions) {
    this.#call = createApi(options)
    this.videos = createVideos(this.#call)
    this.watermarks = createWatermarks(this.#call)
  }

  /** The handle of one video; nothing is asked, so `id` need not exist. */
  video(id: string): StreamVideoHandle {
    return createVideoHandle(this.#call, id)
  }

  /** Has the server fetch a video from `url`; answers it as `downloading`. */
  async upload(url: string, params: StreamUrlUploadParams = {}): Promise<StreamVideo> {
    const { watermarkId, ...fields } = params
    const watermark = watermarkId === undefined ? undefined : { uid: watermarkId }
    const json = { ...fields, input: url, watermark }
    const video = await this.#call<ApiVideo>({ method: 'POST', path: '/copy', json, classify })
    return toStreamVideo(video)
  }

  /** Makes a one-time link for an end user. */
  async createDirectUpload(params: StreamDirectUploadCreateParams): Promise<StreamDirectUpload> {
    const watermark = params.watermark === undefined ? undefined : { uid: params.watermark.id }
    const made = await this.#call<ApiDirectUpload>({
      method: 'POST',
      path: '/direct_upload',
      json: { ...params, watermark },
    })
    return {
      uploadURL: made.uploadURL,
      id: made.uid,
      watermark: made.watermark ? toStreamWatermark(made.watermark) : null,
      scheduledDeletion: made.scheduledDeletion ?? null,
    }
  }
}
