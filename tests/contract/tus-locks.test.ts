/** Several requests for one upload, beyond the first cases of `tus-resume.test.ts`: uploads.md §2.5. */

import { describe, expect, test, vi } from 'vitest'
import type { Blobs } from '../../src/ports.ts'
import { withServer } from './concatenation-fixture.ts'
import { wrapDrafts } from './faulty-blobs.ts'
import {
  type Created,
  isHeld,
  MIB,
  RawClient,
  sha256,
  testBytes,
  tusCalls,
  until,
  type UploadServer,
} from './tus-fixture.ts'

/** A PATCH whose first bytes have come and whose upload is held by it. */
async function beginPatch(
  server: UploadServer,
  upload: Created,
  chunk: { offset: number; length: number; first: Uint8Array },
): Promise<RawClient> {
  const client = new RawClient(server.port)
  await client.head(...tusCalls(server).patchLines(upload.path, chunk.offset, chunk.length))
  await client.bytes(chunk.first)
  await until(() => isHeld(server, upload))
  return client
}

test('a first one that ends in time has moved the offset: 409 for who repeats its chunk', async () => {
  await withServer({}, async (server) => {
    const bytes = testBytes(10 * MIB)
    const made = await tusCalls(server).create(bytes.length)
    const chunk = { offset: 0, length: 5 * MIB, first: bytes.subarray(0, 4 * MIB) }
    const first = await beginPatch(server, made, chunk)
    const second = tusCalls(server).patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    await first.bytes(bytes.subarray(4 * MIB, 5 * MIB))
    expect((await first.answer())?.status).toBe(204)
    expect((await second).status).toBe(409)
    expect(await tusCalls(server).storedOffset(made.location)).toBe(5 * MIB)
    first.socket.destroy()
  })
})

test.each([
  [
    'PATCH',
    async (server: UploadServer, location: string) => {
      expect(
        (await tusCalls(server).patch(location, 2 * MIB, testBytes(20 * MIB).subarray(2 * MIB))).status,
      ).toBe(204)
    },
  ],
  [
    'HEAD',
    async (server: UploadServer, location: string) => {
      expect(await tusCalls(server).storedOffset(location)).toBe(2 * MIB)
    },
  ],
])('%s after one whose connection has just ended finds what it brought', async (_, next) => {
  await withServer({}, async (server) => {
    const made = await tusCalls(server).create(20 * MIB)
    const first = testBytes(20 * MIB).subarray(0, 2 * MIB + 70_000)
    const gone = await beginPatch(server, made, { offset: 0, length: 10 * MIB, first })
    gone.socket.end()
    await gone.ended()
    await next(server, made.location)
  })
})

