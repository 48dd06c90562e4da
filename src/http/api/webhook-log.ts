/** Our own calls for the log of webhook calls: what was told to whom, what came of it, and telling it again. */

import { z } from 'zod'
import {
  type Attempt,
  type Call,
  CALL_STATES,
  LIVE_EVENTS,
  listAttempts,
  listCalls,
  replayCall,
  requireCall,
  WEBHOOK_EVENTS,
  type WebhookDeps,
} from '../../core/webhooks/index.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { queryInteger } from './query-fields.ts'

const PATH = '/accounts/{account_id}/headwater/webhook-calls'
const MOST_CALLS = 1_000
const DEFAULT_CALLS = 100

const time = z.iso.datetime()
const state = z
  .enum(CALL_STATES)
  .describe('`pending`: another attempt is planned; `dropped`: its webhook or video was deleted before it')

const callSchema = z.object({
  id: z.string().describe('Sent as `Headwater-Call`'),
  webhook: z.string().describe('Id of the webhook, or the live notification, it is for'),
  uid: z.string().describe('The video, or the live input'),
  event: z.enum([...WEBHOOK_EVENTS, ...LIVE_EVENTS]).describe('Sent as `Headwater-Event`'),
  state,
  created: time,
  ended: time.nullable(),
  nextAttempt: time.nullable(),
  error: z.string().nullable().describe('Why the last attempt failed'),
})

const attemptSchema = z.object({
  at: time,
  durationMs: z.int(),
  host: z.string(),
  status: z.int().nullable().describe('Of the answer; null when none came'),
  error: z.string().nullable().describe('null when it was a success'),
})

const wholeCallSchema = callSchema.extend({
  attempts: z.array(attemptSchema).describe('Oldest first'),
  body: z.string().nullable().describe('What every attempt sends; null before the first'),
})

/** The endpoints. */
export function webhookLogEndpoints(deps: WebhookDeps): Endpoint[] {
  const shared = { tag: 'Webhooks', access: 'account' } as const
  return [
    endpoint({
      ...shared,
      method: 'GET',
      path: PATH,
      summary: 'Webhook calls, newest first, until 7 days after their end',
      querySchema: z.object({
        state: state.optional(),
        uid: z.string().optional().describe('Only those about this video or live input'),
        webhook: z.string().optional().describe('Only those for this webhook'),
        before: z.string().optional().describe('Id of a call: only older ones'),
        limit: queryInteger(1, MOST_CALLS, `must be a whole number from 1 to ${MOST_CALLS}`)
          .optional()
          .describe(`1 to ${MOST_CALLS}; default ${DEFAULT_CALLS}`),
      }),
      resultSchema: z.array(callSchema),
      handle: async ({ accountId, query }) => {
        const calls = await listCalls(deps.db, {
          accountId,
          state: query.state,
          videoUid: query.uid,
          subscriptionId: query.webhook,
          before: query.before,
          limit: query.limit ?? DEFAULT_CALLS,
        })
        return answerResult(calls.map(presentCall))
      },
    }),
    endpoint({
      ...shared,
      method: 'GET',
      path: `${PATH}/{call_id}`,
      summary: 'A webhook call with its body and every attempt',
      resultSchema: wholeCallSchema,
      handle: async ({ accountId, params }) => {
        const call = await requireCall(deps.db, accountId, params.call_id ?? '')
        const attempts = await listAttempts(deps.db, call.id)
        return answerResult({
          ...presentCall(call),
          attempts: attempts.map(presentAttempt),
          body: call.body,
        } satisfies z.output<typeof wholeCallSchema>)
      },
    }),
    endpoint({
      ...shared,
      method: 'POST',
      path: `${PATH}/{call_id}/replay`,
      summary: 'Makes a webhook call again at once: the same body, with all of its retries',
      resultSchema: callSchema,
      handle: async ({ accountId, params }) =>
        answerResult(presentCall(await replayCall(deps, accountId, params.call_id ?? ''))),
    }),
  ]
}

function presentCall(call: Call): z.output<typeof callSchema> {
  return {
    id: call.id,
    webhook: call.subscriptionId,
    uid: call.videoUid,
    event: call.event,
    state: call.state,
    created: formatTimestamp(call.createdUs),
    ended: presentTime(call.endedUs),
    nextAttempt: presentTime(call.dueUs),
    error: call.error,
  }
}

function presentAttempt({ atUs, durationMs, host, status, error }: Attempt): z.output<typeof attemptSchema> {
  return { at: formatTimestamp(atUs), durationMs, host, status, error }
}

function presentTime(us: number | null): string | null {
  return us === null ? null : formatTimestamp(us)
}
