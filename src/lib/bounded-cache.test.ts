import { expect, test } from 'vitest'
import { BoundedCache } from './bounded-cache.ts'

const cacheOfText = (maxWeight: number) =>
  new BoundedCache<string, string>({ maxWeight, weigh: (text) => text.length })

test('equal requests share one maker, later ones its value', async () => {
  const cache = cacheOfText(100)
  let made = 0
  const make = async () => `value ${++made}`
  expect(await Promise.all([cache.get('a', make), cache.get('a', make)])).toEqual(['value 1', 'value 1'])
  expect(await cache.get('a', make)).toBe('value 1')
})

test('a failure reaches everybody who waits and is not kept', async () => {
  const cache = cacheOfText(100)
  const fail = () => {
    throw new Error('no')
  }
  const both = await Promise.allSettled([cache.get('a', fail), cache.get('a', fail)])
  expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected'])
  expect(await cache.get('a', async () => 'now')).toBe('now')
})

test('the least recently used goes when it gets too heavy', async () => {
  const cache = cacheOfText(10)
  cache.set('a', 'aaaa')
  cache.set('b', 'bbbb')
  expect(cache.peek('a')).toBe('aaaa')
  cache.set('c', 'cccc')
  expect(cache.peek('b')).toBeUndefined()
  expect(cache.peek('a')).toBe('aaaa')
  expect(cache.weight).toBe(8)
})

test('a value too heavy by itself is given but not kept, and drives nothing out', async () => {
  const cache = cacheOfText(10)
  cache.set('a', 'aaaa')
  expect(await cache.get('big', async () => 'x'.repeat(11))).toHaveLength(11)
  expect(cache.peek('big')).toBeUndefined()
  expect(cache.peek('a')).toBe('aaaa')
})

test('what is deleted while it is made is not kept', async () => {
  const cache = cacheOfText(100)
  const gate = Promise.withResolvers<string>()
  const old = cache.get('a', () => gate.promise)
  cache.delete('a')
  const fresh = cache.get('a', async () => 'fresh')
  gate.resolve('old')
  expect(await old).toBe('old')
  expect(await fresh).toBe('fresh')
  expect(cache.peek('a')).toBe('fresh')
  cache.clear()
  expect(cache.weight).toBe(0)
})
