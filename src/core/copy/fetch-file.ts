/**
 * Fetches a file from a URL through all its tries: one connection after the other until everything is here, going on
 * where the last one stopped. Where it stands is in the record, which is written while bytes come in; so whoever calls
 * this again after a crash goes on with what was committed.
 */

import { type HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Draft } from '../../ports.ts'
import { checkRoomOnDisk } from '../uploads/index.ts'
import { askOrigin, type OriginBody } from './ask-origin.ts'
import {
  type FetchDeps,
  type FetchedFile,
  type FileChanges,
  isWhole,
  noSuchCopy,
  type WholeFile,
} from './copy.ts'
import { originFailure } from './origin-answer.ts'
import { type CheckCommitted, receiveBody } from './receive-body.ts'

/** Where it is written down how much of a file is here. */
export type FetchRecord = {
  /** For the log. */
  readonly owner: string
  /** Undefined when the fetching has ended, or its owner was deleted. */
  readonly load: () => Promise<FetchedFile | undefined>
  /** False when the record is gone. */
  readonly save: (changes: FileChanges) => Promise<boolean>
  /** Why what has come shows that the file will not be taken, if it does; then the fetching ends with that. */
  readonly findFault?: (committed: Pick<Draft, 'lengthBytes' | 'read'>) => Promise<HeadwaterError | undefined>
}

/** A file of which all bytes are here; without a draft when a crash came after its last byte. */
export type Fetched = { readonly file: WholeFile; readonly draft: Draft | undefined }

/** Pauses between the tries (uploads.md §6: three of them). */
const PAUSES_MS = [5_000, 30_000] as const
/** A try that brought so much more than any before is no failure of the next one's: the count begins anew. */
const PROGRESS_BYTES = 1_048_576
/** Smallest part of a file that is taken from an origin that gives it in parts. */
const LEAST_PART_BYTES = 65_536

/**
 * The whole file; undefined when there is nothing to fetch any more. Throws a failure of the origin (`isOriginFailure`)
 * once no further try would help, `not_found` when the record was deleted meanwhile, what `findFault` found, `disk_full`,
 * `blob_damaged` or the abort reason.
 */
export async function fetchFile(
  deps: FetchDeps,
  record: FetchRecord,
  { signal }: { readonly signal: AbortSignal },
): Promise<Fetched | undefined> {
  let bestBytes: number | undefined
  for (let tries = 1; ; tries += 1) {
    const file = await record.load()
    if (file === undefined) return undefined
    // All here already: a crash came between the last byte and the last transaction.
    if (isWhole(file)) return { file, draft: undefined }
    bestBytes ??= file.offsetBytes
    try {
      return await fetchRest(deps, record, file, signal)
    } catch (error) {
      if (signal.aborted || !isOriginFailure(error)) throw error
      const hereBytes = (await record.load())?.offsetBytes ?? 0
      if (hereBytes >= bestBytes + PROGRESS_BYTES) {
        tries = 1
        bestBytes = hereBytes
      }
      const pauseMs = PAUSES_MS[tries - 1]
      deps.log.warn(
        { uid: record.owner, tries, receivedBytes: hereBytes, err: error },
        'a download broke off',
      )
      if (error.facts.mayPass !== true || pauseMs === undefined) throw error
      await deps.clock.sleep(pauseMs, signal)
      signal.throwIfAborted()
    }
  }
}

/** Whether the origin is at fault. */
export function isOriginFailure(error: unknown): error is HeadwaterError {
  return isFailure(error, 'fetch_failed') || isFailure(error, 'fetch_refused')
}

/** One connection after the other until everything is here; usually that is one. */
async function fetchRest(
  deps: FetchDeps,
  record: FetchRecord,
  found: FetchedFile,
  signal: AbortSignal,
): Promise<Fetched> {
  const opened = await openDraft(deps, record, found)
  const { draft } = opened
  let { file } = opened
  try {
    while (!isWhole(file)) {
      const body = await askOrigin(deps, file, { signal })
      await checkRoomOnDisk(deps, Math.max(0, (body.lengthBytes ?? 0) - file.offsetBytes))
      const check: CheckCommitted = async (committed) => {
        // One that does not say how long it is may go on until the disk is full.
        if (body.lengthBytes === null) await checkRoomOnDisk(deps, 0)
        const fault = await record.findFault?.(committed)
        if (fault !== undefined) throw fault
      }
      file = await receiveBody({ clock: deps.clock, save: record.save, check }, file, draft, body)
      checkPart(file, body)
    }
    return { file, draft }
  } catch (error) {
    await draft.close()
    // Deleted meanwhile: no record names the draft any more.
    if (isFailure(error, 'not_found')) await deps.blobs.discardDraft(draft.id)
    throw error
  }
}

/** An answer may hold less of the file than was asked for; but not so little that a file takes for ever. */
function checkPart(file: FetchedFile, body: OriginBody): void {
  const partBytes = file.offsetBytes - body.startBytes
  if (isWhole(file) || partBytes >= LEAST_PART_BYTES) return
  throw originFailure(
    `${body.host} gives only ${partBytes} bytes of the file at a time; at least ${LEAST_PART_BYTES} are needed.`,
    { mayPass: true },
  )
}

async function openDraft(
  deps: FetchDeps,
  record: FetchRecord,
  file: FetchedFile,
): Promise<{ file: FetchedFile; draft: Draft }> {
  const { draftId, offsetBytes: lengthBytes, checksums } = file
  if (draftId !== null) {
    try {
      return { file, draft: await deps.blobs.resumeDraft(draftId, { lengthBytes, checksums }) }
    } catch (error) {
      // Lost by the disk; all of it is still at its origin.
      if (!isFailure(error, 'blob_damaged')) throw error
      deps.log.warn({ err: error, uid: record.owner }, 'a download begins anew: what was here of it is gone')
      await deps.blobs.discardDraft(draftId)
    }
  }
  const draft = await deps.blobs.createDraft()
  const none = { draftId: draft.id, offsetBytes: 0, checksums: new Uint8Array(0) }
  // Named before its first byte, so that the sweep knows whose it is.
  if (await record.save(none)) return { file: { ...file, ...none }, draft }
  await draft.discard()
  throw noSuchCopy()
}
