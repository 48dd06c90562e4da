/** Editing and deleting audio tracks (api.md §7). */

import { HeadwaterError } from '../../lib/failure.ts'
import { audioSourceBlob } from '../blob-names.ts'
import { dropRendition } from '../encoding/index.ts'
import { bumpRevision, getPlanRow } from '../timeline/index.ts'
import { requireVideo } from '../videos/index.ts'
import type { TrackDeps, TrackOwner } from './add-track.ts'
import { deleteAudioCopy } from './audio-copies.ts'
import { type AudioTrack, checkLabel, checkUnused } from './audio-track.ts'
import { deleteTrackRow, listTracks, renameTrack, requireTrack, setDefault } from './track-records.ts'

export type TrackName = TrackOwner & { readonly track: string }

/** What may be changed; undefined leaves it as it is. */
export type TrackEdit = { readonly label?: string | undefined; readonly isDefault?: boolean | undefined }

/**
 * Changes a track; players' manifests show it at once. `isDefault` on one takes it from the others, and off makes the
 * built-in sound the default again. Throws `not_found`, `bad_request` (the label), and `conflict` when a track that is not
 * ready is to become the default.
 */
export async function editTrack(
  deps: Pick<TrackDeps, 'db'>,
  name: TrackName,
  edit: TrackEdit,
): Promise<AudioTrack> {
  return await deps.db.transaction().execute(async (trx) => {
    const { uid } = await requireVideo(trx, name.uid, name.accountId)
    const track = await requireTrack(trx, uid, name.track)
    if (edit.label !== undefined) {
      checkLabel(edit.label)
      const others = (await listTracks(trx, uid)).filter((other) => other.uid !== track.uid)
      const plan = (await getPlanRow(trx, uid))?.plan
      checkUnused(edit.label, others, plan?.audio != null)
      await renameTrack(trx, track.uid, edit.label)
    }
    if (edit.isDefault === true && track.status !== 'ready') {
      throw new HeadwaterError(
        'conflict',
        `Only a track that is ready can become the default; this one is ${track.status}.`,
        { facts: { status: track.status } },
      )
    }
    if (edit.isDefault === true) await setDefault(trx, uid, track.uid)
    if (edit.isDefault === false && track.isDefault) await setDefault(trx, uid, null)
    await bumpRevision(trx, uid)
    return await requireTrack(trx, uid, track.uid)
  })
}

/** Removes a track, also while it is made, and everything stored of it. Throws `not_found`, and `bad_request` for the default track. */
export async function deleteTrack(deps: TrackDeps, name: TrackName): Promise<void> {
  const left = await deps.db.transaction().execute(async (trx) => {
    const { uid } = await requireVideo(trx, name.uid, name.accountId)
    const track = await requireTrack(trx, uid, name.track)
    if (track.isDefault) {
      throw new HeadwaterError(
        'bad_request',
        'The default track cannot be deleted; make another one the default first, or none (default: false).',
        { facts: { track: track.uid } },
      )
    }
    const draft = await deleteAudioCopy(trx, track.uid)
    const file = audioSourceBlob(uid, track.uid)
    await trx.deleteFrom('blobs').where('name', '=', file).execute()
    const names = [...(await dropRendition(trx, uid, track.rendition)), file]
    await deleteTrackRow(trx, track.uid)
    await bumpRevision(trx, uid)
    return { draft, names }
  })
  // Whoever is at work on it notices at its next commit.
  if (left.draft !== null) await deps.blobs.discardDraft(left.draft)
  for (const blob of left.names) await deps.blobs.delete(blob)
}