test('HEAD is answered with the committed offset while the disk keeps a dead sender waiting: never 423', async () => {
  const disk = slowDisk()
  await withServer({ wrapBlobs: disk.wrap }, async (server) => {
    const bytes = testBytes(20 * MIB)
    const made = await tusCalls(server).create(bytes.length)
    await tusCalls(server).patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    disk.stop()
    const first = bytes.subarray(5 * MIB, 8 * MIB)
    const gone = await beginPatch(server, made, { offset: 5 * MIB, length: 10 * MIB, first })
    await disk.reached
    gone.reset()
    const head = await tusCalls(server).head(made.location)
    expect([head.status, head.headers['upload-offset']]).toEqual([200, String(5 * MIB)])
    // A PATCH must wait, and is told so.
    expect((await tusCalls(server).patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(423)
    disk.go()
    await until(() => !isHeld(server, made))
    const offset = await tusCalls(server).storedOffset(made.location)
    expect((await tusCalls(server).patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })
})

describe('who waits and goes away', () => {
  /** A PATCH that holds the upload, and one for what follows that has sent `bytes` of it, waited, and gone. */
  async function comeAndGo(server: UploadServer, made: Created, film: Uint8Array, bytes: number) {
    const chunk = { offset: 0, length: 5 * MIB, first: film.subarray(0, 4 * MIB) }
    const first = await beginPatch(server, made, chunk)
    const taking = vi.spyOn(server.deps.locks, 'take')
    const waiting = new RawClient(server.port)
    await waiting.head(...tusCalls(server).patchLines(made.path, 5 * MIB, 5 * MIB))
    await waiting.bytes(film.subarray(5 * MIB, 5 * MIB + bytes))
    await until(() => taking.mock.calls.length > 0)
    waiting.reset()
    await waiting.ended()
    return { first, turn: taking.mock.results[0]?.value }
  }

  test('early loses its turn at once', async () => {
    await withServer({}, async (server) => {
      const film = testBytes(10 * MIB)
      const made = await tusCalls(server).create(film.length)
      const { first, turn } = await comeAndGo(server, made, film, 1_000)
      expect(await turn).toBeUndefined()
      expect(isHeld(server, made)).toBe(true)
      await first.bytes(film.subarray(4 * MIB, 5 * MIB))
      expect((await first.answer())?.status).toBe(204)
      expect((await tusCalls(server).patch(made.location, 5 * MIB, film.subarray(5 * MIB))).status).toBe(204)
      expect(await server.sourceHash(made.uid)).toBe(sha256(film))
      first.socket.destroy()
    })
  })

  test('late, with more on its way than is read ahead, is an interrupted body when its turn comes', async () => {
    await withServer({}, async (server) => {
      const film = testBytes(10 * MIB)
      const made = await tusCalls(server).create(film.length)
      const { first } = await comeAndGo(server, made, film, MIB)
      await first.bytes(film.subarray(4 * MIB, 5 * MIB))
      expect((await first.answer())?.status).toBe(204)
      await until(() => !isHeld(server, made))
      const offset = await tusCalls(server).storedOffset(made.location)
      expect([offset % 262_144, offset >= 5 * MIB]).toEqual([0, true])
      expect((await tusCalls(server).patch(made.location, offset, film.subarray(offset))).status).toBe(204)
      expect(await server.sourceHash(made.uid)).toBe(sha256(film))
      first.socket.destroy()
    })
  })
})

test.each<[string, (server: UploadServer, sender: RawClient, location: string) => Promise<unknown>]>([
  [
    'was closed',
    async (_, sender) => {
      sender.socket.end()
      await sender.ended()
    },
  ],
  [
    'fell silent, ended by HEAD',
    (server, _, location) => until(async () => (await tusCalls(server).storedOffset(location)) > 0),
  ],
  [
    'fell silent, ended by PATCH',
    async (server, _, location) => {
      expect((await tusCalls(server).patch(location, 0, testBytes(5 * MIB))).status).toBe(409)
    },
  ],
])(
  'where the body of a sender that %s broke off, the next chunk of an ordinary length fits',
  async (_, breakOff) => {
    await withServer({}, async (server) => {
      const bytes = testBytes(20 * MIB + 3)
      const made = await tusCalls(server).create(bytes.length)
      const first = bytes.subarray(0, 3 * MIB + 262_144 + 99_999)
      const sender = await beginPatch(server, made, { offset: 0, length: 10 * MIB, first })
      await breakOff(server, sender, made.location)
      const kept = 3 * MIB + 262_144
      expect(await tusCalls(server).storedOffset(made.location)).toBe(kept)
      // No last chunk: minimum and divisor hold for it.
      const next = await tusCalls(server).patch(made.location, kept, bytes.subarray(kept, kept + 5 * MIB))
      expect([next.status, next.headers['upload-offset']]).toEqual([204, String(kept + 5 * MIB)])
      const rest = bytes.subarray(kept + 5 * MIB)
      expect((await tusCalls(server).patch(made.location, kept + 5 * MIB, rest)).status).toBe(204)
      expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
      sender.socket.destroy()
    })
  },
)

test('a silent one with a checksum is ended like any other, and all it brought is discarded', async () => {
  await withServer({}, async (server) => {
    const bytes = testBytes(6 * MIB)
    const made = await tusCalls(server).create(bytes.length)
    const silent = new RawClient(server.port)
    const lines = tusCalls(server).patchLines(made.path, 0, bytes.length)
    await silent.head(...lines, `Upload-Checksum: md5 ${Buffer.alloc(16).toString('base64')}`)
    await silent.bytes(bytes.subarray(0, 3 * MIB))
    await until(() => isHeld(server, made))
    expect((await tusCalls(server).patch(made.location, 0, bytes)).status).toBe(204)
    expect((await silent.answer())?.status).toBe(423)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })
})

/** A disk that takes no more bytes from `stop` to `go`; `reached` resolves when some were offered meanwhile. */
function slowDisk() {
  let wait: Promise<void> = Promise.resolve()
  let go: () => void = () => undefined
  let reach: () => void = () => undefined
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  let stopped = false
  return {
    reached,
    go: () => go(),
    stop: () => {
      stopped = true
      wait = new Promise((resolve) => {
        go = resolve
      })
    },
    wrap: (blobs: Blobs): Blobs =>
      wrapDrafts(blobs, (draft) => ({
        append: async (buffers) => {
          if (stopped) reach()
          await wait
          return draft.append(buffers)
        },
      })),
  }
}
