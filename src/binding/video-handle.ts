/** `video(id)`: what can be done with one video; api.md §14. */

import type { CallApi } from './api-call.ts'
import { type ByteStream, readStream } from './read-stream.ts'
import { badRequest, NotFoundError } from './stream-error.ts'
import { type ApiVideo, type StreamFailure, type StreamVideo, toStreamVideo } from './stream-video.ts'

/** What can be changed; absent = unchanged. api.md §3.2. */
export type StreamUpdateVideoParams = {
  allowedOrigins?: string[]
  creator?: string
  /** Seconds, 1 to 36,000; only while nothing has been uploaded. */
  maxDurationSeconds?: number
  meta?: Record<string, string>
  requireSignedURLs?: boolean
  /** RFC 3339; null removes it. */
  scheduledDeletion?: string | null
  /** 0 to 1. */
  thumbnailTimestampPct?: number
}

/** One video; making it asks nothing. A call for an id that does not exist throws `NotFoundError`. */
export type StreamVideoHandle = {
  id: string
  details(): Promise<StreamVideo>
  update(params: StreamUpdateVideoParams): Promise<StreamVideo>
  delete(): Promise<void>
  /** A token that plays this video for an hour. */
  generateToken(): Promise<string>
  downloads: StreamScopedDownloads
  captions: StreamScopedCaptions
}

export type StreamDownloadType = 'default' | 'audio'

/** A file to download; `percentComplete` from 0 to 100. */
export type StreamDownload = {
  percentComplete: number
  status: 'ready' | 'inprogress' | 'error'
  url?: string
}

export type StreamDownloadGetResponse = { audio?: StreamDownload; default?: StreamDownload }

/** Files to download; api.md §8. */
export type StreamScopedDownloads = {
  /** Answers the download of that type; default `default`. */
  generate(downloadType?: StreamDownloadType): Promise<StreamDownloadGetResponse>
  get(): Promise<StreamDownloadGetResponse>
  delete(downloadType?: StreamDownloadType): Promise<void>
}

/** Captions of one language. */
export type StreamCaption = {
  generated?: boolean
  label: string
  language: string
  status?: 'ready' | 'inprogress' | 'error'
  /** Not in the official interface; only in `error`. */
  failure?: StreamFailure
}

/** Captions, each under its BCP 47 tag; api.md §6. */
export type StreamScopedCaptions = {
  /** WebVTT, at most 10 MiB. */
  upload(language: string, input: ByteStream): Promise<StreamCaption>
  generate(language: string): Promise<StreamCaption>
  /** With a language: its one entry. */
  list(language?: string): Promise<StreamCaption[]>
  delete(language: string): Promise<void>
}

const CAPTION_MAX_BYTES = 10_485_760

/** Makes the handle of `id`. */
export function createVideoHandle(call: CallApi, id: string): StreamVideoHandle {
  const path = () => pathOf(id)
  return {
    id,
    details: async () => toStreamVideo(await call<ApiVideo>({ method: 'GET', path: path() })),
    update: async (params) =>
      toStreamVideo(await call<ApiVideo>({ method: 'POST', path: path(), json: params })),
    delete: async () => {
      await call({ method: 'DELETE', path: path() })
    },
    generateToken: async () => {
      const { token } = await call<{ token: string }>({ method: 'POST', path: `${path()}/token` })
      return token
    },
    downloads: createDownloads(call, path),
    captions: createCaptions(call, path),
  }
}

function createDownloads(call: CallApi, path: () => string): StreamScopedDownloads {
  const pathOfType = (type: StreamDownloadType) => {
    if (type !== 'default' && type !== 'audio') throw badRequest('a download is of type default or audio.')
    return `${path()}/downloads/${type}`
  }
  return {
    generate: async (type = 'default') => call({ method: 'POST', path: pathOfType(type) }),
    get: async () => call({ method: 'GET', path: `${path()}/downloads` }),
    delete: async (type = 'default') => {
      await call({ method: 'DELETE', path: pathOfType(type) })
    },
  }
}

function createCaptions(call: CallApi, path: () => string): StreamScopedCaptions {
  const pathOfLanguage = (language: string) => {
    if (!/^[\w-]+$/.test(language)) throw badRequest('a language is a tag as in BCP 47, such as en or pt-BR.')
    return `${path()}/captions/${language}`
  }
  return {
    upload: async (language, input) => {
      const target = pathOfLanguage(language)
      const form = new FormData()
      form.append('file', await readStream(input, CAPTION_MAX_BYTES), `${language}.vtt`)
      return call({ method: 'PUT', path: target, form })
    },
    generate: async (language) => call({ method: 'POST', path: `${pathOfLanguage(language)}/generate` }),
    list: async (language) => {
      if (language === undefined) return call({ method: 'GET', path: `${path()}/captions` })
      return [await call<StreamCaption>({ method: 'GET', path: pathOfLanguage(language) })]
    },
    delete: async (language) => {
      await call({ method: 'DELETE', path: pathOfLanguage(language) })
    },
  }
}

/** Any other text could name another resource (`copy`, `..`), so it is answered as the server answers unknown ids. */
function pathOf(id: string): string {
  if (/^[0-9a-f]{32}$/.test(id)) return `/${id}`
  throw new NotFoundError('Not Found: no video has this id.', { code: 10003, statusCode: 404 })
}
