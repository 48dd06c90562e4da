import { describe, expect, test } from 'vitest'
import { HeadwaterError } from '../../lib/failure.ts'
import { type Body, BodyReader, type BlobSource, bodyOf, sliceBody, streamBody } from './body.ts'

const CONTENT = Uint8Array.from({ length: 600_000 }, (_, index) => (index * 7 + (index >> 8)) & 255)

/** A store with one blob, and how it was read. */
function store(content: Uint8Array = CONTENT) {
  const reads: number[] = []
  const open = { count: 0 }
  const blobs: BlobSource = {
    async open(name) {
      if (name !== 'a') throw new HeadwaterError('not_found', `There is no blob ${name}.`)
      open.count += 1
      return {
        sizeBytes: content.byteLength,
        async read(target, position) {
          reads.push(target.byteLength)
          const piece = content.subarray(position, position + target.byteLength)
          target.set(piece)
          return piece.byteLength
        },
        async close() {
          open.count -= 1
        },
      }
    },
  }
  return { blobs, reads, open }
}

async function readAll(blobs: BlobSource, body: Body, bufferBytes: number): Promise<Uint8Array> {
  const reader = new BodyReader(blobs, body)
  const pieces: Uint8Array[] = []
  for (;;) {
    const buffer = new Uint8Array(bufferBytes)
    const filled = await reader.read(buffer)
    pieces.push(buffer.subarray(0, filled))
    if (filled < bufferBytes) break
  }
  await reader.close()
  return Buffer.concat(pieces)
}

function expected(body: Body): Uint8Array {
  return Buffer.concat(
    body.parts.map((part) =>
      part instanceof Uint8Array ? part : CONTENT.subarray(part.range.start, part.range.end),
    ),
  )
}

const range = (start: number, end: number) => ({ blob: 'a', range: { start, end } })
const bodies: { name: string; body: Body }[] = [
  { name: 'nothing', body: bodyOf([]) },
  { name: 'memory only', body: bodyOf([new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array([4])]) },
  { name: 'one range', body: bodyOf([range(10, 5_000)]) },
  {
    name: 'samples of one track between those of another',
    body: bodyOf([
      new Uint8Array([9, 9]),
      ...Array.from({ length: 50 }, (_, n) => range(n * 10_000 + 3, n * 10_000 + 4_000 + n)),
    ]),
  },
  {
    name: 'small samples far apart',
    body: bodyOf([range(0, 10), range(131_000, 131_010), range(400_000, 400_010)]),
  },
  { name: 'ranges that go back', body: bodyOf([range(5_000, 6_000), range(100, 200), range(5_500, 5_600)]) },
  {
    name: 'memory between ranges',
    body: bodyOf([range(0, 100), new Uint8Array(50).fill(7), range(100, 200)]),
  },
]

describe('a body', () => {
  test.each(bodies)('is read right with buffers of any size: $name', async ({ body }) => {
    const truth = expected(body)
    expect(truth.byteLength).toBe(body.sizeBytes)
    for (const bufferBytes of [1, 7, 1_000, 4_096, 65_536, 1 << 20]) {
      if (body.sizeBytes / bufferBytes > 100_000) continue
      const { blobs, open } = store()
      expect(Buffer.compare(await readAll(blobs, body, bufferBytes), truth)).toBe(0)
      expect(open.count).toBe(0)
    }
  })

  test('is cut into any range', async () => {
    for (const { body } of bodies) {
      const truth = expected(body)
      for (const [start, end] of [
        [0, 1],
        [1, 3],
        [0, body.sizeBytes],
        [body.sizeBytes - 1, body.sizeBytes],
        [2, 4_500],
      ] as const) {
        const slice = sliceBody(body, { start, end })
        const wanted = truth.subarray(Math.max(0, start), Math.max(0, Math.min(end, truth.byteLength)))
        expect(slice.sizeBytes).toBe(wanted.byteLength)
        expect(Buffer.compare(await readAll(store().blobs, slice, 1_000), wanted)).toBe(0)
      }
    }
  })

  test('reads ranges that lie near each other at once', async () => {
    const { blobs, reads } = store()
    const body = bodyOf(Array.from({ length: 50 }, (_, n) => range(n * 10_000, n * 10_000 + 4_000)))
    await readAll(blobs, body, 1 << 20)
    expect(reads).toHaveLength(1)
  })

  test('streams with buffers of its own', async () => {
    const { blobs, open } = store()
    const body = bodyOf([new Uint8Array([1]), range(0, 600_000)])
    const pieces: Uint8Array[] = []
    for await (const piece of streamBody(blobs, body)) pieces.push(piece)
    expect(Buffer.compare(Buffer.concat(pieces), expected(body))).toBe(0)
    expect(open.count).toBe(0)
  })

  test('fails when the blob is shorter than it should be', async () => {
    const { blobs, open } = store(CONTENT.subarray(0, 1_000))
    const reader = new BodyReader(blobs, bodyOf([range(0, 2_000)]))
    await expect(reader.read(new Uint8Array(4_000))).rejects.toMatchObject({ code: 'blob_damaged' })
    await reader.close()
    expect(open.count).toBe(0)
  })
})
