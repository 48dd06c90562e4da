/** Files of a video to download; spec §8. */

import { z } from 'zod'
import {
  createDownload,
  deleteDownload,
  type Download,
  DOWNLOAD_FILES,
  type DownloadDeps,
  type DownloadType,
  getDownloads,
} from '../../core/downloads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'

export type DownloadEndpointDeps = DownloadDeps

const PATH = '/accounts/{account_id}/stream/{uid}/downloads'
const TYPED_PATH = `${PATH}/{type}`

const downloadSchema = z.object({
  status: z.enum(['inprogress', 'ready', 'error']),
  percentComplete: z.number().describe('0 to 100'),
  url: z.url().describe('Where the file is once it is ready'),
})

const downloadsSchema = z.object({
  default: downloadSchema.optional().describe('MP4: the best picture and the sound'),
  audio: downloadSchema.optional().describe('M4A: the sound alone'),
})

type PresentedDownloads = z.output<typeof downloadsSchema>

/** The endpoints. */
export function downloadEndpoints(deps: DownloadEndpointDeps): Endpoint[] {
  const common = { tag: 'Downloads', access: 'account' } as const
  const create = async (
    request: { accountId: string; uid: string; publicUrl: string },
    type: DownloadType,
  ) => {
    const { accountId, uid, publicUrl } = request
    const download = await createDownload(deps, { accountId, uid, type })
    return answerResult(presentDownloads([download], publicUrl))
  }
  const remove = async ({ accountId, uid }: { accountId: string; uid: string }, type: DownloadType) => {
    await deleteDownload(deps, { accountId, uid, type })
    return answerResult('ok')
  }
  return [
    endpoint({
      ...common,
      method: 'GET',
      path: PATH,
      summary: 'The files of a video that were asked for, and how far they are',
      resultSchema: downloadsSchema,
      handle: async ({ accountId, uid, publicUrl }) =>
        answerResult(presentDownloads(await getDownloads(deps.db, { accountId, uid }), publicUrl)),
    }),
    endpoint({
      ...common,
      method: 'POST',
      path: PATH,
      summary: 'Has the MP4 file made; asking again tells how far it is',
      resultSchema: downloadsSchema,
      handle: (call) => create(call, 'default'),
    }),
    endpoint({
      ...common,
      method: 'DELETE',
      path: PATH,
      summary: 'Deletes the MP4 file',
      resultSchema: z.literal('ok'),
      handle: (call) => remove(call, 'default'),
    }),
    endpoint({
      ...common,
      method: 'POST',
      path: TYPED_PATH,
      summary: 'Has the file of that type made (default: MP4, audio: M4A); asking again tells how far it is',
      resultSchema: downloadsSchema,
      handle: (call) => create(call, readType(call.params.type)),
    }),
    endpoint({
      ...common,
      method: 'DELETE',
      path: TYPED_PATH,
      summary: 'Deletes the file of that type',
      resultSchema: z.literal('ok'),
      handle: (call) => remove(call, readType(call.params.type)),
    }),
  ]
}

function readType(text: string | undefined): DownloadType {
  if (text === 'default' || text === 'audio') return text
  throw new HeadwaterError('no_route', 'Downloads are of type default or audio.')
}

function presentDownloads(downloads: readonly Download[], publicUrl: string): PresentedDownloads {
  return Object.fromEntries(
    downloads.map(({ type, state, percentComplete, videoUid }) => [
      type,
      {
        status: state,
        url: `${publicUrl}/${videoUid}/downloads/${DOWNLOAD_FILES[type].name}`,
        percentComplete,
      },
    ]),
  )
}
