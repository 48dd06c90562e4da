/** `client.stream.webhooks`: the account's webhook (webhooks.md §1), and our own calls for more of them. */

import { z } from 'zod'
import {
  createSubscription,
  deleteSubscription,
  listSubscriptions,
  MAIN_EVENTS,
  MAIN_PLACE,
  putMainSubscription,
  requireMainSubscription,
  type Subscription,
  WEBHOOK_EVENTS,
  type WebhookDeps,
} from '../../core/webhooks/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { webhookIsThere } from '../still-there.ts'

export type { WebhookDeps } from '../../core/webhooks/index.ts'

const STREAM_PATH = '/accounts/{account_id}/stream/webhook'
const OWN_PATH = '/accounts/{account_id}/headwater/webhooks'

const time = z.iso.datetime()
const target = z.string().describe('http or https, at most 2,048 characters')
const events = z
  .array(z.enum(WEBHOOK_EVENTS))
  .min(1, 'must name at least one event')
  .describe('`ready`: it plays; `error`: it failed; `complete`: all of its qualities are made')

/** What the vendor's API shows, in both spellings that its clients know. */
const mainSchema = z.object({
  notificationUrl: z.string(),
  notification_url: z.string(),
  modified: time,
  secret: z.string().describe('Key of the signature, as text'),
})

const subscriptionSchema = z.object({
  id: z.string(),
  url: z.string(),
  secret: z.string().describe('Key of the signature, as text'),
  events,
  main: z.boolean().describe('Whether it is the one that `stream/webhook` sets'),
  created: time,
  modified: time,
})

/** The endpoints. */
export function webhookEndpoints(deps: WebhookDeps): Endpoint[] {
  return [...mainEndpoints(deps), ...ownEndpoints(deps)]
}

function mainEndpoints(deps: WebhookDeps): Endpoint[] {
  const shared = { path: STREAM_PATH, tag: 'Webhooks', access: 'account' } as const
  return [
    endpoint({
      ...shared,
      method: 'PUT',
      summary: 'Sets the address that is called when a video is ready or has failed; makes a new secret',
      bodySchema: z.object({ notificationUrl: target.optional(), notification_url: target.optional() }),
      resultSchema: mainSchema,
      handle: async ({ accountId, body, publicUrl }) => {
        const field = body.notificationUrl === undefined ? 'notification_url' : 'notificationUrl'
        const url = body[field]
        if (url === undefined) {
          throw new HeadwaterError('bad_request', '`notificationUrl` is missing: the address to be called.', {
            facts: { field: 'notificationUrl' },
          })
        }
        const made = await putMainSubscription(deps, { accountId, url, field, baseUrl: publicUrl })
        return answerResult(presentMain(made))
      },
    }),
    endpoint({
      ...shared,
      method: 'GET',
      summary: 'The webhook, with its secret',
      resultSchema: mainSchema,
      handle: async ({ accountId }) =>
        answerResult(presentMain(await requireMainSubscription(deps.db, accountId))),
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      summary: 'Ends the webhook; calls that are owed to it are dropped',
      resultSchema: z.literal('ok'),
      handle: async ({ accountId }) => {
        const { id } = await requireMainSubscription(deps.db, accountId)
        await deleteSubscription(deps, accountId, id)
        return answerResult('ok')
      },
    }),
  ]
}

function ownEndpoints(deps: WebhookDeps): Endpoint[] {
  const shared = { tag: 'Webhooks', access: 'account' } as const
  return [
    endpoint({
      ...shared,
      method: 'GET',
      path: OWN_PATH,
      summary: 'Every webhook of the account, the main one first',
      resultSchema: z.array(subscriptionSchema),
      handle: async ({ accountId }) =>
        answerResult((await listSubscriptions(deps.db, accountId)).map(presentSubscription)),
    }),
    endpoint({
      ...shared,
      method: 'POST',
      path: OWN_PATH,
      creates: webhookIsThere(deps.db),
      summary: 'Adds a webhook beside the main one, with a secret of its own; at most five',
      bodySchema: z.object({ url: target, events: events.default([...MAIN_EVENTS]) }),
      resultSchema: subscriptionSchema,
      handle: async ({ accountId, body, publicUrl }) => {
        const made = await createSubscription(deps, {
          accountId,
          ...body,
          field: 'url',
          baseUrl: publicUrl,
        })
        return answerResult(presentSubscription(made))
      },
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      path: `${OWN_PATH}/{webhook_id}`,
      summary: 'Ends a webhook; calls that are owed to it are dropped',
      resultSchema: z.object({ id: z.string() }),
      handle: async ({ accountId, params }) => {
        const id = params.webhook_id ?? ''
        await deleteSubscription(deps, accountId, id)
        return answerResult({ id })
      },
    }),
  ]
}

function presentMain({ url, secret, modifiedUs }: Subscription): z.output<typeof mainSchema> {
  return { notificationUrl: url, notification_url: url, modified: formatTimestamp(modifiedUs), secret }
}

function presentSubscription(subscription: Subscription): z.output<typeof subscriptionSchema> {
  const { id, url, secret, place, createdUs, modifiedUs } = subscription
  return {
    id,
    url,
    secret,
    events: [...subscription.events],
    main: place === MAIN_PLACE,
    created: formatTimestamp(createdUs),
    modified: formatTimestamp(modifiedUs),
  }
}
