/** Making again what ingest made of a source: its copy in another container, and the index of either. */

import { type AskDeps, remuxAgain } from '../ingest/index.ts'
import type { Planner } from '../planning/index.ts'
import { repointPlans } from '../timeline/index.ts'
import { recordBlob } from '../videos/index.ts'
import type { BlobFacts, BlobName } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { blobKind, indexBlob } from '../blob-names.ts'
import { renameCutRenditions } from '../encoding/index.ts'

export type RemakeDeps = AskDeps & { readonly db: Db; readonly planner: Planner }

/** A blob as it is recorded. */
export type RecordedBlob = BlobFacts & { readonly videoUid: string }

/** Reads the index of `media` once more, and lets every plan that named `old` name the new one. */
export async function remakeIndex(deps: RemakeDeps, old: RecordedBlob, media: BlobName): Promise<void> {
  const bytes = await deps.planner.index(media)
  const draft = await deps.blobs.createDraft()
  let made: BlobFacts
  try {
    await draft.append([bytes])
    made = await draft.publish(indexBlob(old.videoUid, deps.clock.newUid()))
  } catch (error) {
    await draft.discard()
    throw error
  }
  await exchange(deps, old, made)
}

/**
 * Copies the source again. False when the copy is not the same to the byte, as another ffmpeg may write it: the index
 * and the plan say where everything lies in the old one.
 */
export async function remakeRemux(
  deps: RemakeDeps,
  old: RecordedBlob,
  signal: AbortSignal,
): Promise<boolean> {
  const made = await remuxAgain(deps, old.videoUid, signal)
  if (made === undefined) return false
  const isSame = made.sizeBytes === old.sizeBytes && Buffer.compare(made.checksums, old.checksums) === 0
  if (isSame) await exchange(deps, old, made)
  else await deps.blobs.delete(made.name)
  return isSame
}

/** Blob before row, row deleted before blob. */
async function exchange({ db, blobs, clock }: RemakeDeps, old: RecordedBlob, made: BlobFacts): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await recordBlob(trx, clock, old.videoUid, made)
    const uids = await repointPlans(trx, old.name, made.name)
    if (blobKind(old.name) === 'remux') for (const uid of uids) await renameCutRenditions(trx, clock, uid)
    await trx.deleteFrom('blobs').where('name', '=', old.name).execute()
  })
  await blobs.delete(old.name)
}
