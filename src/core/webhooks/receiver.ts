/** Who is called: a webhook of the account, or who is told of its broadcasts. */

import type { Db } from '../../tables.ts'
import { getLiveNotification } from './live-notification-records.ts'
import { signBody } from './sign-body.ts'
import { LIVE_PLACE } from './subscription.ts'
import { getSubscription } from './subscription-records.ts'

export type Receiver = {
  readonly id: string
  /** Which slot its calls have. */
  readonly place: number
  readonly url: string
  /** Base of the addresses in bodies that are yet to be written, without a trailing slash. */
  readonly baseUrl: string
  /** Headers by which it knows that a call is ours. `timeSeconds`: Unix. */
  readonly authenticate: (body: Uint8Array, timeSeconds: number) => Readonly<Record<string, string>>
}

/** The receiver of that id; `undefined` when it was deleted. */
export async function findReceiver(db: Db, id: string): Promise<Receiver | undefined> {
  const subscription = await getSubscription(db, id)
  if (subscription !== undefined) {
    const { place, url, baseUrl, secret } = subscription
    return {
      id,
      place,
      url,
      baseUrl,
      authenticate: (body, timeSeconds) => ({ 'webhook-signature': signBody(secret, timeSeconds, body) }),
    }
  }
  const notification = await getLiveNotification(db, id)
  if (notification === undefined) return undefined
  const { url, secret } = notification
  return {
    id,
    place: LIVE_PLACE,
    url,
    baseUrl: '',
    // live.md §10: as the vendor's notification service does.
    authenticate: () => ({ 'cf-webhook-auth': secret }),
  }
}
