import { describe, expect, test } from 'vitest'
import { type BlobSource, bodyOf } from './body.ts'
import { PopularBodies } from './popular-bodies.ts'

/** A store whose one blob is `sizeBytes` long, and how often it was read. */
function store(sizeBytes: number) {
  const counts = { opened: 0, read: 0 }
  const blobs: BlobSource = {
    async open() {
      counts.opened += 1
      return {
        sizeBytes,
        async read(target, position) {
          counts.read += 1
          const length = Math.max(0, Math.min(target.byteLength, sizeBytes - position))
          target.fill(7, 0, length)
          return length
        },
        async close() {
          counts.opened -= 1
        },
      }
    },
  }
  const open = async () => bodyOf([Uint8Array.of(1), { blob: 'a', range: { start: 0, end: 1_000 } }])
  return { popular: new PopularBodies(blobs), counts, open }
}

describe('a body', () => {
  test('asked for once is left where it is', async () => {
    const { popular, counts, open } = store(1_000)
    expect((await popular.get('x', open)).parts).toHaveLength(2)
    expect((await popular.get('y', open)).parts).toHaveLength(2)
    expect(counts.read).toBe(0)
  })

  test('asked for again is read once, for everybody who asks', async () => {
    const { popular, counts, open } = store(1_000)
    await popular.get('x', open)
    const bodies = await Promise.all(Array.from({ length: 5 }, () => popular.get('x', open)))
    bodies.push(await popular.get('x', () => Promise.reject(new Error('not needed any more'))))
    for (const { sizeBytes, parts } of bodies) {
      expect(sizeBytes).toBe(1_001)
      expect(parts).toEqual([Uint8Array.of(1, ...new Uint8Array(1_000).fill(7))])
      expect(parts[0]).toBe(bodies[0]?.parts[0])
    }
    expect(counts).toEqual({ opened: 0, read: 1 })
  })

  test('that cannot be read is a failure each time, and never a shorter one', async () => {
    const { popular, counts, open } = store(999)
    await popular.get('x', open)
    for (let time = 0; time < 2; time += 1) {
      await expect(popular.get('x', open)).rejects.toMatchObject({ code: 'blob_damaged' })
    }
    expect(counts.opened).toBe(0)
  })

  test('that is larger than a segment is not held in memory', async () => {
    const { popular } = store(0)
    const large = async () => bodyOf([{ blob: 'a', range: { start: 0, end: 9 * 1024 ** 2 } }])
    for (let time = 0; time < 3; time += 1) {
      expect((await popular.get('x', large)).parts[0]).not.toBeInstanceOf(Uint8Array)
    }
  })
})
