/**
 * Who is told of the account's broadcasts (live.md §10). The vendor sets it in a notification service of its own, which we
 * have not; so the address is ours.
 */

import { z } from 'zod'
import { setNotification } from '../../core/live-inputs/index.ts'
import {
  deleteLiveNotification,
  type LiveNotification,
  requireLiveNotification,
  type WebhookDeps,
} from '../../core/webhooks/index.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'

const PATH = '/accounts/{account_id}/headwater/live-notification'
const SHARED = { path: PATH, tag: 'Live inputs', access: 'account' } as const

const notificationSchema = z.object({
  id: z.string().describe('Names it in the log of webhook calls'),
  name: z.string(),
  url: z.string(),
  secret: z.string().describe('Sent as `cf-webhook-auth`'),
  inputs: z.array(z.string()).describe('Live inputs it tells of; none = all'),
  created: z.iso.datetime(),
  modified: z.iso.datetime(),
})

/** The endpoints. */
export function liveNotificationEndpoints(deps: WebhookDeps): Endpoint[] {
  return [
    endpoint({
      ...SHARED,
      method: 'PUT',
      summary: 'Sets the address that is called when a live input is connected, disconnected or at fault',
      bodySchema: z.object({
        name: z.string().optional().describe('At most 100 characters; sent along'),
        url: z.string().describe('http or https, at most 2,048 characters'),
        secret: z
          .string()
          .optional()
          .describe('At most 256 visible ASCII characters; default: the one there was, or a new one'),
        inputs: z.array(z.string()).optional().describe('Live inputs to tell of; default: all'),
      }),
      resultSchema: notificationSchema,
      handle: async ({ accountId, body }) =>
        answerResult(presentNotification(await setNotification(deps, { accountId, ...body }))),
    }),
    endpoint({
      ...SHARED,
      method: 'GET',
      summary: 'The live notification, with its secret',
      resultSchema: notificationSchema,
      handle: async ({ accountId }) =>
        answerResult(presentNotification(await requireLiveNotification(deps.db, accountId))),
    }),
    endpoint({
      ...SHARED,
      method: 'DELETE',
      summary: 'Ends the live notification; calls that are owed to it are dropped',
      resultSchema: z.literal('ok'),
      handle: async ({ accountId }) => {
        await deleteLiveNotification(deps, accountId)
        return answerResult('ok')
      },
    }),
  ]
}

function presentNotification(notification: LiveNotification): z.output<typeof notificationSchema> {
  const { id, name, url, secret, inputs, createdUs, modifiedUs } = notification
  return {
    id,
    name,
    url,
    secret,
    inputs: [...inputs],
    created: formatTimestamp(createdUs),
    modified: formatTimestamp(modifiedUs),
  }
}
