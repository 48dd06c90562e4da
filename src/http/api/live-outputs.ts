/** `client.stream.liveInputs.outputs`: where broadcasts are sent on to (api.md §12, live.md §8). */

import { z } from 'zod'
import {
  createOutput,
  deleteOutput,
  findStatuses,
  type LiveInputDeps,
  type LiveOutput,
  type LiveStatusHistory,
  listOutputs,
  requireLiveInput,
  setOutputEnabled,
} from '../../core/live-inputs/index.ts'
import type { Fetcher } from '../../ports.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { liveStatusSchema, presentLiveStatus } from '../present-live-status.ts'
import { liveOutputIsThere } from '../still-there.ts'
import { LIVE_INPUTS } from './live-inputs.ts'

export type LiveOutputEndpointDeps = LiveInputDeps & { readonly fetcher: Fetcher }

const OUTPUTS = `${LIVE_INPUTS}/{input}/outputs`
const OUTPUT = `${OUTPUTS}/{output}`
const SHARED = { tag: 'Live inputs', access: 'account' } as const

const outputSchema = z.object({
  uid: z.string().regex(/^[0-9a-f]{32}$/),
  url: z.string(),
  streamKey: z.string(),
  enabled: z.boolean(),
  status: liveStatusSchema,
})

export type PresentedOutput = z.output<typeof outputSchema>

/** The endpoints. */
export function liveOutputEndpoints(deps: LiveOutputEndpointDeps): Endpoint[] {
  return [list(deps), create(deps), edit(deps), remove(deps)]
}

function list(deps: LiveOutputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: OUTPUTS,
    summary: 'Outputs of a live input, oldest first, with their keys and statuses',
    resultSchema: z.array(outputSchema),
    handle: async ({ accountId, params }) => {
      const { uid } = await requireLiveInput(deps.db, accountId, params.input ?? '')
      const outputs = await listOutputs(deps.db, uid)
      const statuses = await findStatuses(
        deps.db,
        outputs.map((output) => output.uid),
      )
      return answerResult(outputs.map((output) => presentOutput(output, statuses)))
    },
  })
}

function create(deps: LiveOutputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: OUTPUTS,
    creates: liveOutputIsThere(deps.db),
    summary: 'Adds an output, also to a running broadcast; at most 50',
    bodySchema: z.object({
      url: z.string().describe('rtmp, rtmps or srt'),
      streamKey: z.string().describe('Appended to the address; for srt the stream id, which may be empty'),
      enabled: z.boolean().default(true),
    }),
    resultSchema: outputSchema,
    handle: async ({ accountId, params, body }) =>
      answerResult(
        presentOutput(await createOutput(deps, { accountId, inputUid: params.input ?? '' }, body)),
      ),
  })
}

function edit(deps: LiveOutputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'PUT',
    path: OUTPUT,
    summary: 'Turns an output on or off, at once; nothing else of it can be changed',
    bodySchema: z.object({ enabled: z.boolean() }),
    resultSchema: outputSchema,
    handle: async ({ accountId, params, body }) => {
      const output = await setOutputEnabled(deps, toPath(accountId, params), body.enabled)
      return answerResult(presentOutput(output, await findStatuses(deps.db, [output.uid])))
    },
  })
}

function remove(deps: LiveOutputEndpointDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'DELETE',
    path: OUTPUT,
    summary: 'Removes an output, which is disconnected at once',
    resultSchema: z.literal(''),
    handle: async ({ accountId, params }) => {
      await deleteOutput(deps, toPath(accountId, params))
      return answerResult('')
    },
  })
}

function toPath(accountId: string, params: Readonly<Record<string, string>>) {
  return { accountId, inputUid: params.input ?? '', uid: params.output ?? '' }
}

function presentOutput(
  output: LiveOutput,
  statuses: ReadonlyMap<string, LiveStatusHistory> = new Map(),
): z.output<typeof outputSchema> {
  const { uid, url, streamKey, enabled } = output
  return { uid, url, streamKey, enabled, status: presentLiveStatus(statuses.get(uid) ?? null) }
}
