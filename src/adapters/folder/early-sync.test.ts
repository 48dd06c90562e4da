import { expect, test } from 'vitest'
import { EarlySync } from './early-sync.ts'

const MIB = 1_048_576

/** A file whose syncs end when the test says so: no real disk fails on request. */
function slowFile() {
  const syncs: PromiseWithResolvers<void>[] = []
  const datasync = () => {
    const sync = Promise.withResolvers<void>()
    syncs.push(sync)
    return sync.promise
  }
  return { syncs, datasync }
}

test('begins after some megabytes, for one file of a folder at a time', async () => {
  const turn = { taken: false }
  const [one, other] = [slowFile(), slowFile()]
  const first = new EarlySync(one, turn)
  const second = new EarlySync(other, turn)
  first.wrote(3 * MIB)
  expect(one.syncs).toHaveLength(0)
  first.wrote(MIB)
  second.wrote(30 * MIB)
  first.wrote(30 * MIB)
  expect([one.syncs.length, other.syncs.length]).toEqual([1, 0])
  one.syncs[0]?.resolve()
  await first.settle()
  second.wrote(1)
  expect(other.syncs).toHaveLength(1)
})

test('what failed on the way is told by the sync that counts, since the system tells it once', async () => {
  const turn = { taken: false }
  const file = slowFile()
  const early = new EarlySync(file, turn)
  early.wrote(4 * MIB)
  const settled = early.settle()
  file.syncs[0]?.reject(new Error('EIO'))
  await expect(settled).rejects.toThrow('EIO')
  await expect(early.settle()).rejects.toThrow('EIO')
  expect(turn.taken).toBe(false)
})
