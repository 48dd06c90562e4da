/** Sets and ends the live notification of an account, and owes its calls. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Trx } from '../../tables.ts'
import { dropCalls } from './call-records.ts'
import { checkTarget } from './check-target.ts'
import { type LiveNews, type LiveNotification, writeNews } from './live-notification.ts'
import {
  deleteLiveNotificationRow,
  findLiveNotification,
  keepLiveNotification,
  requireLiveNotification,
} from './live-notification-records.ts'
import { type OutboxDeps, recordCall } from './record-calls.ts'
import { LIVE_PLACE, type WebhookDeps } from './subscription.ts'

export type NewLiveNotification = {
  readonly accountId: string
  readonly name?: string | undefined
  readonly url: string
  /** Absent: the one there was, or a new one. */
  readonly secret?: string | undefined
  /** Uids of inputs of the account; absent or none: all. */
  readonly inputs?: readonly string[] | undefined
}

const MOST_NAME_CHARACTERS = 100
const DEFAULT_NAME = 'Live inputs'

/** Sets it, or changes the one there is; what is owed goes to the new address. Throws `bad_request`. */
export async function putLiveNotification(
  deps: WebhookDeps,
  request: NewLiveNotification,
): Promise<LiveNotification> {
  const { accountId, url, inputs = [] } = request
  const name = checkName(request.name ?? DEFAULT_NAME)
  if (request.secret !== undefined) checkSecret(request.secret)
  await checkTarget(deps, url, 'url')
  return deps.db.transaction().execute(async (trx) => {
    const found = await findLiveNotification(trx, accountId)
    const nowUs = deps.clock.nowUs()
    const made: LiveNotification = {
      id: found?.id ?? deps.clock.newUid(),
      accountId,
      name,
      url,
      secret: request.secret ?? found?.secret ?? deps.clock.newUid(),
      inputs: [...new Set(inputs)],
      createdUs: found?.createdUs ?? nowUs,
      modifiedUs: nowUs,
    }
    await keepLiveNotification(trx, made)
    return made
  })
}

/** Ends it; what is owed is dropped. Throws `not_found`. */
export async function deleteLiveNotification(
  deps: Pick<WebhookDeps, 'db' | 'clock'>,
  accountId: string,
): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    const { id } = await requireLiveNotification(trx, accountId)
    await deleteLiveNotificationRow(trx, id)
    await dropCalls(trx, id, { error: 'The live notification was deleted.', atUs: deps.clock.nowUs() })
  })
}

/** Owes a call about an input to whoever is told of its account's broadcasts, if anybody is. */
export async function recordLiveCall(trx: Trx, deps: OutboxDeps, news: LiveNews): Promise<void> {
  const { accountId, inputUid, event } = news
  const found = await findLiveNotification(trx, accountId)
  if (found === undefined || (found.inputs.length > 0 && !found.inputs.includes(inputUid))) return
  const body = writeNews(found.name, news, deps.clock.nowUs())
  await recordCall(
    trx,
    deps,
    { id: found.id, place: LIVE_PLACE },
    { accountId, subject: inputUid, event, body },
  )
}

function checkName(name: string): string {
  const characters = Array.from(name.trim()).length
  if (characters >= 1 && characters <= MOST_NAME_CHARACTERS) return name.trim()
  throw new HeadwaterError(
    'bad_request',
    `name has 1 to ${MOST_NAME_CHARACTERS} characters, this one has ${characters}.`,
    { facts: { field: 'name' } },
  )
}

/** It becomes the value of a header (RFC 9110 §5.5). */
function checkSecret(secret: string): void {
  if (/^[!-~]{1,256}$/.test(secret)) return
  throw new HeadwaterError('bad_request', 'secret has 1 to 256 visible ASCII characters without spaces.', {
    facts: { field: 'secret' },
  })
}
