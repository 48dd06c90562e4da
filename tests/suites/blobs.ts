/** What every blob store must do; run by each adapter's own test file. */

import { setImmediate, setTimeout } from 'node:timers/promises'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BLOCK_BYTES, STEP_BYTES } from '../../src/lib/block-checksums.ts'
import type { Blobs } from '../../src/ports.ts'
import { describeStreams } from './blob-streams.ts'
import { expectContents, patternBytes } from './pattern.ts'

/** A fresh, empty store; `reopen` is what a new process would see. */
export type BlobsUnderTest = {
  readonly blobs: Blobs
  reopen(): Promise<Blobs>
  /** Closes what was opened and removes everything. */
  readonly remove: () => Promise<void>
}

export function describeBlobs(name: string, make: () => Promise<BlobsUnderTest>): void {
  describe(`blobs: ${name}`, () => {
    let store: BlobsUnderTest
    beforeEach(async () => {
      store = await make()
    })
    afterEach(() => store.remove())

    describeStreams(() => store.blobs)

    describe.each([
      ['drafts', {}],
      ['streamed drafts', { streamed: true }],
    ] as const)('%s', (_, options) => {
      test('append in order and read back what was appended', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, 10), patternBytes(10, 0), patternBytes(10, 1_000)])
        await draft.append([patternBytes(1_010, 90_000)])
        expect(draft.lengthBytes).toBe(91_010)
        const target = new Uint8Array(100)
        expect(await draft.read(target, 5)).toBe(100)
        expect(target).toEqual(patternBytes(5, 100))
        expect(await draft.read(target, 91_000)).toBe(10)
        await draft.discard()
      })

      test('take more buffers at once than one gathered write may have', async () => {
        const draft = await store.blobs.createDraft(options)
        const buffers = Array.from({ length: 3_000 }, (_, index) => patternBytes(index * 7, 7))
        await draft.append(buffers)
        await expectContents(draft, patternBytes(0, 21_000))
        await draft.discard()
      })

      test('are read by others while they grow, and by nobody once they are gone', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, 1_000)])
        await draft.flush()
        const early = await store.blobs.openDraft(draft.id)
        expect(early.sizeBytes).toBe(1_000)
        await draft.append([patternBytes(1_000, 500)])
        await draft.flush()
        const target = new Uint8Array(400)
        expect(await early.read(target, 1_000)).toBe(400)
        expect(target).toEqual(patternBytes(1_000, 400))
        const later = await store.blobs.openDraft(draft.id)
        expect(later.sizeBytes).toBe(1_500)
        const copy = await store.blobs.materializeDraft(draft.id)
        expect(new Uint8Array(await readFile(copy.path))).toEqual(patternBytes(0, 1_500))
        await copy.release()
        await later.close()
        await draft.publish('sources/v')
        // Who was reading goes on reading.
        expect(await early.read(target, 100)).toBe(400)
        await early.close()
        await expect(store.blobs.openDraft(draft.id)).rejects.toMatchObject({ code: 'not_found' })
        await expect(store.blobs.materializeDraft(draft.id)).rejects.toMatchObject({ code: 'not_found' })
      })

      test('resume at the recorded length and forget what was written beyond', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, 5_000_000)])
        await draft.sync()
        const state = { lengthBytes: draft.lengthBytes, checksums: draft.checksums() }
        await draft.append([new Uint8Array(1_000)])
        await draft.close()

        const resumed = await (await store.reopen()).resumeDraft(draft.id, state, options)
        expect(resumed.lengthBytes).toBe(5_000_000)
        await resumed.append([patternBytes(5_000_000, 5_000_000)])
        await expectContents(resumed, patternBytes(0, 10_000_000))
        expect(resumed.checksums()).toEqual(checksumsOf(patternBytes(0, 10_000_000)))
        await resumed.discard()
      })

      test('refuse to resume when bytes are missing', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, 100)])
        await draft.close()
        const state = { lengthBytes: 200, checksums: checksumsOf(patternBytes(0, 200)) }
        await expect(store.blobs.resumeDraft(draft.id, state, options)).rejects.toMatchObject({
          code: 'blob_damaged',
        })
        await store.blobs.discardDraft(draft.id)
        await expect(store.blobs.resumeDraft(draft.id, state, options)).rejects.toMatchObject({
          code: 'blob_damaged',
        })
      })

      test('begin anew when they are gone and nothing of them was promised', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.discard()
        const nothing = { lengthBytes: 0, checksums: new Uint8Array(0) }
        const resumed = await store.blobs.resumeDraft(draft.id, nothing, options)
        expect(resumed).toMatchObject({ id: draft.id, lengthBytes: 0 })
        await resumed.append([patternBytes(0, 1_000)])
        await resumed.sync()
        await expectContents(resumed, patternBytes(0, 1_000))
        await resumed.discard()
      })

      test('that could not be published can be resumed', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, 1_000)])
        await expect(draft.publish('no/../name')).rejects.toMatchObject({ code: 'internal' })
        const state = { lengthBytes: 1_000, checksums: checksumsOf(patternBytes(0, 1_000)) }
        const resumed = await store.blobs.resumeDraft(draft.id, state, options)
        expect(await resumed.publish('sources/second-try')).toMatchObject({ sizeBytes: 1_000 })
        await store.blobs.delete('sources/second-try')
      })

      test.each([
        ['the last step', STEP_BYTES * 3 + 17, STEP_BYTES * 3],
        ['an earlier step of the block', BLOCK_BYTES + STEP_BYTES * 5, BLOCK_BYTES + STEP_BYTES * 2],
        ['the start of the block', BLOCK_BYTES * 2 + 5, BLOCK_BYTES * 2],
        ['the middle of the block before', BLOCK_BYTES * 2 + 5, BLOCK_BYTES + STEP_BYTES * 3],
        ['nothing', BLOCK_BYTES + 1, 0],
        ['where it is', STEP_BYTES * 2, STEP_BYTES * 2],
      ])('truncate to %s and go on', async (_, length, kept) => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, length)])
        await draft.truncate(kept)
        expect(draft.lengthBytes).toBe(kept)
        expect(draft.checksums()).toEqual(checksumsOf(patternBytes(0, kept)))
        await draft.append([patternBytes(kept, 70_000)])
        expect(draft.checksums()).toEqual(checksumsOf(patternBytes(0, kept + 70_000)))
        await expectContents(draft, patternBytes(0, kept + 70_000))
        await draft.discard()
      })

      test('truncate after a resumption inside a block', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, STEP_BYTES * 4 + 9)])
        await draft.close()
        const state = { lengthBytes: draft.lengthBytes, checksums: draft.checksums() }
        const resumed = await store.blobs.resumeDraft(draft.id, state, options)
        await resumed.truncate(STEP_BYTES)
        expect(resumed.checksums()).toEqual(checksumsOf(patternBytes(0, STEP_BYTES)))
        await resumed.discard()
      })

      test('are listed until they are discarded', async () => {
        const draft = await store.blobs.createDraft(options)
        await draft.append([patternBytes(0, 123)])
        await draft.close()
        const [listed, ...others] = await Array.fromAsync(store.blobs.listDrafts())
        expect(others).toEqual([])
        expect(listed).toMatchObject({ id: draft.id, sizeBytes: 123 })
        await store.blobs.discardDraft(draft.id)
        await store.blobs.discardDraft(draft.id)
        expect(await Array.fromAsync(store.blobs.listDrafts())).toEqual([])
      })
    })

    describe('published blobs', () => {
      test('have the length and checksums of their draft, which is gone', async () => {
        const bytes = patternBytes(0, BLOCK_BYTES + 1_000)
        const facts = await publish(store.blobs, 'tracks/v/r/0-1.mp4', bytes)
        expect(facts).toEqual({
          name: 'tracks/v/r/0-1.mp4',
          sizeBytes: bytes.byteLength,
          checksums: checksumsOf(bytes),
        })
        expect(await Array.fromAsync(store.blobs.listDrafts())).toEqual([])
      })

      test('may be empty', async () => {
        const facts = await publish(store.blobs, 'sources/empty', new Uint8Array(0))
        expect(facts).toMatchObject({ sizeBytes: 0, checksums: new Uint8Array(0) })
        const reader = await store.blobs.open('sources/empty')
        expect(reader.sizeBytes).toBe(0)
        await reader.close()
      })

      test('are read at any position by many at once; short only at the end', async () => {
        await publish(store.blobs, 'sources/many', patternBytes(0, 300_000))
        const reads = Array.from({ length: 50 }, async (_, index) => {
          const reader = await store.blobs.open('sources/many')
          const target = new Uint8Array(10_000)
          const filled = await reader.read(target, index * 5_990)
          await reader.close()
          return { filled, target, position: index * 5_990 }
        })
        for (const { filled, target, position } of await Promise.all(reads)) {
          expect(filled).toBe(Math.min(10_000, 300_000 - position))
          expect(target.subarray(0, filled)).toEqual(patternBytes(position, filled))
        }
        const reader = await store.blobs.open('sources/many')
        expect(await reader.read(new Uint8Array(10), 300_000)).toBe(0)
        await reader.close()
      })

      test('are seen by another process', async () => {
        await publish(store.blobs, 'sources/seen', patternBytes(0, 10))
        const reader = await (await store.reopen()).open('sources/seen')
        expect(reader.sizeBytes).toBe(10)
        await reader.close()
      })

      test('are not found when there are none', async () => {
        await expect(store.blobs.open('sources/none')).rejects.toMatchObject({ code: 'not_found' })
        await publish(store.blobs, 'sources/file', patternBytes(0, 1))
        await expect(store.blobs.open('sources/file/below')).rejects.toMatchObject({ code: 'not_found' })
        await expect(store.blobs.materialize('sources/none')).rejects.toMatchObject({ code: 'not_found' })
      })

      test('are gone once deleted, though who reads one may finish', async () => {
        await publish(store.blobs, 'tracks/v/r/init.mp4', patternBytes(0, 1_000))
        const reader = await store.blobs.open('tracks/v/r/init.mp4')
        await store.blobs.delete('tracks/v/r/init.mp4')
        await expect(store.blobs.open('tracks/v/r/init.mp4')).rejects.toMatchObject({ code: 'not_found' })
        expect(await reader.read(new Uint8Array(1_000), 0)).toBe(1_000)
        await reader.close()
        await store.blobs.delete('tracks/v/r/init.mp4')
        expect(await Array.fromAsync(store.blobs.list(''))).toEqual([])
      })

      test('appear though their folder comes and goes with others', async () => {
        const comeAndGo = async (_: unknown, writer: number) => {
          for (let index = 0; index < 60; index++) {
            const name = `sources/${writer}-${index}`
            expect((await publish(store.blobs, name, patternBytes(0, 10))).sizeBytes).toBe(10)
            await store.blobs.delete(name)
          }
        }
        await Promise.all(Array.from({ length: 6 }, comeAndGo))
      })

      test('appear while others of their folder are deleted', async () => {
        const rounds = Array.from({ length: 40 }, async (_, index) => {
          await publish(store.blobs, `tracks/race/r/${index}.mp4`, patternBytes(0, 10))
          await store.blobs.delete(`tracks/race/r/${index}.mp4`)
        })
        await Promise.all(rounds)
        expect(await Array.fromAsync(store.blobs.list('tracks/'))).toEqual([])
      })

      test('that are removed for their age stay when they are published again, at whatever instant', async () => {
        const names = Array.from({ length: 60 }, (_, index) => `tracks/again/${index}/init.mp4`)
        for (const name of names) await publish(store.blobs, name, patternBytes(0, 10))
        const [newest] = await Array.fromAsync(store.blobs.list(names.at(-1) ?? ''))
        const publishedBeforeUs = (newest?.modifiedUs ?? 0) + 10_000
        // The times of files go by the system's tick, which is some milliseconds long.
        await setTimeout(40)
        await Promise.all(
          names.map(async (name) => {
            const state = { isThere: false }
            const publishing = publish(store.blobs, name, patternBytes(1, 20)).finally(() => {
              state.isThere = true
            })
            while (!state.isThere) {
              await store.blobs.delete(name, { publishedBeforeUs })
              await setImmediate()
            }
            await publishing
            await store.blobs.delete(name, { publishedBeforeUs })
          }),
        )
        const left = await Array.fromAsync(store.blobs.list('tracks/again/'))
        expect(left.map(({ sizeBytes }) => sizeBytes)).toEqual(names.map(() => 20))
        for (const name of names)
          await store.blobs.delete(name, { publishedBeforeUs: Number.MAX_SAFE_INTEGER })
        expect(await Array.fromAsync(store.blobs.list('tracks/again/'))).toEqual([])
      })

      test('are listed by the beginning of their name', async () => {
        for (const name of ['sources/ab', 'sources/abc', 'tracks/ab/r/0.mp4', 'tracks/ab/r/1.mp4']) {
          await publish(store.blobs, name, patternBytes(0, 3))
        }
        const names = async (prefix: string) =>
          (await Array.fromAsync(store.blobs.list(prefix))).map((blob) => blob.name).sort()
        expect(await names('sources/ab')).toEqual(['sources/ab', 'sources/abc'])
        expect(await names('tracks/ab/')).toEqual(['tracks/ab/r/0.mp4', 'tracks/ab/r/1.mp4'])
        expect(await names('tracks/none/')).toEqual([])
        expect(await names('')).toHaveLength(4)
      })

      test('are there as a local file for as long as it is wanted', async () => {
        await publish(store.blobs, 'sources/local', patternBytes(0, 4_321))
        const copy = await store.blobs.materialize('sources/local')
        expect(new Uint8Array(await readFile(copy.path))).toEqual(patternBytes(0, 4_321))
        await copy.release()
      })

      test('are read again from the store itself, whatever is kept open', async () => {
        const name = 'sources/again'
        await publish(store.blobs, name, patternBytes(0, 3_000_000))
        const pieces = async () => {
          const parts: Uint8Array[] = []
          for await (const piece of store.blobs.reread(name)) parts.push(Uint8Array.from(piece))
          return Buffer.concat(parts)
        }
        const reader = await store.blobs.open(name)
        expect(Buffer.compare(await pieces(), patternBytes(0, 3_000_000))).toBe(0)
        const copy = await store.blobs.materialize(name)
        await rm(copy.path)
        await expect(pieces()).rejects.toMatchObject({ code: 'not_found' })
        await writeFile(copy.path, 'something else')
        expect((await pieces()).toString()).toBe('something else')
        await copy.release()
        await reader.close()
      })

      test('are told from files that somebody else put there', async () => {
        await publish(store.blobs, 'sources/ours', patternBytes(0, 10))
        const draft = await store.blobs.createDraft()
        await draft.append([patternBytes(0, 5)])
        await draft.close()
        expect(await Array.fromAsync(store.blobs.listForeign())).toEqual([])
        const { path } = await store.blobs.materialize('sources/ours')
        await writeFile(join(dirname(path), 'my holiday.mp4'), 'abc')
        expect(await Array.fromAsync(store.blobs.listForeign())).toEqual([
          { path: 'blobs/sources/my holiday.mp4', sizeBytes: 3 },
        ])
        expect((await Array.fromAsync(store.blobs.list(''))).map(({ name }) => name)).toEqual([
          'sources/ours',
        ])
      })

      test('tell how much room is left, where there is a limit', async () => {
        const freeBytes = (await store.blobs.freeBytes()) ?? Number.MAX_SAFE_INTEGER
        expect(Number.isSafeInteger(freeBytes)).toBe(true)
        expect(freeBytes).toBeGreaterThan(0)
      })

      test.each([
        '',
        '/etc/passwd',
        '../x',
        'a/../b',
        'a//b',
        'a/.b',
        'a/b/',
        'a\\b',
        'a\0b',
        'ä',
        'x'.repeat(600),
      ])('never have the name %j', async (name) => {
        await expect(store.blobs.open(name)).rejects.toMatchObject({ code: 'internal' })
        const draft = await store.blobs.createDraft()
        await expect(draft.publish(name)).rejects.toMatchObject({ code: 'internal' })
        await draft.discard()
        await expect(store.blobs.delete(name)).rejects.toMatchObject({ code: 'internal' })
      })
    })
  })
}

/** Publishes `bytes` under `name`. */
export async function publish(blobs: Blobs, name: string, bytes: Uint8Array) {
  const draft = await blobs.createDraft()
  await draft.append([bytes])
  return draft.publish(name)
}

/** The checksums of `bytes`, computed the plain way. */
export function checksumsOf(bytes: Uint8Array): Uint8Array {
  const checksums = Buffer.alloc(Math.ceil(bytes.byteLength / BLOCK_BYTES) * 4)
  for (let block = 0; block * 4 < checksums.byteLength; block++) {
    checksums.writeUInt32BE(crc32(bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)), block * 4)
  }
  return new Uint8Array(checksums)
}
