import { expect, test } from 'vitest'
import { type Hold, KeyedLock, type TakeOptions } from './keyed-lock.ts'

const LONG: TakeOptions = { waitMs: 60_000 }

async function mustTake(locks: KeyedLock, key: string, options: TakeOptions = LONG): Promise<Hold> {
  const hold = await locks.take(key, options)
  if (hold === undefined) throw new Error('the lock was not given')
  return hold
}

test('keys do not know each other; a free key is taken at once', async () => {
  const locks = new KeyedLock()
  const hold = await mustTake(locks, 'a', { waitMs: 0 })
  expect(await locks.take('b', { waitMs: 0 })).toBeDefined()
  expect(await locks.take('a', { waitMs: 0 })).toBeUndefined()
  hold.release()
  expect(locks.isHeld('a')).toBe(false)
  expect(await locks.take('a', { waitMs: 0 })).toBeDefined()
})

test('newcomers get the lock in their order', async () => {
  const locks = new KeyedLock()
  const first = await mustTake(locks, 'a')
  const order: number[] = []
  const later = [1, 2, 3].map(async (index) => {
    const hold = await mustTake(locks, 'a')
    order.push(index)
    hold.release()
  })
  first.release()
  await Promise.all(later)
  expect(order).toEqual([1, 2, 3])
})

test('a newcomer asks the holder, who may let go', async () => {
  const locks = new KeyedLock()
  const wanted = Promise.withResolvers<void>()
  const hold = await mustTake(locks, 'a', { ...LONG, onWanted: wanted.resolve })
  const next = locks.take('a', LONG)
  await wanted.promise
  hold.release()
  expect(await next).toBeDefined()
})

test('a holder that got a queue with the lock is asked, too', async () => {
  const locks = new KeyedLock()
  const first = await mustTake(locks, 'a')
  let asked = 0
  const second = locks.take('a', { ...LONG, onWanted: () => asked++ })
  const third = locks.take('a', LONG)
  expect(asked).toBe(0)
  first.release()
  const hold = await second
  expect(asked).toBe(1)
  hold?.release()
  expect(await third).toBeDefined()
})

test('a wait ends at its limit or with its signal, and leaves the queue', async () => {
  const locks = new KeyedLock()
  const hold = await mustTake(locks, 'a')
  expect(await locks.take('a', { waitMs: 5 })).toBeUndefined()
  const controller = new AbortController()
  const waiting = locks.take('a', { ...LONG, signal: controller.signal })
  controller.abort()
  expect(await waiting).toBeUndefined()
  expect(await locks.take('a', { ...LONG, signal: controller.signal })).toBeUndefined()
  hold.release()
  expect(locks.isHeld('a')).toBe(false)
})

test('releasing twice does not take the lock from the next holder', async () => {
  const locks = new KeyedLock()
  const first = await mustTake(locks, 'a')
  const second = locks.take('a', LONG)
  first.release()
  await second
  first.release()
  expect(await locks.take('a', { waitMs: 0 })).toBeUndefined()
})
