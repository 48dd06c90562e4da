/** The queries of calls and their attempts. */

import type { Selectable } from 'kysely'
import type { Db, Trx, WebhookCallsTable } from '../../tables.ts'
import type { Attempt, Call, CallState } from './call.ts'

/** Adds a call. */
export async function insertCall(trx: Trx, call: Call): Promise<void> {
  await trx
    .insertInto('webhook_calls')
    .values({
      id: call.id,
      account_id: call.accountId,
      subscription_id: call.subscriptionId,
      video_uid: call.videoUid,
      event: call.event,
      state: call.state,
      body: call.body,
      tries: call.tries,
      turn: call.turn,
      due_us: call.dueUs,
      error: call.error,
      created_us: call.createdUs,
      ended_us: call.endedUs,
    })
    .execute()
}

/** The call, or `undefined`. */
export async function getCall(db: Db, id: string): Promise<Call | undefined> {
  const row = await db.selectFrom('webhook_calls').selectAll().where('id', '=', id).executeTakeFirst()
  return row && callFromRow(row)
}

/** What changes of a call. */
export type CallChanges = Partial<Pick<Call, 'state' | 'tries' | 'turn' | 'dueUs' | 'error' | 'endedUs'>>

/** Writes `changes`. */
export async function updateCall(trx: Trx, id: string, changes: CallChanges): Promise<void> {
  await trx
    .updateTable('webhook_calls')
    .set({
      state: changes.state,
      tries: changes.tries,
      turn: changes.turn,
      due_us: changes.dueUs,
      error: changes.error,
      ended_us: changes.endedUs,
    })
    .where('id', '=', id)
    .execute()
}

/** Keeps the body of the first attempt for all that follow; answers the one that is kept. */
export async function keepBody(db: Db, id: string, body: string): Promise<string> {
  await db.updateTable('webhook_calls').set({ body }).where('id', '=', id).where('body', 'is', null).execute()
  const row = await db.selectFrom('webhook_calls').select('body').where('id', '=', id).executeTakeFirst()
  return row?.body ?? body
}

/** Ends what is owed to a subscription that was deleted. */
export async function dropCalls(
  trx: Trx,
  subscriptionId: string,
  options: { error: string; atUs: number },
): Promise<void> {
  await trx
    .updateTable('webhook_calls')
    .set({ state: 'dropped', due_us: null, error: options.error, ended_us: options.atUs })
    .where('subscription_id', '=', subscriptionId)
    .where('state', '=', 'pending')
    .execute()
}

/** Writes down an attempt. */
export async function insertAttempt(trx: Trx, callId: string, attempt: Attempt): Promise<void> {
  await trx
    .insertInto('webhook_attempts')
    .values({
      call_id: callId,
      at_us: attempt.atUs,
      duration_ms: attempt.durationMs,
      host: attempt.host,
      status: attempt.status,
      error: attempt.error,
    })
    .execute()
}

/** Attempts at a call, oldest first. */
export async function listAttempts(db: Db, callId: string): Promise<readonly Attempt[]> {
  const rows = await db
    .selectFrom('webhook_attempts')
    .selectAll()
    .where('call_id', '=', callId)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    atUs: row.at_us,
    durationMs: row.duration_ms,
    host: row.host,
    status: row.status,
    error: row.error,
  }))
}

/** Which calls to list; what is absent does not matter. */
export type CallQuery = {
  readonly accountId: string
  readonly state?: CallState
  readonly videoUid?: string
  readonly subscriptionId?: string
  /** Only older ones than this call. */
  readonly before?: string
  readonly limit: number
}

/** Calls of an account, newest first. */
export async function listCalls(db: Db, query: CallQuery): Promise<readonly Call[]> {
  const { accountId, state, videoUid, subscriptionId, before, limit } = query
  const last = before === undefined ? undefined : await getCall(db, before)
  const rows = await db
    .selectFrom('webhook_calls')
    .selectAll()
    .where('account_id', '=', accountId)
    .$if(state !== undefined, (select) => select.where('state', '=', state ?? 'pending'))
    .$if(videoUid !== undefined, (select) => select.where('video_uid', '=', videoUid ?? ''))
    .$if(subscriptionId !== undefined, (select) => select.where('subscription_id', '=', subscriptionId ?? ''))
    .$if(before !== undefined, (select) =>
      select.where((where) =>
        where(where.refTuple('created_us', 'id'), '<', where.tuple(last?.createdUs ?? 0, before ?? '')),
      ),
    )
    .orderBy('created_us', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(callFromRow)
}

/** Forgets calls that ended before then, and their attempts. */
export async function forgetCalls(db: Db, beforeUs: number): Promise<void> {
  await db.deleteFrom('webhook_calls').where('ended_us', '<', beforeUs).execute()
}

function callFromRow(row: Selectable<WebhookCallsTable>): Call {
  return {
    id: row.id,
    accountId: row.account_id,
    subscriptionId: row.subscription_id,
    videoUid: row.video_uid,
    event: row.event,
    state: row.state,
    body: row.body,
    tries: row.tries,
    turn: row.turn,
    dueUs: row.due_us,
    error: row.error,
    createdUs: row.created_us,
    endedUs: row.ended_us,
  }
}
