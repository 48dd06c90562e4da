/** Sets who is told of an account's broadcasts; the inputs it names must be there (live.md §10). */

import { HeadwaterError } from '../../lib/failure.ts'
import {
  type LiveNotification,
  type NewLiveNotification,
  putLiveNotification,
  type WebhookDeps,
} from '../webhooks/index.ts'
import { listLiveInputs } from './live-input-records.ts'

/** As `putLiveNotification`; throws `bad_request` for an input that the account does not have, too. */
export async function setNotification(
  deps: WebhookDeps,
  request: NewLiveNotification,
): Promise<LiveNotification> {
  const { accountId, inputs = [] } = request
  const known = new Set((await listLiveInputs(deps.db, accountId)).map(({ uid }) => uid))
  if (inputs.some((uid) => !known.has(uid))) {
    throw new HeadwaterError(
      'bad_request',
      'inputs must be uids of live inputs of this account; leave it out, or empty, for all.',
      { facts: { field: 'inputs' } },
    )
  }
  return putLiveNotification(deps, request)
}
