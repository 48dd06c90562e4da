import type { FileHandle } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { PageMemory } from './page-memory.ts'
import { PagedEnd } from './paged-end.ts'

const MIB = 1_048_576
/** Its file system knows no direct writes, so that they go to the file of the test. */
const NO_DIRECT = '/proc/self/stat'

type Write = { readonly position: number; readonly bytes: number } & PromiseWithResolvers<void>

/** A file whose writes end when the test says so: no real disk is slow or fails on request. */
function slowEnd(memory = new PageMemory()) {
  const writes: Write[] = []
  const file = {
    writev: async (buffers: readonly Uint8Array[], position: number) => {
      const bytes = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
      const write = { position, bytes, ...Promise.withResolvers<void>() }
      writes.push(write)
      await write.promise
      return { bytesWritten: bytes, buffers }
    },
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the end of a file uses of one
  return { writes, end: new PagedEnd(file as unknown as FileHandle, NO_DIRECT, memory) }
}

const begun = (writes: readonly Write[], count: number) => expect.poll(() => writes.length).toBe(count)

test('whole pages are written as they come; while one write runs the next is a large one', async () => {
  const { writes, end } = slowEnd()
  await end.append([new Uint8Array(100_000)])
  await begun(writes, 1)
  expect(writes[0]).toMatchObject({ position: 0, bytes: 98_304 })
  await end.append([new Uint8Array(1_000_000)])
  await begun(writes, 1)
  await end.append([new Uint8Array(2 * MIB)])
  await begun(writes, 2)
  expect(writes[1]).toMatchObject({ position: 98_304, bytes: 2 * MIB })
  writes[0]?.resolve()
  writes[1]?.resolve()
  await begun(writes, 3)
  writes[2]?.resolve()
  const flushed = end.flush()
  // What is left of a page.
  await begun(writes, 4)
  expect(writes[3]?.bytes).toBeLessThan(4_096)
  writes[3]?.resolve()
  await flushed
  expect(end.writtenBytes).toBe(1_100_000 + 2 * MIB)
})

test('a write that is done before the one it follows is not told of yet', async () => {
  const { writes, end } = slowEnd()
  await end.append([new Uint8Array(4 * MIB)])
  await begun(writes, 2)
  writes[1]?.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(end.writtenBytes).toBe(0)
  writes[0]?.resolve()
  await expect.poll(() => end.writtenBytes).toBe(4 * MIB)
})

test('of a write that fails nothing counts, nor what follows it; from a restart on everything does', async () => {
  const memory = new PageMemory()
  const { writes, end } = slowEnd(memory)
  await end.append([new Uint8Array(4 * MIB)])
  await begun(writes, 2)
  writes[0]?.reject(new Error('EIO'))
  await new Promise((resolve) => setImmediate(resolve))
  let told = false
  const refused = end.append([new Uint8Array(1)]).finally(() => {
    told = true
  })
  refused.catch(() => undefined)
  await new Promise((resolve) => setImmediate(resolve))
  // The other one could still write where something else begins.
  expect(told).toBe(false)
  writes[1]?.resolve()
  await expect(refused).rejects.toThrow('EIO')
  await expect(end.flush()).rejects.toThrow('EIO')
  expect(end.writtenBytes).toBe(0)
  await end.restart(0)
  await end.append([new Uint8Array(8_192)])
  await begun(writes, 3)
  writes[2]?.resolve()
  await end.flush()
  expect(end.writtenBytes).toBe(8_192)
})

test('a file that holds no memory goes on when others give theirs back', async () => {
  const memory = new PageMemory()
  const slow = Array.from({ length: 4 }, () => slowEnd(memory))
  // Each takes four buffers: two in writes, two that wait.
  for (const { end, writes } of slow) {
    await end.append([new Uint8Array(4 * MIB)])
    await begun(writes, 2)
  }
  const late = slowEnd(memory)
  const taken = late.end.append([new Uint8Array(4_096)])
  await new Promise((resolve) => setImmediate(resolve))
  expect(late.writes).toHaveLength(0)
  slow[2]?.writes[0]?.resolve()
  await taken
  await begun(late.writes, 1)
})
