import { expect, test } from 'vitest'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Draft } from '../../ports.ts'
import { storeBody } from './store-body.ts'
import type { UploadBody } from './upload.ts'

/** A draft that writes when told to, and notes what happened in which order. */
function scriptedDraft(notes: string[], failAt = Number.POSITIVE_INFINITY) {
  const bytes: number[] = []
  let writing = 0
  let summed = 0
  const draft = {
    get lengthBytes() {
      return bytes.length
    },
    append: async (buffers: readonly Uint8Array[], sums: number) => {
      writing += 1
      expect(writing).toBe(1)
      const given = buffers.flatMap((buffer) => [...buffer])
      expect(sums).toBe(bytes.length + given.length)
      notes.push(`write ${given.join('')}`)
      await new Promise((resolve) => setImmediate(resolve))
      writing -= 1
      if (bytes.length + given.length > failAt) throw new HeadwaterError('disk_full', 'full')
      bytes.push(...given)
      notes.push(`written ${given.join('')}`)
    },
    sumAhead: (buffers: readonly Uint8Array[]) => {
      notes.push(`sum ${buffers.map((buffer) => buffer.join('')).join('')}`)
      return (summed += buffers.reduce((sum, buffer) => sum + buffer.length, 0))
    },
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what storeBody uses of a draft
  return { draft: draft as unknown as Draft, bytes }
}

function scriptedBody(
  batches: readonly number[][],
  notes: string[],
  state: UploadBody['state'] = 'complete',
) {
  const left = batches.map((batch) => [Uint8Array.from(batch)])
  const body: UploadBody = {
    state,
    writeBytes: 3,
    next: async () => {
      notes.push('next')
      return left.shift()
    },
    release: (batch) => {
      for (const buffer of batch) notes.push(`release ${buffer.join('')}`)
    },
    silentMs: () => 0,
    stop: () => undefined,
  }
  return body
}

test('what comes while a write is under way is summed and goes with the next; memory is given back after its write', async () => {
  const notes: string[] = []
  const { draft, bytes } = scriptedDraft(notes)
  const stored = await storeBody(draft, scriptedBody([[1], [2], [3]], notes), 100)
  expect(stored).toEqual({ bytes: 3, ending: 'complete' })
  expect(bytes).toEqual([1, 2, 3])
  expect(notes).toEqual([
    'next',
    'sum 1',
    'write 1',
    'next',
    'sum 2',
    'next',
    'sum 3',
    'next',
    'written 1',
    'release 1',
    'write 23',
    'written 23',
    'release 2',
    'release 3',
  ])
})

test('no more is taken than the next write may have', async () => {
  const notes: string[] = []
  const { draft, bytes } = scriptedDraft(notes)
  await storeBody(draft, scriptedBody([[1], [2, 3], [4, 5], [6], [7]], notes), 100)
  expect(bytes).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(notes.filter((note) => /next|write /.test(note)).join(', ')).toBe(
    'next, write 1, next, next, write 2345, next, next, next, write 67',
  )
})

test('what is beyond the room is not written', async () => {
  const { draft, bytes } = scriptedDraft([])
  expect(await storeBody(draft, scriptedBody([[1, 2], [3, 4], [5]], []), 3)).toEqual({
    bytes: 3,
    ending: 'more',
  })
  expect(bytes).toEqual([1, 2, 3])
  const exact = scriptedDraft([])
  expect(await storeBody(exact.draft, scriptedBody([[1, 2]], []), 2)).toEqual({
    bytes: 2,
    ending: 'complete',
  })
})

test('a full disk tells what had been written', async () => {
  const { draft, bytes } = scriptedDraft([], 3)
  const stored = await storeBody(draft, scriptedBody([[1, 2], [3, 4], [5]], []), 100)
  expect(stored).toMatchObject({ bytes: 2, ending: 'disk_full' })
  expect(bytes).toEqual([1, 2])
})

test('nothing is written after what a full disk did not take, however late it comes', async () => {
  const notes: string[] = []
  const { draft, bytes } = scriptedDraft(notes, 2)
  const quick = scriptedBody([[1, 2, 3], [4], [5]], notes)
  const next = async () => {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    return quick.next()
  }
  expect(await storeBody(draft, { ...quick, next }, 100)).toMatchObject({ bytes: 0, ending: 'disk_full' })
  expect(bytes).toEqual([])
  expect(notes).toEqual(['next', 'sum 123', 'write 123', 'next'])
})

test('a broken body says so, with its bytes written', async () => {
  const { draft } = scriptedDraft([])
  expect(await storeBody(draft, scriptedBody([[1], [2]], [], 'broken'), 100)).toEqual({
    bytes: 2,
    ending: 'broken',
  })
})

test('the first batch is looked at before it is written', async () => {
  const notes: string[] = []
  const { draft } = scriptedDraft(notes)
  const refuse = () => {
    throw new HeadwaterError('form_not_media', 'text')
  }
  await expect(storeBody(draft, scriptedBody([[1], [2]], notes), 100, refuse)).rejects.toThrow('text')
  expect(notes).toEqual(['next'])
})
