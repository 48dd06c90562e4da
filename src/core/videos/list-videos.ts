/**
 * The list of an account's videos (api.md §4.1): a window over `created`, newest first, and filters that all must fit.
 * Every filter has an index in the list's order. Filters with alternatives become one query per alternative, merged
 * here: a single query would have to sort everything that fits before it could give the first thousand.
 */

import { type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { Db, Tables } from '../../tables.ts'
import type { Video, VideoState } from './video.ts'
import { foldName, type VideoRow, videoFromRow } from './video-rows.ts'

export type ListQuery = {
  /** Any of. */
  readonly states?: readonly VideoState[]
  /** `live`: recordings and running broadcasts; `vod`: all others. */
  readonly type?: 'vod' | 'live'
  readonly creator?: string
  /** Exactly `meta.name`. */
  readonly videoName?: string
  /** Part of `meta.name`, in any case. */
  readonly search?: string
  /** Any of; exactly `meta.name` or the uid. */
  readonly names?: readonly string[]
  /** Any of. */
  readonly ids?: readonly string[]
  readonly liveInput?: string
  /** `created >= startUs` */
  readonly startUs?: number
  /** `created < endUs` */
  readonly endUs?: number
  readonly ascending: boolean
  /** 1 to 1,000. */
  readonly limit: number
  /** Count all that fit, too. */
  readonly withTotal: boolean
}

/** `total` counts what fits the filters, whatever the limit; given when it was asked for. */
export type VideoList = { readonly videos: readonly Video[]; readonly total?: number }

type Videos = SelectQueryBuilder<Tables, 'videos', object>

/** The first `limit` videos of the account that fit. */
export async function listVideos(db: Db, accountId: string, query: ListQuery): Promise<VideoList> {
  const alternatives = alternativesOf(query)
  const direction = query.ascending ? 'asc' : 'desc'
  const ofAccount = db.selectFrom('videos').where('account_id', '=', accountId)
  const filtered = commonFilters(ofAccount, query)
  // A mere search is answered from the index of names, and only what it finds is read from the rows.
  const base = isMereSearch(query)
    ? ofAccount.where(
        'created_us',
        'in',
        filtered.select('created_us').orderBy('created_us', direction).limit(query.limit),
      )
    : filtered
  const [lists, total] = await Promise.all([
    Promise.all(
      alternatives.map((narrow) =>
        narrow(base).selectAll().orderBy('created_us', direction).limit(query.limit).execute(),
      ),
    ),
    query.withTotal ? countVideos(db, accountId, query) : undefined,
  ])
  const videos = merge(lists, query).map(videoFromRow)
  return query.withTotal ? { videos, total } : { videos }
}

/** The ways to fit the filters that have alternatives; together they find everything, perhaps twice. */
function alternativesOf(query: ListQuery): readonly ((videos: Videos) => Videos)[] {
  let alternatives: ((videos: Videos) => Videos)[] = [(videos) => videos]
  const choose = (choices: readonly ((videos: Videos) => Videos)[]) => {
    alternatives = alternatives.flatMap((narrow) => choices.map((choice) => (v: Videos) => choice(narrow(v))))
  }
  // Uids are found one by one and need no order.
  if (query.ids !== undefined) {
    const ids = [...query.ids]
    choose([(videos) => videos.where('uid', 'in', ids)])
  }
  if (query.names !== undefined) {
    const names = [...new Set(query.names)]
    choose([
      (videos) => videos.where('uid', 'in', names),
      ...names.map((name) => (videos: Videos) => videos.where('name', '=', name)),
    ])
  }
  if (query.states !== undefined) {
    choose([...new Set(query.states)].map((state) => (videos: Videos) => videos.where('state', '=', state)))
  }
  return alternatives
}

function commonFilters(videos: Videos, query: ListQuery): Videos {
  return videos
    .$if(query.startUs !== undefined, (v) => v.where('created_us', '>=', query.startUs ?? 0))
    .$if(query.endUs !== undefined, (v) => v.where('created_us', '<', query.endUs ?? 0))
    .$if(query.type === 'live', (v) => v.where('live_input', 'is not', null))
    .$if(query.type === 'vod', (v) => v.where('live_input', 'is', null))
    .$if(query.liveInput !== undefined, (v) => v.where('live_input', '=', query.liveInput ?? ''))
    .$if(query.creator !== undefined, (v) => v.where('creator', '=', query.creator ?? ''))
    .$if(query.videoName !== undefined, (v) => v.where('name', '=', query.videoName ?? ''))
    .$if(query.search !== undefined, (v) => v.where(nameContains(foldName(query.search ?? ''))))
}

/** `like` with its wildcards taken literally; column and text are folded alike, so both databases find the same. */
function nameContains(part: string): RawBuilder<SqlBool> {
  const pattern = `%${part.replace(/[\\%_]/g, '\\$&')}%`
  return sql<SqlBool>`name_folded like ${pattern} escape '\\'`
}

function merge(lists: readonly (readonly VideoRow[])[], query: ListQuery): readonly VideoRow[] {
  const [only] = lists
  if (lists.length === 1 && only !== undefined) return only
  const distinct = new Map(lists.flat().map((row) => [row.uid, row]))
  const sign = query.ascending ? 1 : -1
  return [...distinct.values()]
    .sort((one, other) => sign * (one.created_us - other.created_us))
    .slice(0, query.limit)
}

async function countVideos(db: Db, accountId: string, query: ListQuery): Promise<number> {
  if (isUnfiltered(query)) return countFromCounters(db, accountId, query.creator)
  const { names, ids, states } = query
  const { count } = await commonFilters(db.selectFrom('videos').where('account_id', '=', accountId), query)
    .$if(ids !== undefined, (v) => v.where('uid', 'in', ids ?? []))
    .$if(names !== undefined, (v) =>
      v.where((where) => where.or([where('uid', 'in', names ?? []), where('name', 'in', names ?? [])])),
    )
    .$if(states !== undefined, (v) => v.where('state', 'in', states ?? []))
    .select((select) => select.fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow()
  // PostgreSQL gives counts and sums as text.
  return Number(count)
}

/** Whether only the creator, if anything, is asked for: then the counters know the answer. */
function isUnfiltered(query: ListQuery): boolean {
  return !hasOtherFilters(query) && [query.search, query.startUs, query.endUs].every(isAbsent)
}

function isMereSearch(query: ListQuery): boolean {
  return query.search !== undefined && query.creator === undefined && !hasOtherFilters(query)
}

/** Filters besides the window, the search and the creator. */
function hasOtherFilters(query: ListQuery): boolean {
  const { states, type, videoName, names, ids, liveInput } = query
  return ![states, type, videoName, names, ids, liveInput].every(isAbsent)
}

function isAbsent(filter: unknown): boolean {
  return filter === undefined
}

async function countFromCounters(db: Db, accountId: string, creator: string | undefined): Promise<number> {
  const { count } = await db
    .selectFrom('storage_counters')
    .where('account_id', '=', accountId)
    .$if(creator !== undefined, (counters) => counters.where('creator', '=', creator ?? ''))
    .select((select) =>
      select.fn.coalesce(select.fn.sum<number | string>('video_count'), select.lit(0)).as('count'),
    )
    .executeTakeFirstOrThrow()
  return Number(count)
}
