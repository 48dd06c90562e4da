import { expect, test } from 'vitest'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Draft } from '../../ports.ts'
import { storeBody } from './store-body.ts'
import type { UploadBody } from './upload.ts'

/** A draft with room for `roomBytes`, which notes what happened in which order. */
function scriptedDraft(notes: string[], roomBytes = Number.POSITIVE_INFINITY) {
  const bytes: number[] = []
  const draft = {
    get lengthBytes() {
      return bytes.length
    },
    append: async (buffers: readonly Uint8Array[]) => {
      const given = buffers.flatMap((buffer) => [...buffer])
      await new Promise((resolve) => setImmediate(resolve))
      notes.push(`append ${given.join('')}`)
      if (bytes.length + given.length > roomBytes) throw new HeadwaterError('disk_full', 'full')
      bytes.push(...given)
    },
    flush: async () => {
      notes.push('flush')
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

test('each batch is appended, then given back; nothing is left to be written in the end', async () => {
  const notes: string[] = []
  const { draft, bytes } = scriptedDraft(notes)
  const stored = await storeBody(draft, scriptedBody([[1], [2, 3]], notes), 100)
  expect(stored).toEqual({ bytes: 3, ending: 'complete' })
  expect(bytes).toEqual([1, 2, 3])
  expect(notes.join(', ')).toBe('next, append 1, release 1, next, append 23, release 23, next, flush')
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

test('what a full disk does not take in the end is not told as stored', async () => {
  const { draft, bytes } = scriptedDraft([])
  const flush = async () => {
    bytes.pop()
    throw new HeadwaterError('disk_full', 'full')
  }
  const behind: Draft = Object.defineProperty(draft, 'flush', { value: flush })
  const stored = await storeBody(behind, scriptedBody([[1, 2], [3]], []), 100)
  expect(stored).toMatchObject({ bytes: 2, ending: 'disk_full' })
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
