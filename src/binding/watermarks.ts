/** `watermarks`: the profiles of the account; api.md §11, §14. */

import type { CallApi } from './api-call.ts'
import { type ByteStream, readStream } from './read-stream.ts'
import {
  type ClassifyRefusal,
  InvalidURLError,
  NotFoundError,
  TooManyWatermarksError,
} from './stream-error.ts'
import { type ApiWatermark, type StreamWatermark, toStreamWatermark } from './stream-video.ts'

/** How the image lies on the picture; numbers from 0 to 1. */
export type StreamWatermarkCreateParams = {
  name?: string
  opacity?: number
  padding?: number
  scale?: number
  position?: StreamWatermark['position']
}

/** Watermark profiles. */
export type StreamWatermarks = {
  /** From a PNG of at most 2 MiB: its bytes, or the address where the server finds it. */
  generate(input: ByteStream | string, params: StreamWatermarkCreateParams): Promise<StreamWatermark>
  list(): Promise<StreamWatermark[]>
  get(watermarkId: string): Promise<StreamWatermark>
  /** Videos that have the mark keep it. */
  delete(watermarkId: string): Promise<void>
}

const IMAGE_MAX_BYTES = 2_097_152

/** How the API begins the refusal of one profile too many, a 400 as others are; docs/errors.md. */
const TOO_MANY = 'Bad Request: too many watermarks'

/** A 400 that points at `url` is about the address. */
const classify: ClassifyRefusal = ({ statusCode, pointer, message }) => {
  if (statusCode !== 400) return undefined
  if (message.startsWith(TOO_MANY)) return TooManyWatermarksError
  return pointer === '/url' ? InvalidURLError : undefined
}

/** Makes it. */
export function createWatermarks(call: CallApi): StreamWatermarks {
  return {
    generate: async (input, params) => {
      const body =
        typeof input === 'string'
          ? { json: { ...params, url: input } }
          : { form: await toForm(input, params) }
      const made = await call<ApiWatermark>({ method: 'POST', path: '/watermarks', classify, ...body })
      return toStreamWatermark(made)
    },
    list: async () => {
      const profiles = await call<ApiWatermark[]>({ method: 'GET', path: '/watermarks' })
      return profiles.map(toStreamWatermark)
    },
    get: async (id) => toStreamWatermark(await call<ApiWatermark>({ method: 'GET', path: pathOf(id) })),
    delete: async (id) => {
      await call({ method: 'DELETE', path: pathOf(id) })
    },
  }
}

async function toForm(image: ByteStream, params: StreamWatermarkCreateParams): Promise<FormData> {
  const form = new FormData()
  for (const [name, value] of Object.entries(params))
    if (value !== undefined) form.append(name, String(value))
  form.append('file', await readStream(image, IMAGE_MAX_BYTES), 'watermark.png')
  return form
}

function pathOf(id: string): string {
  if (/^[0-9a-f]{32}$/.test(id)) return `/watermarks/${id}`
  throw new NotFoundError('Not Found: no watermark has this id.', { code: 10003, statusCode: 404 })
}
