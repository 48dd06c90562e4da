/** The log of calls, and making one of them again. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { Call } from './call.ts'
import { forgetCalls, getCall, updateCall } from './call-records.ts'
import { type OutboxDeps, planAttempt } from './record-calls.ts'
import { findReceiver } from './receiver.ts'

/** How long a call is kept after its end (webhooks.md §4). */
const KEPT_US = 7 * 86_400_000_000

/** The call. Throws `not_found` when the account has none of that id (any more). */
export async function requireCall(db: Db, accountId: string, id: string): Promise<Call> {
  const call = await getCall(db, id)
  if (call?.accountId === accountId) return call
  throw new HeadwaterError(
    'not_found',
    'There is no such webhook call; calls are kept for 7 days after their end.',
  )
}

/**
 * Makes the call again at once, with the body it had and with all of its retries; one that waits for its next attempt
 * waits no longer. Throws `not_found`, and `conflict` when its subscription is gone.
 */
export async function replayCall(
  deps: OutboxDeps & { readonly db: Db },
  accountId: string,
  id: string,
): Promise<Call> {
  return deps.db.transaction().execute(async (trx) => {
    const call = await requireCall(trx, accountId, id)
    const receiver = await findReceiver(trx, call.subscriptionId)
    if (receiver === undefined) {
      throw new HeadwaterError('conflict', 'The webhook that this call was for was deleted.')
    }
    const dueUs = deps.clock.nowUs()
    const changes = { state: 'pending', tries: 0, turn: call.turn + 1, dueUs, endedUs: null } as const
    await updateCall(trx, id, changes)
    await planAttempt(trx, deps, receiver, { id, turn: changes.turn, dueUs })
    return { ...call, ...changes }
  })
}

/** Forgets calls that ended long enough ago. */
export async function sweepCalls(deps: { readonly db: Db; readonly clock: Clock }): Promise<void> {
  await forgetCalls(deps.db, deps.clock.nowUs() - KEPT_US)
}
