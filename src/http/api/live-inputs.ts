/** `client.stream.liveInputs`: where broadcasts are published to (api.md §12, live.md §1). */

import { z } from 'zod'
import {
  createLiveInput,
  deleteLiveInput,
  editLiveInput,
  findStatus,
  type LiveInput,
  type LiveInputDeps,
  listLiveInputs,
  requireLiveInput,
  rotateKeys,
  setEnabled,
} from '../../core/live-inputs/index.ts'
import { listVideos } from '../../core/videos/index.ts'
import { type Answer, answerList, answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import type { HttpSettings } from '../http-settings.ts'
import type { FindLivePorts } from '../live-addresses.ts'
import {
  liveInputSchema,
  listedInputSchema,
  presentListedInput,
  presentLiveInput,
} from '../present-live-input.ts'
import { presentVideo, videoSchema } from '../present-video.ts'
import { liveInputIsThere } from '../still-there.ts'
import { queryBoolean } from './query-fields.ts'
import { metaField } from './video-fields.ts'

export type LiveInputEndpointDeps = LiveInputDeps & {
  readonly livePorts: FindLivePorts
  readonly settings: Pick<HttpSettings, 'liveInputList'>
}

/** Path of the list; outputs lie below it. */
export const LIVE_INPUTS = '/accounts/{account_id}/stream/live_inputs'
const INPUT = `${LIVE_INPUTS}/{input}`
const SHARED = { tag: 'Live inputs', access: 'account' } as const
/** Videos in one answer. */
const MOST_VIDEOS = 1_000

const bodySchema = z.object({
  enabled: z.boolean().optional().describe('Whether it takes broadcasts; default true'),
  meta: metaField.optional().describe('Replaces the stored one; `name` is the name for people'),
  defaultCreator: z
    .string()
    .nullable()
    .optional()
    .describe('Becomes the `creator` of recordings; at most 64 characters'),
  deleteRecordingAfterDays: z
    .number()
    .nullable()
    .optional()
    .describe('30 to 1,096 days after a recording is ready; null = never'),
  preferLowLatency: z.boolean().optional().describe('Players follow by LL-HLS; default false'),
  recording: z
    .object({
      mode: z.string().optional().describe('`off` (default) or `automatic`'),
      timeoutSeconds: z
        .number()
        .nullable()
        .optional()
        .describe('0 to 86,400: how long a broadcast waits for its publisher; 0 = as long as usual'),
      requireSignedURLs: z.boolean().optional(),
      allowedOrigins: z.array(z.string()).nullable().optional().describe('Host patterns; null = any page'),
      hideLiveViewerCount: z.boolean().optional(),
    })
    .optional(),
})

/** The endpoints. */
export function liveInputEndpoints(deps: LiveInputEndpointDeps): Endpoint[] {
  const answer: AnswerInput = async (input, publicUrl) =>
    answerResult(
      presentLiveInput(input, {
        status: await findStatus(deps.db, input.uid),
        publicUrl,
        ports: deps.livePorts(),
      }),
    )
  return [
    list(deps),
    create(deps, answer),
    details(deps, answer),
    edit(deps, answer),
    remove(deps),
    enable(deps, answer, true),
    enable(deps, answer, false),
    rotate(deps, answer),
    videos(deps),
  ]
}

type AnswerInput = (input: LiveInput, publicUrl: string) => Promise<Answer>

function list(deps: LiveInputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: LIVE_INPUTS,
    summary: 'Live inputs, newest first, without their keys',
    querySchema: z.object({ include_counts: queryBoolean.optional().describe('Adds total and range') }),
    resultSchema: z.union([
      z.array(listedInputSchema),
      z.object({ liveInputs: z.array(listedInputSchema), total: z.int(), range: z.int() }),
    ]),
    handle: async ({ accountId, query }) => {
      const inputs = (await listLiveInputs(deps.db, accountId)).map(presentListedInput)
      const counts = { total: inputs.length, range: inputs.length }
      // V! in api.md §12: the service answers a bare array, the types of the SDK want an object.
      if (deps.settings.liveInputList === 'object') return answerResult({ liveInputs: inputs, ...counts })
      return answerResult(inputs, query.include_counts ? counts : {})
    },
  })
}

function create(deps: LiveInputEndpointDeps, answer: AnswerInput): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: LIVE_INPUTS,
    creates: liveInputIsThere(deps.db),
    summary: 'Makes a live input; the answer has everything that is needed to publish to it',
    bodySchema,
    resultSchema: liveInputSchema,
    handle: async ({ accountId, body, publicUrl }) =>
      answer(await createLiveInput(deps, accountId, toFields(body)), publicUrl),
  })
}

function details(deps: LiveInputEndpointDeps, answer: AnswerInput): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: INPUT,
    summary: 'One live input, with its keys and its status',
    resultSchema: liveInputSchema,
    handle: async ({ accountId, params, publicUrl }) =>
      answer(await requireLiveInput(deps.db, accountId, params.input ?? ''), publicUrl),
  })
}

function edit(deps: LiveInputEndpointDeps, answer: AnswerInput): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'PUT',
    path: INPUT,
    summary: 'Changes the given fields of a live input, also inside `recording`',
    bodySchema,
    resultSchema: liveInputSchema,
    handle: async ({ accountId, params, body, publicUrl }) =>
      answer(await editLiveInput(deps, accountId, params.input ?? '', toFields(body)), publicUrl),
  })
}

function toFields({ recording, ...fields }: z.output<typeof bodySchema>) {
  if (recording === undefined) return fields
  const { requireSignedURLs, ...rest } = recording
  return { ...fields, recording: { ...rest, requireSignedUrls: requireSignedURLs } }
}

function remove(deps: LiveInputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'DELETE',
    path: INPUT,
    summary: 'Removes a live input and its outputs, and cuts its broadcast; its recordings stay',
    resultSchema: z.literal(''),
    handle: async ({ accountId, params }) => {
      await deleteLiveInput(deps, accountId, params.input ?? '')
      return answerResult('')
    },
  })
}

function enable(deps: LiveInputEndpointDeps, answer: AnswerInput, enabled: boolean): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: `${INPUT}/${enabled ? 'enable' : 'disable'}`,
    summary: enabled ? 'Takes broadcasts again' : 'Takes no broadcasts, and cuts the one that runs',
    resultSchema: liveInputSchema,
    handle: async ({ accountId, params, publicUrl }) =>
      answer(await setEnabled(deps, accountId, params.input ?? '', enabled), publicUrl),
  })
}

function rotate(deps: LiveInputEndpointDeps, answer: AnswerInput): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: `${INPUT}/rotate_keys`,
    summary: 'Makes all keys anew; whoever came with an old one is cut',
    resultSchema: liveInputSchema,
    handle: async ({ accountId, params, publicUrl }) =>
      answer(await rotateKeys(deps, accountId, params.input ?? ''), publicUrl),
  })
}

function videos(deps: LiveInputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: `${INPUT}/videos`,
    summary: 'What was recorded, newest first, with the running broadcast',
    resultSchema: z.array(videoSchema),
    handle: async ({ accountId, params, publicUrl }) => {
      const { uid } = await requireLiveInput(deps.db, accountId, params.input ?? '')
      const found = await listVideos(deps.db, accountId, {
        liveInput: uid,
        ascending: false,
        limit: MOST_VIDEOS,
        withTotal: false,
      })
      return await answerList(found.videos, (video) => presentVideo(video, publicUrl))
    },
  })
}
