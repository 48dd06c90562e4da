/** Uploads that break: what is kept, and who may go on. uploads.md §2.5. */

import { describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { call, MIB, RawClient, sha256, testBytes } from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { create, patch, head, storedOffset } = uploads

/** Resolves once the upload's request has been taken up, so that what follows meets it. */
async function untilHeld(uid: string): Promise<void> {
  while (!uploads.server.deps.locks.isHeld(`upload/${uid}`))
    await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Resolves once the server has noticed that the sender is gone, and has kept what it brought. */
async function untilFree(uid: string): Promise<void> {
  while (uploads.server.deps.locks.isHeld(`upload/${uid}`))
    await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('an interrupted body', () => {
  test.each(['reset', 'closed'])('is kept down to a multiple of 256 KiB (%s)', async (how) => {
    const bytes = testBytes(20 * MIB)
    const made = await create(bytes.length)
    const client = new RawClient(uploads.server.port)
    await client.head(...uploads.patchLines(made.path, 0, 10 * MIB))
    await client.bytes(bytes.subarray(0, 3 * MIB + 100_000))
    // Everything the client's system took has not yet been read by the server; what is read last is uncertain.
    await untilHeld(made.uid)
    if (how === 'reset') client.reset()
    else client.socket.end()
    await untilFree(made.uid)
    const offset = await storedOffset(made.location)
    expect(offset % 262_144).toBe(0)
    expect(offset).toBeLessThanOrEqual(3 * MIB)
    if (how === 'closed') expect(offset).toBe(3 * MIB)
    expect((await patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('is kept whole when it completes the upload though its own length was never reached', async () => {
    const bytes = testBytes(MIB + 7)
    const made = await create(bytes.length)
    const client = new RawClient(uploads.server.port)
    const lines = uploads.patchLines(made.path, 0, 0).filter((line) => !line.startsWith('Content-Length'))
    await client.head(...lines, 'Transfer-Encoding: chunked')
    await client.bytes(Buffer.from(`${bytes.length.toString(16)}\r\n`))
    await client.bytes(bytes)
    client.socket.end()
    await client.ended()
    expect(await storedOffset(made.location)).toBe(bytes.length)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('of less than 256 KiB leaves the offset where it was', async () => {
    const made = await create(20 * MIB)
    const client = new RawClient(uploads.server.port)
    await client.head(...uploads.patchLines(made.path, 0, 10 * MIB))
    await client.bytes(testBytes(200_000))
    await untilHeld(made.uid)
    client.socket.end()
    await untilFree(made.uid)
    expect(await storedOffset(made.location)).toBe(0)
  })
})

describe('two requests for one upload', () => {
  test('a silent one is ended after a second and keeps what it brought', async () => {
    const bytes = testBytes(20 * MIB)
    const made = await create(bytes.length)
    const stale = new RawClient(uploads.server.port)
    await stale.head(...uploads.patchLines(made.path, 0, 10 * MIB))
    await stale.bytes(bytes.subarray(0, 2 * MIB + 5))
    await untilHeld(made.uid)
    // Had it been waited for, this were 423.
    const refused = await patch(made.location, 0, bytes.subarray(0, 10 * MIB))
    expect(refused.status).toBe(409)
    expect((await stale.answer())?.status).toBe(423)
    await stale.ended()
    expect(await storedOffset(made.location)).toBe(2 * MIB)
    expect((await patch(made.location, 2 * MIB, bytes.subarray(2 * MIB))).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('HEAD ends a silent one, too', async () => {
    const made = await create(20 * MIB)
    const stale = new RawClient(uploads.server.port)
    await stale.head(...uploads.patchLines(made.path, 0, 10 * MIB))
    await stale.bytes(testBytes(MIB))
    await untilHeld(made.uid)
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(await storedOffset(made.location)).toBe(MIB)
    expect((await stale.answer())?.status).toBe(423)
  })

  test('a lively one goes on: HEAD tells the committed offset, PATCH gets 423 after five seconds', async () => {
    const bytes = testBytes(20 * MIB)
    const made = await create(bytes.length)
    const lively = new RawClient(uploads.server.port)
    await lively.head(...uploads.patchLines(made.path, 0, bytes.length))
    let sent = 0
    const sendSome = () => {
      void lively.bytes(bytes.subarray(sent, sent + 65_536))
      sent += 65_536
    }
    sendSome()
    await untilHeld(made.uid)
    const timer = setInterval(sendSome, 100)
    try {
      const before = performance.now()
      let over = false
      const refused = patch(made.location, 0, bytes.subarray(0, 5 * MIB)).finally(() => {
        over = true
      })
      expect(await storedOffset(made.location)).toBe(0)
      // HEAD has not waited as the PATCH before it does.
      expect(over).toBe(false)
      expect((await refused).status).toBe(423)
      expect(performance.now() - before).toBeGreaterThan(4_800)
      expect((await call('DELETE', made.location, uploads.auth)).status).toBe(423)
    } finally {
      clearInterval(timer)
    }
    await lively.bytes(bytes.subarray(sent))
    expect((await lively.answer())?.status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('the newcomer goes on when the first one ends in time', async () => {
    const bytes = testBytes(10 * MIB)
    const made = await create(bytes.length)
    const first = new RawClient(uploads.server.port)
    await first.head(...uploads.patchLines(made.path, 0, 5 * MIB))
    await first.bytes(bytes.subarray(0, 4 * MIB))
    await untilHeld(made.uid)
    const second = patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))
    await new Promise((resolve) => setTimeout(resolve, 300))
    await first.bytes(bytes.subarray(4 * MIB, 5 * MIB))
    expect((await first.answer())?.status).toBe(204)
    expect((await second).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('DELETE ends a dead one and takes everything', async () => {
    const made = await create(20 * MIB)
    const stale = new RawClient(uploads.server.port)
    await stale.head(...uploads.patchLines(made.path, 0, 10 * MIB))
    await stale.bytes(testBytes(MIB))
    await untilHeld(made.uid)
    stale.reset()
    expect((await call('DELETE', made.location, uploads.auth)).status).toBe(204)
    expect((await head(made.location)).status).toBe(410)
    expect(await getVideo(uploads.server.deps.db, made.uid)).toBeUndefined()
  })
})

describe('a refusal', () => {
  test('comes while a large body is still under way, and then the connection closes', async () => {
    const made = await create(300 * MIB)
    const client = new RawClient(uploads.server.port)
    await client.head(...uploads.patchLines(made.path, 5 * MIB, 100 * MIB))
    void client.bytes(testBytes(8 * MIB))
    const answer = await client.answer()
    expect(answer?.status).toBe(409)
    expect(answer?.headers.get('connection')).toBe('close')
    client.socket.end()
    await client.ended()
  })

  test('comes instead of 100 Continue', async () => {
    const made = await create(300 * MIB)
    const client = new RawClient(uploads.server.port)
    await client.head(...uploads.patchLines(made.path, 0, 5 * MIB + 1), 'Expect: 100-continue')
    expect((await client.answer())?.status).toBe(400)
    client.socket.destroy()
  })

  test('100 Continue comes when the body is wanted', async () => {
    const bytes = testBytes(MIB)
    const made = await create(bytes.length)
    const client = new RawClient(uploads.server.port)
    await client.head(...uploads.patchLines(made.path, 0, bytes.length), 'Expect: 100-continue')
    expect((await client.answer())?.status).toBe(100)
    await client.bytes(bytes)
    expect((await client.answer())?.status).toBe(204)
    client.socket.destroy()
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })
})
