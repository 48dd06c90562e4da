/** Uploads that break: what is kept, who may go on, and what survives a crash. uploads.md §2.5, §9. */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PreviousUpload, Upload, type UploadOptions } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { finishStalledUploads } from '../../src/core/uploads/index.ts'
import { getVideo } from '../../src/core/videos/index.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { Blobs, Draft } from '../../src/ports.ts'
import {
  call,
  MIB,
  RawClient,
  sha256,
  startUploadServer,
  testBytes,
  type UploadServer,
} from './tus-fixture.ts'

let server: UploadServer
let auth: Record<string, string>

beforeAll(async () => {
  server = await startUploadServer()
  auth = { 'tus-resumable': '1.0.0', authorization: `Bearer ${server.token}` }
})
afterAll(() => server.stop())

async function create(
  lengthBytes: number,
  on = server,
): Promise<{ location: string; uid: string; path: string }> {
  const made = await call('POST', on.endpoint, { ...auth, 'upload-length': String(lengthBytes) })
  expect(made.status).toBe(201)
  const location = made.headers.location ?? ''
  return { location, uid: String(made.headers['stream-media-id']), path: location.slice(on.url.length) }
}

const head = (location: string) => call('HEAD', location, auth)
const storedOffset = async (location: string) => Number((await head(location)).headers['upload-offset'])

function patch(location: string, offset: number, body: Uint8Array) {
  return call(
    'PATCH',
    location,
    {
      ...auth,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': String(offset),
      'content-length': String(body.length),
    },
    body,
  )
}

function patchHead(path: string, offset: number, length: number): string[] {
  return [
    `PATCH ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${auth.authorization}`,
    'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream',
    `Upload-Offset: ${offset}`,
    `Content-Length: ${length}`,
  ]
}

