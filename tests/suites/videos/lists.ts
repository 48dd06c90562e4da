import { beforeEach, describe, expect, test } from 'vitest'
import { deleteVideo, type ListQuery, listVideos, type Video } from '../../../src/core/videos/index.ts'
import { ACCOUNT, blank, type VideoStage } from './stage.ts'

/** Filters, search, order and pages of lists. */
export function describeLists(stage: VideoStage): void {
  const { create, edit } = stage

  describe('lists', () => {
    let videos: Video[]
    beforeEach(async () => {
      videos = []
      const fields: Partial<Video>[] = [
        { meta: { name: 'Harbour tour' }, creator: 'ann', state: 'ready' },
        { meta: { name: 'harbour 100%_x' }, creator: 'ann', state: 'error' },
        { meta: { name: 'ÄPFEL und Birnen' }, state: 'ready', liveInput: 'live1' },
        { meta: { name: 7 }, creator: 'bob', state: 'queued' },
        { meta: {}, state: 'pendingupload' },
        { meta: { name: 'Harbour tour' }, creator: 'bob', state: 'live-inprogress', liveInput: 'live2' },
      ]
      for (const one of fields) videos.push(await create(one))
      await create({ accountId: 'b'.repeat(32), meta: { name: 'Harbour tour' }, state: 'ready' })
    })
    const list = async (query: Partial<ListQuery>) => {
      const found = await listVideos(stage.deps.db, ACCOUNT, {
        ascending: false,
        limit: 1_000,
        withTotal: true,
        ...query,
      })
      const indexes = found.videos.map((video) => videos.findIndex((known) => known.uid === video.uid))
      return { indexes, total: found.total }
    }
    const uid = (index: number) => videos[index]?.uid ?? ''
    const created = (index: number) => videos[index]?.createdUs ?? 0

    test.each<[string, () => Partial<ListQuery>, number[]]>([
      ['nothing', () => ({}), [5, 4, 3, 2, 1, 0]],
      ['a state', () => ({ states: ['ready'] }), [2, 0]],
      ['several states', () => ({ states: ['ready', 'error', 'ready'] }), [2, 1, 0]],
      ['live videos', () => ({ type: 'live' }), [5, 2]],
      ['videos on demand', () => ({ type: 'vod' }), [4, 3, 1, 0]],
      ['a creator', () => ({ creator: 'ann' }), [1, 0]],
      ['a name', () => ({ videoName: 'Harbour tour' }), [5, 0]],
      ['a name in another case', () => ({ videoName: 'harbour tour' }), []],
      ['part of a name in any case', () => ({ search: 'HARBOUR' }), [5, 1, 0]],
      ['part of a name beyond ASCII', () => ({ search: 'äpfel' }), [2]],
      ['wildcards literally', () => ({ search: '%_' }), [1]],
      ['a wildcard alone', () => ({ search: '_' }), [1]],
      ['one letter', () => ({ search: 'X' }), [1]],
      ['two letters, the end of a name', () => ({ search: 'en' }), [2]],
      ['two letters beyond ASCII', () => ({ search: 'äP' }), [2]],
      ['a word in the middle with its spaces', () => ({ search: ' und ' }), [2]],
      ['the runs of a name in another order', () => ({ search: 'tour harbour' }), []],
      ['what a query language would read otherwise', () => ({ search: '" OR harbour*' }), []],
      ['a search from a start', () => ({ search: 'harbour', startUs: created(1) }), [5, 1]],
      ['a search to an end', () => ({ search: 'harbour', endUs: created(5) }), [1, 0]],
      ['a search oldest first', () => ({ search: 'harbour', ascending: true }), [0, 1, 5]],
      ['a search of states', () => ({ search: 'harbour', states: ['ready', 'error'] }), [1, 0]],
      ['a search of live videos', () => ({ search: 'harbour', type: 'live' }), [5]],
      ['a search among ids', () => ({ search: 'harbour', ids: [uid(0), uid(3)] }), [0]],
      ['names and uids', () => ({ names: ['Harbour tour', uid(3), 'none'] }), [5, 3, 0]],
      ['ids', () => ({ ids: [uid(1), uid(4), 'none'] }), [4, 1]],
      ['a live input', () => ({ liveInput: 'live2' }), [5]],
      ['a start, itself included', () => ({ startUs: created(3) }), [5, 4, 3]],
      ['an end, itself excluded', () => ({ endUs: created(3) }), [2, 1, 0]],
      [
        'a window, oldest first',
        () => ({ startUs: created(1), endUs: created(4), ascending: true }),
        [1, 2, 3],
      ],
      [
        'everything at once',
        () => ({ states: ['ready', 'queued'], names: ['Harbour tour', uid(3)], type: 'vod' }),
        [3, 0],
      ],
      ['a search of a creator', () => ({ search: 'tour', creator: 'bob' }), [5]],
    ])('can be narrowed to %s', async (_, query, expected) => {
      expect(await list(query())).toEqual({ indexes: expected, total: expected.length })
    })

    test('end at the limit, and tell how many there are', async () => {
      expect(await list({ limit: 2 })).toEqual({ indexes: [5, 4], total: 6 })
      expect(await list({ limit: 2, search: 'harbour' })).toEqual({ indexes: [5, 1], total: 3 })
      expect(await list({ limit: 1, states: ['ready', 'error'], ascending: true })).toEqual({
        indexes: [0],
        total: 3,
      })
      expect((await list({ withTotal: false })).total).toBeUndefined()
    })

    test('are searched by the names that videos have now', async () => {
      const search = async (text: string) => (await list({ search: text })).indexes
      await edit(videos[0] ?? blank('', 0), { meta: { name: 'Kitchen' } })
      await edit(videos[4] ?? blank('', 0), { meta: { name: 'kitchen garden' } })
      await edit(videos[5] ?? blank('', 0), { meta: {} })
      expect(await search('HARBOUR')).toEqual([1])
      expect(await search('kitchen')).toEqual([4, 0])
      await deleteVideo(stage.deps, ACCOUNT, uid(4))
      expect(await search('kitchen')).toEqual([0])
    })

    test('are searched in names of any length and of any characters', async () => {
      const long = `${'x'.repeat(20_000)} needle`
      videos.push(await create({ meta: { name: long } }))
      videos.push(await create({ meta: { name: 'a 🦉 flies' } }))
      const search = async (text: string) => (await list({ search: text })).indexes
      expect(await search('xx NEEDLE')).toEqual([6])
      expect(await search('🦉')).toEqual([7])
      expect(await search('🦉 fl')).toEqual([7])
      expect(await search('\0')).toEqual([])
    })

    test('are walked through by the last one created', async () => {
      const seen: number[] = []
      for (let endUs: number | undefined; ; ) {
        const { indexes } = await list({ limit: 2, endUs })
        if (indexes.length === 0) break
        seen.push(...indexes)
        endUs = created(indexes.at(-1) ?? 0)
      }
      expect(seen).toEqual([5, 4, 3, 2, 1, 0])
    })
  })
}
