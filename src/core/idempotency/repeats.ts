/**
 * Requests that come twice (api.md §10): a client whose connection broke cannot know whether its `POST` made something.
 * With an `Idempotency-Key` the repeat gets the first answer, also after a restart, and nothing is made a second time.
 *
 * The key is written before the request is done and its answer after, so a server that ends in between leaves a key
 * without an answer: what came of the request is then not known, and the repeat is told so instead of being done again.
 * Answers hold what is shown once (tokens, private keys, upload addresses), so they lie sealed.
 */

import { createHash } from 'node:crypto'
import { HeadwaterError } from '../../lib/failure.ts'
import type { KeyedLock } from '../../lib/keyed-lock.ts'
import { NONCE_BYTES, seal, unseal } from '../../lib/seal.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'

export type RepeatDeps = {
  readonly db: Db
  readonly clock: Clock
  /** 32 bytes as base64url. */
  readonly sealingKey: string
  /** One object for all requests of a process. */
  readonly locks: KeyedLock
}

/** A request that names itself. */
export type NamedRequest = {
  readonly accountId: string
  /** As sent: 1 to 255 bytes. */
  readonly key: string
  /** Everything that makes it the same request: method, address, body. */
  readonly asks: readonly string[]
}

/** An answer as it is kept. */
export type KeptAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const MOST_KEY_BYTES = 255
const KEPT_US = 6 * 3_600_000_000
/** A repeat waits this long for the first request; clients give up after a minute or so. */
const WAIT_MS = 60_000

/**
 * Answers what `make` answers, or what it did when this key first came. A request that is refused (`make` throws) leaves
 * nothing: it may be sent again. `isThere` says whether what a kept answer tells of still exists. Throws `bad_request`
 * for a key that is too long, and `conflict` for one of another request, of one that still runs or was interrupted by
 * the end of the server, or whose object has been deleted.
 */
export async function answerOnce(
  deps: RepeatDeps,
  request: NamedRequest,
  options: { make: () => Promise<KeptAnswer>; isThere: (answer: KeptAnswer) => Promise<boolean> },
): Promise<KeptAnswer> {
  const { accountId, key } = request
  if (Buffer.byteLength(key) > MOST_KEY_BYTES) {
    throw new HeadwaterError('bad_request', `Idempotency-Key may have at most ${MOST_KEY_BYTES} bytes.`, {
      facts: { field: 'Idempotency-Key' },
    })
  }
  const hold = await deps.locks.take(`${accountId} ${key}`, { waitMs: WAIT_MS })
  if (hold === undefined) throw refused('is of a request that is still under way')
  try {
    const kept = await findKept(deps, request)
    if (kept === undefined) return await makeAndKeep(deps, request, options.make)
    if (!(await options.isThere(kept))) throw refused('is of a request whose result has been deleted')
    return kept
  } finally {
    hold.release()
  }
}

/** Forgets the keys whose time is over. */
export async function sweepKeys(deps: Pick<RepeatDeps, 'db' | 'clock'>): Promise<void> {
  const endUs = deps.clock.nowUs() - KEPT_US
  await deps.db.deleteFrom('idempotency_keys').where('created_us', '<=', endUs).execute()
}

async function findKept(deps: RepeatDeps, request: NamedRequest): Promise<KeptAnswer | undefined> {
  const row = await deps.db
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'answer'])
    .where('account_id', '=', request.accountId)
    .where('key', '=', request.key)
    .where('created_us', '>', deps.clock.nowUs() - KEPT_US)
    .executeTakeFirst()
  if (row === undefined) return undefined
  if (row.request_hash !== hashOf(request)) throw refused('was sent with another request')
  const text = row.answer === null ? undefined : unseal(row.answer, sealing(deps, request))
  if (text === undefined) {
    throw refused(
      'is of a request during which the server ended: look whether it made something, and use another key',
    )
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `makeAndKeep` writes it
  return JSON.parse(text) as KeptAnswer
}

async function makeAndKeep(
  deps: RepeatDeps,
  request: NamedRequest,
  make: () => Promise<KeptAnswer>,
): Promise<KeptAnswer> {
  const { db, clock } = deps
  const { accountId, key } = request
  const row = { request_hash: hashOf(request), answer: null, created_us: clock.nowUs() }
  await db
    .insertInto('idempotency_keys')
    .values({ account_id: accountId, key, ...row })
    // One whose time is over and that the sweep has not met yet.
    .onConflict((conflict) => conflict.columns(['account_id', 'key']).doUpdateSet(row))
    .execute()
  const ofKey = <Q extends { where(column: 'account_id' | 'key', operator: '=', value: string): Q }>(
    query: Q,
  ) => query.where('account_id', '=', accountId).where('key', '=', key)
  let answer: KeptAnswer
  try {
    answer = await make()
  } catch (error) {
    await ofKey(db.deleteFrom('idempotency_keys')).execute()
    throw error
  }
  const sealed = seal(JSON.stringify(answer), clock.newSecret(NONCE_BYTES), sealing(deps, request))
  await ofKey(db.updateTable('idempotency_keys').set({ answer: sealed })).execute()
  return answer
}

function sealing({ sealingKey }: RepeatDeps, { accountId, key }: NamedRequest) {
  return { key: sealingKey, purpose: `answer ${accountId} ${key}` }
}

function hashOf({ asks }: NamedRequest): string {
  return createHash('sha256').update(JSON.stringify(asks)).digest('hex')
}

function refused(why: string): HeadwaterError {
  return new HeadwaterError('conflict', `This Idempotency-Key ${why}.`, {
    facts: { field: 'Idempotency-Key' },
  })
}
