/**
 * Finding videos by a part of their names, newest (or oldest) first, at any size of library. What a database needs for it
 * is known here only: on SQLite the index of `migrations/0012-accounts-and-search.ts`; on PostgreSQL the same question is
 * a plain `like` over a trigram index of the column.
 */

import { type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { Db, Tables } from '../../tables.ts'
import { foldName } from './video-rows.ts'

/** A query over videos to which filters may be added, and what sorts it in the order of their creation. */
export type VideoSource = {
  readonly videos: SelectQueryBuilder<Tables, 'videos', object>
  readonly order: RawBuilder<number>
}

/** Characters of the longest words in the index. */
const RUN = 3
const CREATED_BITS = 52

/** The account's videos whose names contain `text` in any case (api.md §4.1), in a window of their creation. */
export function searchNames(
  db: Db,
  accountId: string,
  wanted: { readonly text: string; readonly startUs?: number; readonly endUs?: number },
): VideoSource {
  const { text, startUs = 0, endUs = 2 ** CREATED_BITS } = wanted
  const bits = sql.lit(CREATED_BITS)
  const account = sql`(select number from search_accounts where account_id = ${accountId})`
  const at = (us: number) =>
    sql`${account} << ${bits} | cast(${Math.min(Math.max(us, 0), 2 ** CREATED_BITS - 1)} as integer)`
  // Whole numbers may end beyond the last microsecond there is: that end is included, as nothing is created then.
  const last = endUs >= 2 ** CREATED_BITS ? at(endUs) : at(endUs - 1)
  const found = db
    .selectFrom('video_names')
    // In this order: the other one would look every video up in the index.
    .crossJoin('videos')
    .where(sql<SqlBool>`video_names match ${wordsOf(foldName(text))}`)
    .where(sql<SqlBool>`video_names.rowid between ${at(startUs)} and ${last}`)
    .where('videos.account_id', '=', accountId)
    .where(sql<SqlBool>`videos.created_us = video_names.rowid & ((1 << ${bits}) - 1)`)
    .where(nameContains(text))
  return {
    // No column of the index has the name of one of videos.
    videos: found,
    order: sql<number>`video_names.rowid`,
  }
}

/** `like` with its wildcards taken literally; column and text are folded alike, so both databases find the same. */
export function nameContains(text: string): RawBuilder<SqlBool> {
  const pattern = `%${foldName(text).replace(/[\\%_]/g, '\\$&')}%`
  return sql<SqlBool>`videos.name_folded like ${pattern} escape '\\'`
}

/**
 * What a name that contains `text` has in the index: the text itself when it is short, else runs that cover it. Each run
 * less is a list less to be intersected; the few names that have all runs, but elsewhere, are sorted out by `like`.
 */
function wordsOf(text: string): string {
  // As the database stores it; and what follows a NUL `like` does not see.
  const characters = Array.from(text.toWellFormed().replace(/\0.*$/s, ''))
  const starts = characters.flatMap((_, at) => (at % RUN === 0 && at + RUN <= characters.length ? [at] : []))
  const runs = [...starts, Math.max(0, characters.length - RUN)].map((at) =>
    Buffer.from(characters.slice(at, at + RUN).join('')).toString('hex'),
  )
  const words = [...new Set(runs)].map((run) => `"${run}"`).join(' AND ')
  return words === '""' ? '""' : `(${words}) OR "long"`
}
