/** What every database behind `Db` must do; run by each adapter's own test file. */

import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { onCommit } from '../../src/lib/commit-signal.ts'
import type { Db } from '../../src/tables.ts'

export type DatabaseUnderTest = { readonly db: Db; readonly remove: () => Promise<void> }

export function describeDatabase(name: string, make: () => Promise<DatabaseUnderTest>): void {
  describe(`database: ${name}`, () => {
    let db: Db
    let remove: () => Promise<void>
    beforeEach(async () => {
      ;({ db, remove } = await make())
    })
    afterEach(() => remove())

    const insertCounter = (on: Db, creator: string, seconds = 0) =>
      on
        .insertInto('storage_counters')
        .values({ account_id: 'a', creator, video_count: 1, seconds })
        .execute()
    const creators = async (on: Db) =>
      (await on.selectFrom('storage_counters').select('creator').orderBy('creator').execute()).map(
        (row) => row.creator,
      )

    test('numbers, text, bytes and nothing come back as they went in', async () => {
      const checksums = new Uint8Array([0, 1, 254, 255])
      const upload = {
        id: 'ünïcödé 🎬',
        account_id: 'a',
        video_uid: 'v',
        direct: 1,
        state: 'receiving' as const,
        length_bytes: 32_212_254_720,
        offset_bytes: 0,
        draft_id: null,
        checksums,
        metadata: 'quote \' and " and \\ and \n',
        concat: null,
        created_us: 1_795_197_600_000_001,
        expires_us: Number.MAX_SAFE_INTEGER,
      }
      await db.insertInto('uploads').values(upload).execute()
      const row = await db.selectFrom('uploads').selectAll().executeTakeFirstOrThrow()
      expect(row).toEqual(upload)
      expect(row.checksums).toBeInstanceOf(Uint8Array)
    })

    test('a view into a larger buffer is stored as what it shows', async () => {
      const view = new Uint8Array(1_000_000).fill(7).subarray(500_000, 500_003)
      const found = await db
        .selectNoFrom(sql<Uint8Array>`cast(${view} as blob)`.as('bytes'))
        .executeTakeFirst()
      expect(found?.bytes).toEqual(new Uint8Array([7, 7, 7]))
    })

    test('a transaction is seen whole, and only once it has committed', async () => {
      await db.transaction().execute(async (trx) => {
        await insertCounter(trx, 'one')
        expect(await creators(trx)).toEqual(['one'])
        expect(await creators(db)).toEqual([])
        await insertCounter(trx, 'two')
      })
      expect(await creators(db)).toEqual(['one', 'two'])
    })

    test('a transaction that throws leaves nothing', async () => {
      const failing = db.transaction().execute(async (trx) => {
        await insertCounter(trx, 'one')
        await insertCounter(trx, 'one')
      })
      await expect(failing).rejects.toThrow(/unique/i)
      expect(await creators(db)).toEqual([])
      await insertCounter(db, 'after')
      expect(await creators(db)).toEqual(['after'])
    })

    test('concurrent read-then-write transactions lose nothing', async () => {
      await insertCounter(db, 'sum')
      const addOne = () =>
        db.transaction().execute(async (trx) => {
          const { seconds } = await trx
            .selectFrom('storage_counters')
            .select('seconds')
            .executeTakeFirstOrThrow()
          await trx
            .updateTable('storage_counters')
            .set({ seconds: seconds + 1 })
            .execute()
        })
      await Promise.all(Array.from({ length: 50 }, addOne))
      const row = await db.selectFrom('storage_counters').select('seconds').executeTakeFirst()
      expect(row?.seconds).toBe(50)
    })

    test('what one statement wrote, the next one reads', async () => {
      for (let index = 0; index < 50; index++) {
        await insertCounter(db, `c${index}`)
        expect(await creators(db)).toHaveLength(index + 1)
      }
    })

    test('statements tell how many rows they changed', async () => {
      await insertCounter(db, 'one')
      await insertCounter(db, 'two')
      const { numUpdatedRows } = await db
        .updateTable('storage_counters')
        .set({ seconds: 5 })
        .executeTakeFirstOrThrow()
      expect(numUpdatedRows).toBe(2n)
      const { numDeletedRows } = await db
        .deleteFrom('storage_counters')
        .where('creator', '=', 'none')
        .executeTakeFirstOrThrow()
      expect(numDeletedRows).toBe(0n)
    })

    test('rows that belong to a video need it', async () => {
      const event = { video_uid: 'none', account_id: 'a', at_us: 1, kind: 'created', detail: '{}' }
      await expect(db.insertInto('video_events').values(event).execute()).rejects.toThrow(/foreign key/i)
    })

    test('every commit is announced; no rollback is, and no update that met nothing', async () => {
      let commits = 0
      const stop = onCommit(db, () => {
        commits++
      })
      await db.transaction().execute((trx) => insertCounter(trx, 'one'))
      await insertCounter(db, 'two')
      const failing = db.transaction().execute(async () => {
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      const update = db.updateTable('storage_counters').set({ seconds: 7 })
      await update.where('creator', '=', 'none').execute()
      await update.where('creator', '=', 'none').returningAll().execute()
      expect(commits).toBe(2)
      await update.where('creator', '=', 'two').execute()
      stop()
      await insertCounter(db, 'three')
      expect(commits).toBe(3)
    })
  })
}