/** Resolves once the upload's request has been taken up, so that what follows meets it. */
async function untilHeld(uid: string, on = server): Promise<void> {
  while (!on.deps.locks.isHeld(`upload/${uid}`)) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Resolves once the server has noticed that the sender is gone, and has kept what it brought. */
async function untilFree(uid: string): Promise<void> {
  while (server.deps.locks.isHeld(`upload/${uid}`)) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('an interrupted body', () => {
  test.each(['reset', 'closed'])('is kept down to a multiple of 256 KiB (%s)', async (how) => {
    const bytes = testBytes(20 * MIB)
    const made = await create(bytes.length)
    const client = new RawClient(server.port)
    await client.head(...patchHead(made.path, 0, 10 * MIB))
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
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('is kept whole when it completes the upload though its own length was never reached', async () => {
    const bytes = testBytes(MIB + 7)
    const made = await create(bytes.length)
    const client = new RawClient(server.port)
    const lines = patchHead(made.path, 0, 0).filter((line) => !line.startsWith('Content-Length'))
    await client.head(...lines, 'Transfer-Encoding: chunked')
    await client.bytes(Buffer.from(`${bytes.length.toString(16)}\r\n`))
    await client.bytes(bytes)
    client.socket.end()
    await client.ended()
    expect(await storedOffset(made.location)).toBe(bytes.length)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('of less than 256 KiB leaves the offset where it was', async () => {
    const made = await create(20 * MIB)
    const client = new RawClient(server.port)
    await client.head(...patchHead(made.path, 0, 10 * MIB))
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
    const stale = new RawClient(server.port)
    await stale.head(...patchHead(made.path, 0, 10 * MIB))
    await stale.bytes(bytes.subarray(0, 2 * MIB + 5))
    await untilHeld(made.uid)
    const before = performance.now()
    const refused = await patch(made.location, 0, bytes.subarray(0, 10 * MIB))
    expect(refused.status).toBe(409)
    expect(performance.now() - before).toBeLessThan(3_000)
    expect((await stale.answer())?.status).toBe(423)
    await stale.ended()
    expect(await storedOffset(made.location)).toBe(2 * MIB)
    expect((await patch(made.location, 2 * MIB, bytes.subarray(2 * MIB))).status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('HEAD ends a silent one, too', async () => {
    const made = await create(20 * MIB)
    const stale = new RawClient(server.port)
    await stale.head(...patchHead(made.path, 0, 10 * MIB))
    await stale.bytes(testBytes(MIB))
    await untilHeld(made.uid)
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(await storedOffset(made.location)).toBe(MIB)
    expect((await stale.answer())?.status).toBe(423)
  })

  test('a lively one goes on: HEAD tells the committed offset, PATCH gets 423 after five seconds', async () => {
    const bytes = testBytes(20 * MIB)
    const made = await create(bytes.length)
    const lively = new RawClient(server.port)
    await lively.head(...patchHead(made.path, 0, bytes.length))
    let sent = 0
    const sendSome = () => {
      void lively.bytes(bytes.subarray(sent, sent + 65_536))
      sent += 65_536
    }
    sendSome()
    await untilHeld(made.uid)
    const timer = setInterval(sendSome, 100)
    try {
      const beforeHead = performance.now()
      expect(await storedOffset(made.location)).toBe(0)
      expect(performance.now() - beforeHead).toBeLessThan(500)
      const before = performance.now()
      const refused = await patch(made.location, 0, bytes.subarray(0, 5 * MIB))
      expect(refused.status).toBe(423)
      expect(performance.now() - before).toBeGreaterThan(4_800)
      expect((await call('DELETE', made.location, auth)).status).toBe(423)
    } finally {
      clearInterval(timer)
    }
    await lively.bytes(bytes.subarray(sent))
    expect((await lively.answer())?.status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('the newcomer goes on when the first one ends in time', async () => {
    const bytes = testBytes(10 * MIB)
    const made = await create(bytes.length)
    const first = new RawClient(server.port)
    await first.head(...patchHead(made.path, 0, 5 * MIB))
    await first.bytes(bytes.subarray(0, 4 * MIB))
    await untilHeld(made.uid)
    const second = patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))
    await new Promise((resolve) => setTimeout(resolve, 300))
    await first.bytes(bytes.subarray(4 * MIB, 5 * MIB))
    expect((await first.answer())?.status).toBe(204)
    expect((await second).status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('DELETE ends a dead one and takes everything', async () => {
    const made = await create(20 * MIB)
    const stale = new RawClient(server.port)
    await stale.head(...patchHead(made.path, 0, 10 * MIB))
    await stale.bytes(testBytes(MIB))
    await untilHeld(made.uid)
    stale.reset()
    expect((await call('DELETE', made.location, auth)).status).toBe(204)
    expect((await head(made.location)).status).toBe(410)
    expect(await getVideo(server.deps.db, made.uid)).toBeUndefined()
  })
})

describe('a refusal', () => {
  test('comes while a large body is still under way, and then the connection closes', async () => {
    const made = await create(300 * MIB)
    const client = new RawClient(server.port)
    await client.head(...patchHead(made.path, 5 * MIB, 100 * MIB))
    void client.bytes(testBytes(8 * MIB))
    const answer = await client.answer()
    expect(answer?.status).toBe(409)
    expect(answer?.headers.get('connection')).toBe('close')
    client.socket.end()
    await client.ended()
  })

  test('comes instead of 100 Continue', async () => {
    const made = await create(300 * MIB)
    const client = new RawClient(server.port)
    await client.head(...patchHead(made.path, 0, 5 * MIB + 1), 'Expect: 100-continue')
    expect((await client.answer())?.status).toBe(400)
    client.socket.destroy()
  })

  test('100 Continue comes when the body is wanted', async () => {
    const bytes = testBytes(MIB)
    const made = await create(bytes.length)
    const client = new RawClient(server.port)
    await client.head(...patchHead(made.path, 0, bytes.length), 'Expect: 100-continue')
    expect((await client.answer())?.status).toBe(100)
    await client.bytes(bytes)
    expect((await client.answer())?.status).toBe(204)
    client.socket.destroy()
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })
})

describe('a full disk', () => {
  test('in the middle of a chunk is 507, and the offset is what is stored', async () => {
    let roomBytes = 3 * MIB + 70_000
    const on = await startUploadServer({ wrapBlobs: (blobs) => limitRoom(blobs, () => roomBytes) })
    try {
      const bytes = testBytes(12 * MIB)
      const made = await create(bytes.length, on)
      const answer = await patch(made.location, 0, bytes.subarray(0, 10 * MIB))
      expect(answer.status).toBe(507)
      const offset = await storedOffset(made.location)
      expect(offset % 262_144).toBe(0)
      expect(offset).toBeGreaterThan(MIB)
      roomBytes = Number.POSITIVE_INFINITY
      expect((await patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
      expect(await on.sourceHash(made.uid)).toBe(sha256(bytes))
    } finally {
      await on.stop()
    }
  })
})

describe('a crash', () => {
  test('between the last committed byte and publishing is finished by HEAD', async () => {
    const on = await startUploadServer({ wrapBlobs: (blobs) => failOnce(blobs, 'before publishing') })
    await expectFinishedBy(on, async (location) => {
      expect(await storedOffset(location)).toBe(6 * MIB)
    })
  })

  test('between publishing and the transaction is finished by HEAD', async () => {
    const on = await startUploadServer({ wrapBlobs: (blobs) => failOnce(blobs, 'after publishing') })
    await expectFinishedBy(on, async (location) => {
      expect(await storedOffset(location)).toBe(6 * MIB)
    })
  })

  test('whose sender never comes back is finished by the server', async () => {
    const on = await startUploadServer({ wrapBlobs: (blobs) => failOnce(blobs, 'after publishing') })
    await expectFinishedBy(on, async () => {
      expect(await finishStalledUploads({ ...on.deps, log: silentLog })).toBe(1)
      expect(await finishStalledUploads({ ...on.deps, log: silentLog })).toBe(0)
    })
  })

  async function expectFinishedBy(
    on: UploadServer,
    finish: (location: string) => Promise<void>,
  ): Promise<void> {
    try {
      const bytes = testBytes(6 * MIB)
      const made = await create(bytes.length, on)
      expect((await patch(made.location, 0, bytes)).status).toBe(500)
      expect(await getVideo(on.deps.db, made.uid)).toMatchObject({ state: 'pendingupload' })
      await finish(made.location)
      expect(await getVideo(on.deps.db, made.uid)).toMatchObject({ state: 'queued', sizeBytes: 6 * MIB })
      expect(await on.sourceHash(made.uid)).toBe(sha256(bytes))
      const jobs = await on.deps.db.selectFrom('jobs').select('kind').execute()
      expect(jobs).toEqual([{ kind: 'ingest' }])
    } finally {
      await on.stop()
    }
  }

  test('leaves a draft longer than its record, which is cut back', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'headwater-uploads-'))
    const bytes = testBytes(20 * MIB)
    const first = await startUploadServer({ dataDir })
    const made = await create(bytes.length, first)
    await patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    const row = await first.deps.db.selectFrom('uploads').selectAll().executeTakeFirstOrThrow()
    const draft = await first.deps.blobs.resumeDraft(row.draft_id ?? '', {
      lengthBytes: row.offset_bytes,
      checksums: row.checksums,
    })
    await draft.append([testBytes(MIB, 99)])
    await draft.close()
    await first.stop()
    const second = await startUploadServer({ dataDir })
    try {
      const location = `${second.url}${made.path}`
      expect(await storedOffset(location)).toBe(5 * MIB)
      expect((await patch(location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(204)
      expect(await second.sourceHash(made.uid)).toBe(sha256(bytes))
    } finally {
      await second.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

describe('tus-js-client', () => {
  const options = (uploadSize: number, chunkSize: number): UploadOptions => ({
    endpoint: server.endpoint,
    headers: { Authorization: `Bearer ${server.token}` },
    chunkSize,
    retryDelays: [0, 100, 300],
    metadata: { name: 'harbour tour.mp4', filetype: 'video/mp4', defaulttimestamppct: '0.5' },
    uploadSize,
  })

  /** The vendor's sample, which reads a file as a stream. */
  async function uploadFile(
    bytes: Buffer,
    given: Partial<UploadOptions> & { chunkSize: number },
  ): Promise<{ uid: string; url: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
    const file = join(folder, 'film.mp4')
    await writeFile(file, bytes)
    let uid = ''
    try {
      const url = await new Promise<string>((resolve, reject) => {
        const upload: Upload = new Upload(createReadStream(file), {
          ...options(bytes.length, given.chunkSize),
          ...given,
          onError: reject,
          onSuccess: () => resolve(upload.url ?? ''),
          onAfterResponse: (_, response) => {
            uid = response.getHeader('stream-media-id') ?? uid
          },
        })
        upload.start()
      })
      return { uid, url }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  test.each([
    [5 * MIB, 23 * MIB + 11],
    [50 * MIB, 23 * MIB + 11],
    [50 * MIB, 110 * MIB],
  ])('uploads in chunks of %i bytes a file of %i', async (chunkSize, size) => {
    const bytes = testBytes(size)
    const { uid } = await uploadFile(bytes, { chunkSize })
    expect(await getVideo(server.deps.db, uid)).toMatchObject({
      state: 'queued',
      meta: { name: 'harbour tour.mp4', filetype: 'video/mp4', defaulttimestamppct: '0.5' },
    })
    expect(await server.sourceHash(uid)).toBe(sha256(bytes))
  })

  test('cut in the middle of a chunk, a new client goes on where it was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
    try {
      const bytes = testBytes(31 * MIB + 3)
      const file = join(folder, 'film.mp4')
      await writeFile(file, bytes)
      let url: string | null = null
      await new Promise<void>((resolve, reject) => {
        const upload: Upload = new Upload(createReadStream(file), {
          ...options(bytes.length, 10 * MIB),
          onError: reject,
          onProgress: (sent) => {
            if (sent < 14 * MIB) return
            ;({ url } = upload)
            upload.abort().then(resolve, reject)
          },
        })
        upload.start()
      })
      const previous: PreviousUpload = {
        size: bytes.length,
        metadata: {},
        creationTime: new Date().toISOString(),
        urlStorageKey: 'tus::1',
        uploadUrl: url,
        parallelUploadUrls: null,
      }
      const patches: number[] = []
      await new Promise<void>((resolve, reject) => {
        const upload = new Upload(createReadStream(file), {
          ...options(bytes.length, 10 * MIB),
          onError: reject,
          onSuccess: () => resolve(),
          onBeforeRequest: (sent) => {
            if (sent.getMethod() === 'PATCH') patches.push(Number(sent.getHeader('Upload-Offset')))
          },
        })
        upload.resumeFromPreviousUpload(previous)
        upload.start()
      })
      expect(patches[0]).toBeGreaterThanOrEqual(10 * MIB)
      const uid = String(url).match(/media\/([0-9a-f]{32})/)?.[1] ?? ''
      expect(await server.sourceHash(uid)).toBe(sha256(bytes))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('sends its first chunk with the creation, and one that is terminated is gone', async () => {
    const bytes = testBytes(8 * MIB)
    const { url } = await uploadFile(bytes, { chunkSize: 5 * MIB, uploadDataDuringCreation: true })
    expect(await storedOffset(url)).toBe(bytes.length)
    await Upload.terminate(url, { ...options(bytes.length, 5 * MIB) })
    expect((await head(url)).status).toBe(410)
  })
})

/** Drafts that can hold only so many bytes in all. */
function limitRoom(blobs: Blobs, roomBytes: () => number): Blobs {
  return wrapDrafts(blobs, (draft) => ({
    append: (buffers) => {
      const size = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
      if (draft.lengthBytes + size <= roomBytes()) return draft.append(buffers)
      return Promise.reject(new HeadwaterError('disk_full', 'The disk of the test is full.'))
    },
  }))
}

/** The first publication fails as if the process had died there. */
function failOnce(blobs: Blobs, when: 'before publishing' | 'after publishing'): Blobs {
  let failed = false
  return wrapDrafts(blobs, (draft) => ({
    publish: async (name) => {
      if (failed) return draft.publish(name)
      failed = true
      if (when === 'after publishing') await draft.publish(name)
      else await draft.close()
      throw new Error(`crashed ${when} ${name}`)
    },
  }))
}

function wrapDrafts(blobs: Blobs, change: (draft: Draft) => Partial<Draft>): Blobs {
  const wrap = (draft: Draft): Draft => {
    const changes: Record<PropertyKey, unknown> = { ...change(draft) }
    return new Proxy(draft, {
      get: (target, key) => {
        const value: unknown = changes[key] ?? Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return new Proxy(blobs, {
    get: (target, key) => {
      if (key === 'createDraft') return async () => wrap(await target.createDraft())
      if (key === 'resumeDraft') {
        return async (...args: Parameters<Blobs['resumeDraft']>) => wrap(await target.resumeDraft(...args))
      }
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
