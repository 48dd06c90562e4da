/** The videos themselves: list, details, edit, delete, embed code, storage; spec §4. */

import { z } from 'zod'
import {
  deleteVideo,
  editVideo,
  type ListQuery,
  listVideos,
  requireVideo,
  storageUsage,
} from '../../core/videos/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Jobs } from '../../jobs/job.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { answerList, answerResult, answerText, type Endpoint, endpoint } from '../endpoint.ts'
import type { HttpSettings } from '../http-settings.ts'
import { presentVideo, videoSchema } from '../present-video.ts'
import { queryBoolean, queryInteger, queryList, queryTime } from './query-fields.ts'
import { metaField, publicDetailsField, timeField, videoFieldsOf } from './video-fields.ts'

export type VideoDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly settings: HttpSettings
}

const STREAM = '/accounts/{account_id}/stream'
const VIDEO = `${STREAM}/{uid}`
const SHARED = { tag: 'Videos', access: 'account' } as const

/** What an unlimited allocation is reported as (spec §4.7). */
const UNLIMITED_MINUTES = 2_147_483_647

const state = videoSchema.shape.status.shape.state

/** The endpoints. */
export function videoEndpoints(deps: VideoDeps): Endpoint[] {
  return [list(deps), uploadForTheRecord(), usage(deps), details(deps), edit(deps), remove(deps), embed(deps)]
}

const listQuery = z.object({
  status: queryList
    .pipe(z.array(state, { error: 'must be a video state, or several separated by commas' }))
    .optional(),
  type: z.enum(['vod', 'live'], { error: 'must be vod or live' }).optional(),
  creator: z.string().max(64, 'may have at most 64 characters').optional(),
  video_name: z.string().optional().describe('Exact match of meta.name'),
  search: z.string().optional().describe('Part of meta.name, in any case'),
  name: queryList.optional().describe('Exact match of meta.name or of the uid, any of the list'),
  id: queryList.optional(),
  live_input_id: z.string().optional(),
  start: queryTime.optional(),
  after: queryTime.optional().describe('Same as start'),
  end: queryTime.optional(),
  before: queryTime.optional().describe('Same as end'),
  asc: queryBoolean.optional().describe('Oldest first'),
  include_counts: queryBoolean.optional().describe('Adds total and range'),
  limit: queryInteger(1, 1000, 'is too large: results are limited to 1000 entries per request').optional(),
})

function list(deps: VideoDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: STREAM,
    summary: 'Videos, newest first',
    querySchema: listQuery,
    resultSchema: z.array(videoSchema),
    handle: async ({ accountId, query, publicUrl }) => {
      const { videos, total } = await listVideos(deps.db, accountId, toListQuery(query))
      const extras = query.include_counts ? { total, range: videos.length } : {}
      return await answerList(videos, (video) => presentVideo(video, publicUrl), extras)
    },
  })
}

function toListQuery(query: z.output<typeof listQuery>): ListQuery {
  return {
    states: query.status,
    type: query.type,
    creator: query.creator,
    videoName: query.video_name,
    search: query.search,
    names: query.name,
    ids: query.id,
    liveInput: query.live_input_id,
    startUs: query.start ?? query.after,
    endUs: query.end ?? query.before,
    ascending: query.asc ?? false,
    withTotal: query.include_counts ?? false,
    limit: query.limit ?? 1000,
  }
}

/** `POST` on the list is an upload: `http/bytes/tus.ts` and `form.ts` serve it. */
function uploadForTheRecord(): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: STREAM,
    summary: 'Begins a tus upload (with `Tus-Resumable`), or takes a whole file as multipart/form-data',
    servedElsewhere: true,
    handle: () => {
      throw new HeadwaterError('not_built_yet', 'This process takes no uploads: its roles leave out `api`.')
    },
  })
}

function usage(deps: VideoDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: `${STREAM}/storage-usage`,
    summary: 'Minutes of video stored, and reserved for uploads to come',
    querySchema: z.object({ creator: z.string().max(64, 'may have at most 64 characters').optional() }),
    resultSchema: z.object({
      creator: z.string().optional(),
      totalStorageMinutes: z.number(),
      totalStorageMinutesLimit: z.int(),
      videoCount: z.int(),
    }),
    handle: async ({ accountId, query }) => {
      const { storageMinutes } = deps.settings
      const { creator } = query
      const nowUs = deps.clock.nowUs()
      const used = await storageUsage(deps.db, { accountId, creator, nowUs, storageMinutes })
      return answerResult({
        ...(creator === undefined ? {} : { creator }),
        totalStorageMinutes: (used.storedSeconds + used.reservedSeconds) / 60,
        totalStorageMinutesLimit: used.allocatedMinutes ?? UNLIMITED_MINUTES,
        videoCount: used.videoCount,
      })
    },
  })
}

function details(deps: VideoDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: VIDEO,
    summary: 'One video',
    resultSchema: videoSchema,
    handle: async ({ accountId, uid, publicUrl }) =>
      answerResult(presentVideo(await requireVideo(deps.db, uid, accountId), publicUrl)),
  })
}

function edit(deps: VideoDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: VIDEO,
    summary: 'Changes the given fields of a video',
    bodySchema: z.object({
      uid: z.string().optional().describe('If given, the one in the path'),
      creator: z.string().nullable().optional().describe('At most 64 characters; null or "" clears it'),
      meta: metaField.optional().describe('Replaces the stored one; at most 32 KiB and 100 levels'),
      allowedOrigins: z.array(z.string()).optional().describe('Host patterns, at most 100; replaces'),
      requireSignedURLs: z.boolean().optional(),
      thumbnailTimestampPct: z.number().optional().describe('0.0 to 1.0'),
      scheduledDeletion: timeField
        .nullable()
        .optional()
        .describe('30 to 1,096 days after the creation; null = never'),
      maxDurationSeconds: z.number().optional().describe('1 to 36,000; only while the upload is pending'),
      uploadExpiry: timeField.optional().describe('Only while the upload is pending'),
      publicDetails: publicDetailsField.optional(),
    }),
    resultSchema: videoSchema,
    handle: async ({ accountId, uid, body, publicUrl }) => {
      if (body.uid !== undefined && body.uid !== uid) {
        throw new HeadwaterError('bad_request', '`uid` must be the one in the path, or be left out.', {
          facts: { field: 'uid' },
        })
      }
      const { storageMinutes } = deps.settings
      const video = await editVideo({ ...deps, storageMinutes }, accountId, uid, {
        ...videoFieldsOf(body),
        maxDurationSeconds: body.maxDurationSeconds,
        uploadExpiryUs: body.uploadExpiry,
        publicDetails: body.publicDetails,
      })
      return answerResult(presentVideo(video, publicUrl))
    },
  })
}

function remove(deps: VideoDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'DELETE',
    path: VIDEO,
    summary: 'Removes a video and everything made from it',
    resultSchema: z.literal(''),
    handle: async ({ accountId, uid }) => {
      await deleteVideo(deps, accountId, uid)
      return answerResult('')
    },
  })
}

function embed(deps: VideoDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: `${VIDEO}/embed`,
    summary: 'One line of HTML that shows the player',
    contentType: 'text/html',
    handle: async ({ accountId, uid, publicUrl }) => {
      const video = await requireVideo(deps.db, uid, accountId)
      return answerText(
        'text/html; charset=utf-8',
        `<stream id="${video.uid}"></stream><script data-cfasync="false" defer type="text/javascript" src="${publicUrl}/embed/v1.latest.js"></script>`,
      )
    },
  })
}
