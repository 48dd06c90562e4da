/** What every blob store must do with drafts whose bytes come as a stream and may be written behind; part of `blobs.ts`. */

import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { STEP_BYTES } from '../../src/lib/block-checksums.ts'
import type { Blobs, Draft } from '../../src/ports.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import { expectContents, patternBytes } from './pattern.ts'

const STREAMED = { streamed: true }
const LENGTH = 12_000_000
/** More than is ever written at a time. */
const bytes = patternBytes(0, LENGTH)

/** `blobs`: the store of the test that runs. */
export function describeStreams(blobs: () => Blobs): void {
  describe('streams', () => {
    test('pieces of all sizes, with pauses, syncs and cuts between them, become what was sent', async () => {
      const random = seededRandom(7)
      for (const largest of [3_000, 70_000, 700_000, 9_000_000]) {
        let draft = await blobs().createDraft(STREAMED)
        while (draft.lengthBytes < LENGTH) {
          await append(draft, Math.ceil(random() * largest))
          const chance = random()
          if (chance < 0.1) await setImmediate()
          else if (chance < 0.12) await draft.sync()
          else if (chance < 0.13) draft = await closeAndResume(blobs(), draft)
          else if (chance < 0.14) await draft.truncate(lastStep(draft))
        }
        await expectContents(draft, bytes)
        expect(draft.checksums()).toEqual(await plainChecksums(blobs()))
        await draft.discard()
      }
    })

    test('as many at once as a busy server has, each its own', async () => {
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const draft = await blobs().createDraft(STREAMED)
          const own = patternBytes(index * 1_000_003, 3_000_000)
          for (let at = 0; at < own.byteLength; at += 262_144) {
            await draft.append([own.slice(at, at + 262_144)])
            await setImmediate()
          }
          await expectContents(draft, own)
          await draft.discard()
        }),
      )
    })

    test('show others no gap while they grow', async () => {
      const draft = await blobs().createDraft(STREAMED)
      let growing = true
      const watching = watch(blobs(), draft.id, () => growing)
      while (draft.lengthBytes < LENGTH) {
        await append(draft, 262_144)
        if (draft.lengthBytes % 1_048_576 === 0) await setImmediate()
      }
      await draft.sync()
      growing = false
      expect(await watching).toBeGreaterThan(0)
      await draft.discard()
    })
  })
}

/** The next bytes, in several buffers, which are used for something else as soon as they were taken. */
async function append(draft: Draft, count: number): Promise<void> {
  const sent = bytes.slice(draft.lengthBytes, draft.lengthBytes + count)
  const cut = Math.floor(sent.byteLength / 3)
  await draft.append([sent.subarray(0, cut), sent.subarray(cut, cut), sent.subarray(cut)])
  sent.fill(0)
}

async function closeAndResume(blobs: Blobs, draft: Draft): Promise<Draft> {
  await draft.close()
  const state = { lengthBytes: draft.lengthBytes, checksums: draft.checksums() }
  return await blobs.resumeDraft(draft.id, state, STREAMED)
}

function lastStep(draft: Draft): number {
  return draft.lengthBytes - (draft.lengthBytes % STEP_BYTES)
}

async function plainChecksums(blobs: Blobs): Promise<Uint8Array> {
  const draft = await blobs.createDraft()
  await draft.append([bytes])
  const checksums = draft.checksums()
  await draft.discard()
  return checksums
}

/** Looks at the end of what is there, again and again; answers how often it grew. */
async function watch(blobs: Blobs, id: string, goOn: () => boolean): Promise<number> {
  let seenBytes = 0
  let times = 0
  while (goOn()) {
    const reader = await blobs.openDraft(id)
    const news = new Uint8Array(reader.sizeBytes - seenBytes)
    expect(await reader.read(news, seenBytes)).toBe(news.byteLength)
    expect(Buffer.compare(news, bytes.subarray(seenBytes, reader.sizeBytes))).toBe(0)
    if (news.byteLength > 0) times += 1
    seenBytes = reader.sizeBytes
    await reader.close()
  }
  return times
}
