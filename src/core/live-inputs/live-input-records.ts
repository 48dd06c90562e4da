/** The queries of live inputs. */

import type { Selectable } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import { isSameSecret } from '../../lib/same-secret.ts'
import type { Db, LiveInputsTable, Trx } from '../../tables.ts'
import type { JsonObject } from '../videos/index.ts'
import { type KeyPurpose, type LiveInput, parseStreamId, parseStreamKey, streamKeyOf } from './live-input.ts'

/** The input, or `undefined`. */
export async function getLiveInput(db: Db, uid: string): Promise<LiveInput | undefined> {
  const row = await db.selectFrom('live_inputs').selectAll().where('uid', '=', uid).executeTakeFirst()
  return row && inputFromRow(row)
}

/** The input; throws `not_found` when the account has none of that uid. */
export async function requireLiveInput(db: Db, accountId: string, uid: string): Promise<LiveInput> {
  const input = await getLiveInput(db, uid)
  if (input?.accountId === accountId) return input
  throw new HeadwaterError('not_found', 'There is no such live input; it may have been deleted.')
}

/** The input whose key for `purpose` this is; `undefined` when there is none. Whether it is enabled is not asked. */
export async function findByKey(
  db: Db,
  streamKey: string,
  purpose: KeyPurpose,
): Promise<LiveInput | undefined> {
  const parsed = parseStreamKey(streamKey)
  const input = parsed && (await getLiveInput(db, parsed.uid))
  return input !== undefined && isSameSecret(streamKey, streamKeyOf(input, purpose)) ? input : undefined
}

/** What a caller's stream id of SRT names, and the passphrase its handshake must have; `undefined` when there is none. */
export async function findByStreamId(
  db: Db,
  streamId: string,
): Promise<
  { readonly input: LiveInput; readonly purpose: KeyPurpose; readonly passphrase: string } | undefined
> {
  const asked = parseStreamId(streamId)
  const input = asked && (await getLiveInput(db, asked.uid))
  if (asked === undefined || input === undefined) return undefined
  return { input, purpose: asked.purpose, passphrase: streamKeyOf(input, asked.purpose) }
}

/** Inputs of the account, newest first. */
export async function listLiveInputs(db: Db, accountId: string): Promise<readonly LiveInput[]> {
  const rows = await db
    .selectFrom('live_inputs')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_us', 'desc')
    .orderBy('uid', 'desc')
    .execute()
  return rows.map(inputFromRow)
}

/** Adds it. */
export async function insertLiveInput(trx: Trx, input: LiveInput): Promise<void> {
  await trx.insertInto('live_inputs').values(inputToRow(input)).execute()
}

/** Writes the whole of it. */
export async function updateLiveInput(trx: Trx, input: LiveInput): Promise<void> {
  await trx.updateTable('live_inputs').set(inputToRow(input)).where('uid', '=', input.uid).execute()
}

/** Removes it with its outputs, and the statuses of all of them. */
export async function deleteLiveInputRows(trx: Trx, uid: string): Promise<void> {
  await trx
    .deleteFrom('live_statuses')
    .where((where) =>
      where.or([
        where('subject', '=', uid),
        where('subject', 'in', trx.selectFrom('live_outputs').select('uid').where('input_uid', '=', uid)),
      ]),
    )
    .execute()
  await trx.deleteFrom('live_inputs').where('uid', '=', uid).execute()
}

function inputToRow(input: LiveInput): LiveInputsTable {
  const { recording } = input
  return {
    uid: input.uid,
    account_id: input.accountId,
    enabled: Number(input.enabled),
    meta: JSON.stringify(input.meta),
    default_creator: input.defaultCreator,
    recording_mode: recording.mode,
    recording_timeout_seconds: recording.timeoutSeconds,
    recording_require_signed_urls: Number(recording.requireSignedUrls),
    recording_allowed_origins: recording.allowedOrigins && JSON.stringify(recording.allowedOrigins),
    recording_hide_live_viewer_count: Number(recording.hideLiveViewerCount),
    delete_recording_after_days: input.deleteRecordingAfterDays,
    prefer_low_latency: Number(input.preferLowLatency),
    publish_secret: input.publishSecret,
    play_secret: input.playSecret,
    created_us: input.createdUs,
    modified_us: input.modifiedUs,
    keys_rotated_us: input.keysRotatedUs,
  }
}

function inputFromRow(row: Selectable<LiveInputsTable>): LiveInput {
  const origins = row.recording_allowed_origins
  return {
    uid: row.uid,
    accountId: row.account_id,
    enabled: row.enabled === 1,
    meta: JSON.parse(row.meta) as JsonObject,
    defaultCreator: row.default_creator,
    recording: {
      mode: row.recording_mode,
      timeoutSeconds: row.recording_timeout_seconds,
      requireSignedUrls: row.recording_require_signed_urls === 1,
      allowedOrigins: origins === null ? null : (JSON.parse(origins) as string[]),
      hideLiveViewerCount: row.recording_hide_live_viewer_count === 1,
    },
    deleteRecordingAfterDays: row.delete_recording_after_days,
    preferLowLatency: row.prefer_low_latency === 1,
    publishSecret: row.publish_secret,
    playSecret: row.play_secret,
    createdUs: row.created_us,
    modifiedUs: row.modified_us,
    keysRotatedUs: row.keys_rotated_us,
  }
}
