/** What every blob store must do with checksums that are computed before their bytes are written; part of `blobs.ts`. */

import { describe, expect, test } from 'vitest'
import { STEP_BYTES } from '../../src/lib/block-checksums.ts'
import type { Blobs, Draft } from '../../src/ports.ts'
import { patternBytes } from './pattern.ts'

/** `blobs`: the store of the test that runs. */
export function describeSums(blobs: () => Blobs): void {
  describe('sums of drafts', () => {
    test('have the same checksums whether they were summed before they are written or not', async () => {
      const bytes = patternBytes(0, 10_000_000)
      const plain = await blobs().createDraft()
      await plain.append([bytes])
      const ahead = await blobs().createDraft()
      const pieces = Array.from({ length: 10 }, (_, index) => [
        bytes.subarray(index * 1e6, (index + 1) * 1e6),
      ])
      // All are summed before the first is written: whoever writes them may be slow.
      const sums = pieces.map((piece) => ahead.sumAhead(piece))
      for (const [index, piece] of pieces.entries()) {
        expect(ahead.lengthBytes).toBe(index * 1e6)
        await ahead.append(piece, sums[index])
      }
      expect(ahead.checksums()).toEqual(plain.checksums())
      await expectContents(ahead, bytes)
      await Promise.all([plain.discard(), ahead.discard()])
    })

    test('take no sums of other bytes, and sum themselves what comes without', async () => {
      const draft = await blobs().createDraft()
      const sums = draft.sumAhead([patternBytes(0, 1_000)])
      await expect(draft.append([patternBytes(0, 999)], sums)).rejects.toThrow('other bytes')
      expect(draft.lengthBytes).toBe(0)
      draft.sumAhead([patternBytes(5, 700)])
      await draft.append([patternBytes(0, 1_000)])
      const plain = await blobs().createDraft()
      await plain.append([patternBytes(0, 1_000)])
      expect(draft.checksums()).toEqual(plain.checksums())
      await expectContents(draft, patternBytes(0, 1_000))
      await Promise.all([plain.discard(), draft.discard()])
    })

    test('forget what was summed and never came', async () => {
      const draft = await blobs().createDraft()
      await draft.append([patternBytes(0, 5_000_000)])
      const before = draft.checksums()
      draft.sumAhead([patternBytes(7, 4_000_000)])
      expect(draft.lengthBytes).toBe(5_000_000)
      expect(draft.checksums()).toEqual(before)
      draft.sumAhead([patternBytes(7, 4_000_000)])
      await draft.truncate(4 * STEP_BYTES)
      await draft.append([patternBytes(4 * STEP_BYTES, 5_000_000 - 4 * STEP_BYTES)])
      expect(draft.checksums()).toEqual(before)
      await draft.discard()
    })
  })
}

/** The draft holds `expected` from its start on. */
export async function expectContents(draft: Draft, expected: Uint8Array): Promise<void> {
  const target = new Uint8Array(expected.byteLength)
  expect(await draft.read(target, 0)).toBe(expected.byteLength)
  expect(Buffer.compare(target, expected)).toBe(0)
}
