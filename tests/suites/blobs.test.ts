import { expect, test } from 'vitest'
import { openFolderBlobs } from '../../src/adapters/folder/blobs.ts'
import { STEP_BYTES } from '../../src/lib/block-checksums.ts'
import { checksumsOf, describeBlobs } from './blobs.ts'
import { runUntilKilled } from './child.ts'
import { expectContents, patternBytes } from './pattern.ts'
import { mountSmallDisk } from './small-disk.ts'
import { tempFolder } from './temp-folder.ts'

describeBlobs('folder', async () => {
  const folder = await tempFolder()
  const opened = [await openFolderBlobs({ folder: folder.path })]
  const reopen = async () => {
    const blobs = await openFolderBlobs({ folder: folder.path })
    opened.push(blobs)
    return blobs
  }
  const remove = async () => {
    for (const blobs of opened) await blobs.close()
    await folder.remove()
  }
  return { blobs: opened[0] ?? (await reopen()), reopen, remove }
})

test('synced drafts and published blobs survive a kill -9', { timeout: 60_000 }, async () => {
  const folder = await tempFolder()
  try {
    for (let round = 1; round <= 5; round++) {
      const lines = await runUntilKilled('write-drafts.ts', [folder.path], (l) => l.length >= 7 * round)
      const [id, lengthBytes, checksums] = JSON.parse(lines.at(-1) ?? '[]') as [string, number, string]
      const blobs = await openFolderBlobs({ folder: folder.path })
      const draft = await blobs.resumeDraft(id, { lengthBytes, checksums: Buffer.from(checksums, 'hex') })
      const read = new Uint8Array(lengthBytes)
      expect(await draft.read(read, 0)).toBe(lengthBytes)
      expect(Buffer.compare(read, patternBytes(0, lengthBytes))).toBe(0)
      await draft.discard()
      // A blob is there whole or not at all.
      for await (const blob of blobs.list('tracks/kill/')) {
        expect(blob.sizeBytes).toBe(50_000)
        await blobs.delete(blob.name)
      }
      for await (const leftover of blobs.listDrafts()) await blobs.discardDraft(leftover.id)
    }
  } finally {
    await folder.remove()
  }
})

test('a full disk refuses an append and leaves the draft as it was', async ({ skip }) => {
  const disk = await mountSmallDisk(4)
  if (disk === undefined) {
    skip()
    return
  }
  try {
    const blobs = await openFolderBlobs({ folder: disk.path })
    const emptyBytes = (await blobs.freeBytes()) ?? 0
    expect(emptyBytes).toBeLessThanOrEqual(4 * 1_048_576)
    const draft = await blobs.createDraft()
    await draft.append([patternBytes(0, 3_000_000)])
    expect(await blobs.freeBytes()).toBeLessThanOrEqual(emptyBytes - 3_000_000)
    const before = draft.checksums()
    const tooMuch = [patternBytes(3_000_000, 500_000), patternBytes(3_500_000, 2_000_000)]
    await expect(draft.append(tooMuch)).rejects.toMatchObject({ code: 'disk_full' })
    expect(draft.lengthBytes).toBe(3_000_000)
    expect(draft.checksums()).toEqual(before)
    expect(await draft.read(new Uint8Array(10), 3_000_000)).toBe(0)

    // What was written in vain is free again.
    expect(await blobs.freeBytes()).toBeGreaterThan(500_000)
    await draft.append([patternBytes(3_000_000, 500_000)])
    expect(await draft.publish('sources/after')).toMatchObject({ sizeBytes: 3_500_000 })
  } finally {
    await disk.remove()
  }
})

test('a full disk leaves a streamed draft with what could be written', async ({ skip }) => {
  const disk = await mountSmallDisk(4)
  if (disk === undefined) {
    skip()
    return
  }
  try {
    const blobs = await openFolderBlobs({ folder: disk.path })
    const draft = await blobs.createDraft({ streamed: true })
    await draft.append([patternBytes(0, 3_000_000)])
    await draft.flush()
    const tooMuch = [patternBytes(3_000_000, 500_000), patternBytes(3_500_000, 2_000_000)]
    await expect(draft.append(tooMuch).then(() => draft.flush())).rejects.toMatchObject({ code: 'disk_full' })
    const { lengthBytes } = draft
    expect(lengthBytes).toBeGreaterThanOrEqual(3_000_000)
    expect(lengthBytes).toBeLessThanOrEqual(4 * 1_048_576)
    expect(draft.checksums()).toEqual(checksumsOf(patternBytes(0, lengthBytes)))
    await expectContents(draft, patternBytes(0, lengthBytes))
    expect(await draft.read(new Uint8Array(10), lengthBytes)).toBe(0)

    // As an upload does, whose offset is a multiple of a step.
    const keptBytes = 11 * STEP_BYTES
    await draft.truncate(keptBytes)
    expect(await blobs.freeBytes()).toBeGreaterThan(500_000)
    await draft.append([patternBytes(keptBytes, 500_000)])
    await expectContents(draft, patternBytes(0, keptBytes + 500_000))
    expect(await draft.publish('sources/after')).toMatchObject({ sizeBytes: keptBytes + 500_000 })
  } finally {
    await disk.remove()
  }
})
