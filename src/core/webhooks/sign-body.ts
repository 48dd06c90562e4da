/** The signature by which a receiver knows that a call is ours and new (webhooks.md §3.1). */

import { createHmac } from 'node:crypto'

/** Value of `Webhook-Signature` for `body`, sent at `timeSeconds` (Unix). The secret's text is the key, undecoded. */
export function signBody(secret: string, timeSeconds: number, body: Uint8Array): string {
  const hash = createHmac('sha256', Buffer.from(secret, 'utf8')).update(`${timeSeconds}.`).update(body)
  return `time=${timeSeconds},sig1=${hash.digest('hex')}`
}
