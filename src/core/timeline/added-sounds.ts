/**
 * Sound that was added to a video: one more rendition of sound beside the one in the plan, on the same cuts. Its segments
 * are finished chunks like any other's, so everything that reads a timeline (manifests, segments, downloads) reads it as
 * it reads the rest; a clip of a video with added tracks would take them from here, too, with the chunks of their
 * renditions.
 */

import { canonicalLanguage } from '../../lib/language-tag.ts'
import type { Db } from '../../tables.ts'

/** One that can be played. */
export type AddedSound = {
  /** Its rendition. */
  readonly id: string
  readonly label: string
  /** BCP 47, or `und`. */
  readonly language: string
  readonly isDefault: boolean
  readonly channels: 1 | 2
}

/** What a video has of them, in the order in which they were added. */
export async function listAddedSounds(db: Db, uid: string): Promise<AddedSound[]> {
  const rows = await db
    .selectFrom('audio_tracks')
    .select(['rendition', 'label', 'language', 'is_default', 'channels'])
    .where('video_uid', '=', uid)
    .where('status', '=', 'ready')
    .orderBy('created_us')
    .orderBy('uid')
    .execute()
  return rows.map((row) => ({
    id: row.rendition,
    label: row.label,
    language: row.language ?? languageOfLabel(row.label),
    isDefault: row.is_default === 1,
    channels: row.channels === 1 ? 1 : 2,
  }))
}

/**
 * A label that is a tag tells the language (media.md §3). Of one word with four letters or more that cannot be said:
 * `director` would pass for a tag, while no language has one so long.
 */
export function languageOfLabel(label: string): string {
  const language = canonicalLanguage(label)
  return language !== undefined && /^[a-z]{2,3}(?:-|$)/.test(language) ? language : UNKNOWN_LANGUAGE
}

/** RFC 5646 §2.2.1: undetermined. */
export const UNKNOWN_LANGUAGE = 'und'
