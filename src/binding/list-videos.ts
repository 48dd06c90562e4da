/** `videos.list`: the binding compares in five ways, HTTP knows "from" and "before" (api.md §4.1, §14). */

import { formatTimestamp, parseTimestamp } from '../lib/timestamp.ts'
import type { CallApi } from './api-call.ts'
import { badRequest } from './stream-error.ts'
import { type ApiVideo, type StreamVideo, toStreamVideo } from './stream-video.ts'

/** How a video's time of creation is compared with the one given. */
export type StreamPaginationComparison = 'eq' | 'gt' | 'gte' | 'lt' | 'lte'

/** Which videos; times are RFC 3339. */
export type StreamVideosListParams = {
  /** 1 to 1,000; default 1,000. */
  limit?: number
  before?: string
  /** Default `lt`. */
  beforeComp?: StreamPaginationComparison
  after?: string
  /** Default `gte`. */
  afterComp?: StreamPaginationComparison
}

/** The videos of the account. */
export type StreamVideos = {
  /** Newest first. */
  list(params?: StreamVideosListParams): Promise<StreamVideo[]>
}

/** Makes it. */
export function createVideos(call: CallApi): StreamVideos {
  return {
    list: async (params = {}) => {
      const query = { limit: params.limit?.toString(), ...toWindow(params) }
      const videos = await call<ApiVideo[]>({ method: 'GET', path: '', query })
      return videos.map(toStreamVideo)
    },
  }
}

/** Both conditions as the half-open window that HTTP takes; it has microseconds, as every `created` has. */
function toWindow(params: StreamVideosListParams): { start?: string; end?: string } {
  const bounds = [
    ...toBounds('before', params.before, params.beforeComp ?? 'lt'),
    ...toBounds('after', params.after, params.afterComp ?? 'gte'),
  ]
  const starts = bounds.flatMap(({ startUs }) => startUs ?? [])
  const ends = bounds.flatMap(({ endUs }) => endUs ?? [])
  return {
    ...(starts.length === 0 ? {} : { start: formatTimestamp(Math.max(...starts)) }),
    ...(ends.length === 0 ? {} : { end: formatTimestamp(Math.min(...ends)) }),
  }
}

/** `startUs` is included, `endUs` is not. */
type Bounds = { readonly startUs?: number; readonly endUs?: number }

function toBounds(name: string, text: string | undefined, comparison: StreamPaginationComparison): Bounds[] {
  if (text === undefined) return []
  const floorUs = parseTimestamp(text)
  if (floorUs === undefined) throw badRequest(`${name} must be a time as in RFC 3339.`)
  // RFC3339Nano: a time between two microseconds equals none of them.
  const ceilingUs = /\.\d{6}\d*[1-9]/.test(text) ? floorUs + 1 : floorUs
  const afterUs = floorUs + 1
  const bounds: Readonly<Record<StreamPaginationComparison, Bounds>> = {
    eq: { startUs: ceilingUs, endUs: afterUs },
    gt: { startUs: afterUs },
    gte: { startUs: ceilingUs },
    lt: { endUs: ceilingUs },
    lte: { endUs: afterUs },
  }
  if (!Object.hasOwn(bounds, comparison)) throw badRequest(`${name}Comp must be eq, gt, gte, lt or lte.`)
  return [bounds[comparison]]
}
