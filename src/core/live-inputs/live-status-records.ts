/**
 * The queries of statuses. A status of an input that is told to somebody owes its call in the same transaction
 * (live.md §10). What is recorded of an input or output that has been deleted meanwhile is nothing, so nothing is left over.
 */

import type { Selectable } from 'kysely'
import type { Jobs } from '../../jobs/job.ts'
import type { Clock } from '../../ports.ts'
import type { Db, LiveStatusesTable, Trx } from '../../tables.ts'
import { type LiveError, recordLiveCall } from '../webhooks/index.ts'
import { getLiveInput } from './live-input-records.ts'
import { findOutput } from './live-output-records.ts'
import { type LiveReason, type LiveStatus, type LiveStatusHistory, MOST_HISTORY } from './live-status.ts'

export type RecordStatusDeps = { readonly clock: Clock; readonly jobs: Jobs }

/**
 * Enters a state, and owes the calls about it. `subject`: uid of an input or an output; of what there is no more nothing is
 * recorded.
 */
export async function recordStatus(
  trx: Trx,
  deps: RecordStatusDeps,
  subject: string,
  status: Pick<LiveStatus, 'state' | 'reason' | 'protocol'>,
): Promise<void> {
  const input = await getLiveInput(trx, subject)
  if (input === undefined && (await findOutput(trx, subject)) === undefined) return
  const before = await findStatus(trx, subject)
  const nowUs = deps.clock.nowUs()
  await trx
    .insertInto('live_statuses')
    .values({
      subject,
      state: status.state,
      reason: status.reason,
      protocol: status.protocol,
      entered_us: nowUs,
      last_seen_us: status.state === 'connected' ? nowUs : null,
    })
    .execute()
  await trx
    .deleteFrom('live_statuses')
    .where('subject', '=', subject)
    .where('id', 'not in', newest(trx, subject).select('id'))
    .execute()
  const event = eventOf(before?.current, status)
  if (input === undefined || event === undefined) return
  await recordLiveCall(trx, deps, { accountId: input.accountId, inputUid: subject, event })
}

/** Owes the calls about what is wrong with a broadcast (live.md §10). Of an input that is gone nothing is told. */
export async function recordErrored(
  trx: Trx,
  deps: RecordStatusDeps,
  inputUid: string,
  error: LiveError,
): Promise<void> {
  const input = await getLiveInput(trx, inputUid)
  if (input === undefined) return
  const { accountId } = input
  await recordLiveCall(trx, deps, { accountId, inputUid, event: 'live_input.errored', error })
}

/** What is told of a state's entering: that a connection came or went, not what became of the broadcast (live.md §10). */
function eventOf(
  before: Pick<LiveStatus, 'state'> | undefined,
  { state, reason }: Pick<LiveStatus, 'state' | 'reason'>,
): 'live_input.connected' | 'live_input.disconnected' | undefined {
  if (reason === 'connected' || reason === 'reconnected') return 'live_input.connected'
  return state === 'disconnected' && before?.state === 'connected' ? 'live_input.disconnected' : undefined
}

/** Notes that subjects that are connected still are: to be called every ten seconds or so. */
export async function touchStatuses(db: Db, clock: Clock, subjects: readonly string[]): Promise<void> {
  for (const subject of subjects) {
    await db
      .updateTable('live_statuses')
      .set({ last_seen_us: clock.nowUs() })
      .where('id', '=', newest(db, subject).select('id').limit(1))
      .where('state', '=', 'connected')
      .execute()
  }
}

/** What was not over when the last run ended. */
export type OpenStatus = Pick<LiveStatus, 'state' | 'protocol'> & {
  readonly subject: string
  /** When it was last known to be so. */
  readonly seenUs: number
}

/** Inputs and outputs that are connected as far as the records say, and inputs whose publisher was waited for. */
export async function listOpenStatuses(db: Db): Promise<readonly OpenStatus[]> {
  const rows = await db
    .selectFrom('live_statuses as status')
    .selectAll('status')
    .where((where) =>
      where.or([
        where('status.state', '=', 'connected'),
        where.and([
          where('status.reason', 'in', WAITING_REASONS),
          where.exists(
            where
              .selectFrom('live_inputs')
              .select('live_inputs.uid')
              .whereRef('live_inputs.uid', '=', 'status.subject'),
          ),
        ]),
      ]),
    )
    .where('status.id', '=', (query) =>
      query
        .selectFrom('live_statuses as any')
        .select((select) => select.fn.max('any.id').as('id'))
        .whereRef('any.subject', '=', 'status.subject'),
    )
    .execute()
  return rows.map((row) => ({
    subject: row.subject,
    state: row.state,
    protocol: row.protocol,
    seenUs: row.last_seen_us ?? row.entered_us,
  }))
}

/** A broadcast waits in its window after these; it is over after the others. */
const WAITING_REASONS: readonly LiveReason[] = ['reconnecting', 'client_disconnect', 'failed_to_reconnect']

/** How the connection of a subject is and was; null before its first. */
export async function findStatus(db: Db, subject: string): Promise<LiveStatusHistory | null> {
  const [current, ...history] = (await newest(db, subject).selectAll().execute()).map(statusFromRow)
  return current === undefined ? null : { current, history }
}

/** Those of several subjects; what has none is not in the map. */
export async function findStatuses(
  db: Db,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, LiveStatusHistory>> {
  const found = new Map<string, LiveStatusHistory>()
  for (const subject of subjects) {
    const status = await findStatus(db, subject)
    if (status !== null) found.set(subject, status)
  }
  return found
}

function newest(db: Db, subject: string) {
  return db
    .selectFrom('live_statuses')
    .where('subject', '=', subject)
    .orderBy('id', 'desc')
    .limit(MOST_HISTORY + 1)
}

function statusFromRow(row: Selectable<LiveStatusesTable>): LiveStatus {
  return {
    state: row.state,
    reason: row.reason as LiveReason,
    protocol: row.protocol,
    enteredUs: row.entered_us,
    lastSeenUs: row.last_seen_us,
  }
}
