/**
 * The list of an account's videos (api.md §4.1): a window over `created`, newest first, and filters that all must fit.
 * Every filter has an index in the list's order. Filters with alternatives become one query per alternative, merged
 * here: a single query would have to sort everything that fits before it could give the first thousand.
 */

import { sql } from 'kysely'
import { mapInSlices } from '../../lib/in-slices.ts'
import type { Db } from '../../tables.ts'
import { countersOf } from './storage-counters.ts'
import { nameContains, searchNames, type VideoSource } from './search-names.ts'
import type { Video, VideoState } from './video.ts'
import { type VideoRow, videoFromRow } from './video-rows.ts'

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

type Videos = VideoSource['videos']

/** A search that finds more than this is counted by reading every name, which then costs less. */
const FOUND_ONE_BY_ONE = 20_000

/** The first `limit` videos of the account that fit. */
export async function listVideos(db: Db, accountId: string, query: ListQuery): Promise<VideoList> {
  const alternatives = alternativesOf(query)
  const direction = query.ascending ? 'asc' : 'desc'
  const { videos: base, order } = sourceOf(db, accountId, query)
  const [lists, total] = await Promise.all([
    Promise.all(
      alternatives.map((narrow) =>
        narrow(base).selectAll('videos').orderBy(order, direction).limit(query.limit).execute(),
      ),
    ),
    query.withTotal ? countVideos(db, accountId, query) : undefined,
  ])
  const videos = await mapInSlices(merge(lists, query), videoFromRow)
  return query.withTotal ? { videos, total } : { videos }
}

/** Where a list begins: with what finds the fewest. Either way it comes in the list's order and may stop at its limit. */
function sourceOf(db: Db, accountId: string, query: ListQuery): VideoSource {
  if (query.search === undefined || isNarrow(query)) {
    const ofAccount = db.selectFrom('videos').where('account_id', '=', accountId)
    return { videos: commonFilters(ofAccount, query), order: sql<number>`created_us` }
  }
  const { videos, order } = searchNames(db, accountId, { ...query, text: query.search })
  return { videos: ofType(videos, query), order }
}

/** Whether a filter beside the search leaves few videos, so that looking at their names is quicker than the index of names. */
function isNarrow({ creator, videoName, names, ids, liveInput }: ListQuery): boolean {
  return ![creator, videoName, names, ids, liveInput].every(isAbsent)
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
  return ofType(videos, query)
    .$if(query.startUs !== undefined, (v) => v.where('created_us', '>=', query.startUs ?? 0))
    .$if(query.endUs !== undefined, (v) => v.where('created_us', '<', query.endUs ?? 0))
    .$if(query.liveInput !== undefined, (v) => v.where('live_input', '=', query.liveInput ?? ''))
    .$if(query.creator !== undefined, (v) => v.where('creator', '=', query.creator ?? ''))
    .$if(query.videoName !== undefined, (v) => v.where('name', '=', query.videoName ?? ''))
    .$if(query.search !== undefined, (v) => v.where(nameContains(query.search ?? '')))
}

function ofType(videos: Videos, { type }: ListQuery): Videos {
  return videos
    .$if(type === 'live', (v) => v.where('live_input', 'is not', null))
    .$if(type === 'vod', (v) => v.where('live_input', 'is', null))
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
  if (isUnfiltered(query)) return (await countersOf(db, accountId, query.creator)).videoCount
  if (query.search !== undefined && !isNarrow(query)) {
    const found = filterAll(sourceOf(db, accountId, query).videos, query)
    const count = await countRows(db, found.limit(FOUND_ONE_BY_ONE + 1))
    if (count <= FOUND_ONE_BY_ONE) return count
  }
  const ofAccount = db.selectFrom('videos').where('account_id', '=', accountId)
  return countRows(db, filterAll(commonFilters(ofAccount, query), query))
}

/** The filters that have alternatives, in one query. */
function filterAll(videos: Videos, { names, ids, states }: ListQuery): Videos {
  return videos
    .$if(ids !== undefined, (v) => v.where('uid', 'in', ids ?? []))
    .$if(names !== undefined, (v) =>
      v.where((where) => where.or([where('uid', 'in', names ?? []), where('name', 'in', names ?? [])])),
    )
    .$if(states !== undefined, (v) => v.where('state', 'in', states ?? []))
}

async function countRows(db: Db, videos: Videos): Promise<number> {
  const { count } = await db
    .selectFrom(videos.select('videos.created_us').as('found'))
    .select((select) => select.fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow()
  // PostgreSQL gives counts and sums as text.
  return Number(count)
}

/** Whether only the creator, if anything, is asked for: then the counters know the answer. */
function isUnfiltered(query: ListQuery): boolean {
  const { states, type, videoName, names, ids, liveInput, search, startUs, endUs } = query
  return [states, type, videoName, names, ids, liveInput, search, startUs, endUs].every(isAbsent)
}

function isAbsent(filter: unknown): boolean {
  return filter === undefined
}
