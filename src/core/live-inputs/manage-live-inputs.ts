/** Makes, changes and ends live inputs. Whoever keeps their connections is told after each commit (live.md §4). */

import type { Jobs } from '../../jobs/job.ts'
import type { Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { recordLiveCall } from '../webhooks/index.ts'
import type { LiveInput } from './live-input.ts'
import type { LiveInputChanges } from './live-input-changes.ts'
import { DEFAULT_FIELDS, type LiveInputFields, mergeFields } from './live-input-fields.ts'
import {
  deleteLiveInputRows,
  insertLiveInput,
  requireLiveInput,
  updateLiveInput,
} from './live-input-records.ts'
import { findStatus } from './live-status-records.ts'

export type LiveInputDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly jobs: Jobs
  readonly liveInputChanges: LiveInputChanges
}

/** Makes one, with keys of its own. Throws `bad_request`, and `scheduled_deletion_out_of_range`. */
export async function createLiveInput(
  deps: LiveInputDeps,
  accountId: string,
  fields: LiveInputFields,
): Promise<LiveInput> {
  const { clock, db, liveInputChanges } = deps
  const nowUs = clock.nowUs()
  const input: LiveInput = {
    ...mergeFields(DEFAULT_FIELDS, fields),
    ...newSecrets(clock),
    uid: clock.newUid(),
    accountId,
    createdUs: nowUs,
    modifiedUs: nowUs,
    keysRotatedUs: null,
  }
  await db.transaction().execute((trx) => insertLiveInput(trx, input))
  liveInputChanges.tell(input.uid, 'created')
  return input
}

/** Changes what is given, also inside `recording` (api.md §12). Throws as `createLiveInput` does, and `not_found`. */
export async function editLiveInput(
  deps: LiveInputDeps,
  accountId: string,
  uid: string,
  fields: LiveInputFields,
): Promise<LiveInput> {
  return change(deps, { accountId, uid }, (input) => ({ ...input, ...mergeFields(input, fields) }))
}

/** Turns it on or off; off cuts a running broadcast. Throws `not_found`. */
export async function setEnabled(
  deps: LiveInputDeps,
  accountId: string,
  uid: string,
  enabled: boolean,
): Promise<LiveInput> {
  return change(deps, { accountId, uid }, (input) => ({ ...input, enabled }))
}

/** Makes all of its keys anew; whoever came in with an old one is cut (live.md §4). Throws `not_found`. */
export async function rotateKeys(deps: LiveInputDeps, accountId: string, uid: string): Promise<LiveInput> {
  return change(deps, { accountId, uid }, (input) => ({
    ...input,
    ...newSecrets(deps.clock),
    keysRotatedUs: deps.clock.nowUs(),
  }))
}

/** Ends it: its outputs and statuses go with it, its recordings stay (api.md §12). Throws `not_found`. */
export async function deleteLiveInput(deps: LiveInputDeps, accountId: string, uid: string): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    await requireLiveInput(trx, accountId, uid)
    // Whoever cuts the connection afterwards finds nothing any more that it could be told of.
    if ((await findStatus(trx, uid))?.current.state === 'connected') {
      await recordLiveCall(trx, deps, { accountId, inputUid: uid, event: 'live_input.disconnected' })
    }
    await deleteLiveInputRows(trx, uid)
  })
  deps.liveInputChanges.tell(uid, 'deleted')
}

async function change(
  deps: LiveInputDeps,
  { accountId, uid }: Pick<LiveInput, 'accountId' | 'uid'>,
  make: (input: LiveInput) => LiveInput,
): Promise<LiveInput> {
  const { before, after } = await deps.db.transaction().execute(async (trx) => {
    const before = await requireLiveInput(trx, accountId, uid)
    return { before, after: await write(trx, deps.clock, { before, after: make(before) }) }
  })
  if (before.publishSecret !== after.publishSecret) deps.liveInputChanges.tell(uid, 'keysRotated')
  else deps.liveInputChanges.tell(uid, 'edited')
  if (before.enabled !== after.enabled)
    deps.liveInputChanges.tell(uid, after.enabled ? 'enabled' : 'disabled')
  return after
}

/** `modified` always moves forward (api.md §10). */
async function write(
  trx: Trx,
  clock: Clock,
  { before, after }: { before: LiveInput; after: LiveInput },
): Promise<LiveInput> {
  const changed = { ...after, modifiedUs: Math.max(clock.nowUs(), before.modifiedUs + 1) }
  await updateLiveInput(trx, changed)
  return changed
}

/** 128 random bits each. */
function newSecrets(clock: Clock): Pick<LiveInput, 'publishSecret' | 'playSecret'> {
  return { publishSecret: clock.newUid(), playSecret: clock.newUid() }
}
