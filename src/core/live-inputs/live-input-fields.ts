/** The rules of the fields a customer writes (api.md §12, live.md §1). */

import { HeadwaterError } from '../../lib/failure.ts'
import { checkAllowedOrigins } from '../access/index.ts'
import { checkCreator, checkMeta, type JsonObject } from '../videos/index.ts'
import { type LiveInput, RECORDING_MODES, type RecordingMode, type RecordingSettings } from './live-input.ts'

/** What may be given at the creation and in an edit; what is absent stays as it is. */
export type LiveInputFields = {
  readonly enabled?: boolean | undefined
  readonly meta?: JsonObject | undefined
  readonly defaultCreator?: string | null | undefined
  readonly deleteRecordingAfterDays?: number | null | undefined
  readonly preferLowLatency?: boolean | undefined
  readonly recording?:
    | {
        readonly mode?: string | undefined
        readonly timeoutSeconds?: number | null | undefined
        readonly requireSignedUrls?: boolean | undefined
        readonly allowedOrigins?: readonly string[] | null | undefined
        readonly hideLiveViewerCount?: boolean | undefined
      }
    | undefined
}

/** What fields can change of an input. */
export type ChangeableFields = Pick<
  LiveInput,
  'enabled' | 'meta' | 'defaultCreator' | 'deleteRecordingAfterDays' | 'preferLowLatency' | 'recording'
>

const MOST_TIMEOUT_SECONDS = 86_400
const LEAST_DAYS = 30
const MOST_DAYS = 1_096

/** What an input has where nothing is given (live.md §1). */
export const DEFAULT_FIELDS: ChangeableFields = {
  enabled: true,
  meta: {},
  defaultCreator: null,
  deleteRecordingAfterDays: null,
  preferLowLatency: false,
  recording: {
    mode: 'off',
    timeoutSeconds: null,
    requireSignedUrls: false,
    allowedOrigins: null,
    hideLiveViewerCount: false,
  },
}

/**
 * `given` over `stored`, field by field, also inside `recording`. Throws `bad_request` naming the field, and
 * `scheduled_deletion_out_of_range`.
 */
export function mergeFields(stored: ChangeableFields, given: LiveInputFields): ChangeableFields {
  const { defaultCreator, deleteRecordingAfterDays } = given
  return {
    enabled: given.enabled ?? stored.enabled,
    meta: given.meta === undefined ? stored.meta : checkMeta(given.meta),
    defaultCreator:
      defaultCreator === undefined ? stored.defaultCreator : checkCreator(defaultCreator, 'defaultCreator'),
    deleteRecordingAfterDays:
      deleteRecordingAfterDays === undefined
        ? stored.deleteRecordingAfterDays
        : checkDays(deleteRecordingAfterDays),
    preferLowLatency: given.preferLowLatency ?? stored.preferLowLatency,
    recording: mergeRecording(stored.recording, given.recording ?? {}),
  }
}

function mergeRecording(
  stored: RecordingSettings,
  given: NonNullable<LiveInputFields['recording']>,
): RecordingSettings {
  const { mode, timeoutSeconds, allowedOrigins } = given
  return {
    mode: mode === undefined ? stored.mode : checkMode(mode),
    timeoutSeconds: timeoutSeconds === undefined ? stored.timeoutSeconds : checkTimeout(timeoutSeconds),
    requireSignedUrls: given.requireSignedUrls ?? stored.requireSignedUrls,
    allowedOrigins:
      allowedOrigins === undefined
        ? stored.allowedOrigins
        : allowedOrigins && checkAllowedOrigins(allowedOrigins, 'recording.allowedOrigins'),
    hideLiveViewerCount: given.hideLiveViewerCount ?? stored.hideLiveViewerCount,
  }
}

function checkMode(mode: string): RecordingMode {
  const known = RECORDING_MODES.find((candidate) => candidate === mode)
  if (known !== undefined) return known
  throw refused('recording.mode', `must be off or automatic, not ${JSON.stringify(mode.slice(0, 100))}`)
}

function checkTimeout(seconds: number | null): number | null {
  if (seconds === null) return null
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MOST_TIMEOUT_SECONDS) return seconds
  throw refused(
    'recording.timeoutSeconds',
    `must be a whole number from 0 to ${MOST_TIMEOUT_SECONDS}, not ${seconds}`,
  )
}

function checkDays(days: number | null): number | null {
  if (days === null) return null
  if (Number.isInteger(days) && days >= LEAST_DAYS && days <= MOST_DAYS) return days
  throw new HeadwaterError(
    'scheduled_deletion_out_of_range',
    `deleteRecordingAfterDays must be a whole number from ${LEAST_DAYS} to ${MOST_DAYS}, or null, not ${days}.`,
    { facts: { field: 'deleteRecordingAfterDays' } },
  )
}

function refused(field: string, rule: string): HeadwaterError {
  return new HeadwaterError('bad_request', `${field} ${rule}.`, { facts: { field } })
}
