/** Options of tus-js-client that change what it sends. uploads.md §9. */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  FileUrlStorage,
  type PreviousUpload,
  Upload,
  type UploadOptions,
  type UrlStorage,
} from 'tus-js-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { runConcatenations, untilWhole } from './concatenation-fixture.ts'
import {
  MIB,
  sha256,
  startUploadServer,
  testBytes,
  type TusCalls,
  tusCalls,
  type UploadServer,
} from './tus-fixture.ts'

// Missing from the client's types.
declare module 'tus-js-client' {
  export class FileUrlStorage implements UrlStorage {
    constructor(path: string)
    findAllUploads(): Promise<PreviousUpload[]>
    findUploadsByFingerprint(fingerprint: string): Promise<PreviousUpload[]>
    removeUpload(urlStorageKey: string): Promise<void>
    addUpload(fingerprint: string, upload: PreviousUpload): Promise<string>
  }
}

const film = testBytes(23 * MIB + 11)

let server: UploadServer
let calls: TusCalls
let folder: string

beforeAll(async () => {
  server = await startUploadServer()
  calls = tusCalls(server)
  folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
  await writeFile(join(folder, 'film.mp4'), film)
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** What was sent: method, and what it stands for if it is another. */
type Sent = { method: string; override?: string; offset?: string; requestId?: string; concat?: string }

/** One run of the client with these options, until it ends or `abort` is called. */
class Run {
  readonly sent: Sent[] = []
  uid = ''
  readonly upload: Upload
  readonly ended: Promise<void>

  constructor(given: Partial<UploadOptions>) {
    let settle: { resolve: () => void; reject: (error: unknown) => void }
    this.ended = new Promise((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.upload = new Upload(createReadStream(join(folder, 'film.mp4')), {
      endpoint: server.endpoint,
      headers: { Authorization: `Bearer ${server.token}` },
      chunkSize: 5 * MIB,
      retryDelays: [0, 0, 0],
      metadata: { name: 'film.mp4' },
      ...given,
      onSuccess: () => settle.resolve(),
      onError: (error) => settle.reject(error),
      onBeforeRequest: async (request) => {
        this.sent.push({
          method: request.getMethod(),
          override: request.getHeader('X-HTTP-Method-Override'),
          offset: request.getHeader('Upload-Offset'),
          requestId: request.getHeader('X-Request-ID'),
          concat: request.getHeader('Upload-Concat'),
        })
        await given.onBeforeRequest?.(request)
      },
      onAfterResponse: (_, response) => {
        this.uid = response.getHeader('stream-media-id') ?? this.uid
      },
    })
  }

  async finish(): Promise<void> {
    this.upload.start()
    await this.ended
    expect(await server.sourceHash(this.uid)).toBe(sha256(film))
  }

  /** Starts, and aborts once so much has been sent. */
  async breakAt(bytes: number, terminate: boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.upload.options.onProgress = (sent) => {
        if (sent < bytes) return
        this.upload.options.onProgress = null
        this.upload.abort(terminate).then(resolve, reject)
      }
      this.ended.catch(reject)
      this.upload.start()
    })
  }
}

test('overridePatchMethod: chunks are POSTs that say so', async () => {
  const run = new Run({ overridePatchMethod: true })
  await run.finish()
  expect(new Set(run.sent.map((sent) => `${sent.method} ${sent.override ?? ''}`))).toEqual(
    new Set(['POST ', 'POST PATCH']),
  )
})

test('addRequestId', async () => {
  const run = new Run({ addRequestId: true })
  await run.finish()
  for (const sent of run.sent) expect(sent.requestId).toMatch(/^[0-9a-f-]{36}$/)
})

test('uploadDataDuringCreation: the first chunk comes with the creation', async () => {
  const run = new Run({ uploadDataDuringCreation: true })
  await run.finish()
  expect(run.sent.map((sent) => [sent.method, sent.offset])).toEqual([
    ['POST', undefined],
    ...[5, 10, 15, 20].map((mebibytes) => ['PATCH', String(mebibytes * MIB)]),
  ])
})

test('a URL storage: a new client finds the upload and goes on', async () => {
  const urlStorage = new FileUrlStorage(join(folder, 'urls.json'))
  const first = new Run({ urlStorage, storeFingerprintForResuming: true })
  await first.breakAt(12 * MIB, false)
  const second = new Run({
    urlStorage,
    storeFingerprintForResuming: true,
    removeFingerprintOnSuccess: true,
  })
  const [previous, ...others] = await second.upload.findPreviousUploads()
  expect(others).toEqual([])
  if (previous === undefined) throw new Error('the client has stored nothing')
  second.upload.resumeFromPreviousUpload(previous)
  second.uid = first.uid
  await second.finish()
  expect(second.sent[0]?.method).toBe('HEAD')
  expect(Number(second.sent[1]?.offset)).toBeGreaterThanOrEqual(10 * MIB)
  expect(await second.upload.findPreviousUploads()).toEqual([])
})

test('abort(true) takes upload and video away', async () => {
  const run = new Run({})
  await run.breakAt(7 * MIB, true)
  expect(run.sent.at(-1)?.method).toBe('DELETE')
  expect((await calls.head(run.upload.url ?? '')).status).toBe(410)
  expect(await getVideo(server.deps.db, run.uid)).toBeUndefined()
})

test('onShouldRetry hears of 409, and after HEAD the client goes on behind what somebody else sent', async () => {
  const statuses: number[] = []
  const run: Run = new Run({
    onShouldRetry: (error) => {
      statuses.push(error.originalResponse?.getStatus() ?? 0)
      return true
    },
    onBeforeRequest: async (request) => {
      if (request.getHeader('Upload-Offset') !== String(5 * MIB)) return
      const second = film.subarray(5 * MIB, 10 * MIB)
      expect((await calls.patch(run.upload.url ?? '', 5 * MIB, second)).status).toBe(204)
    },
  })
  await run.finish()
  expect(statuses).toEqual([409])
  expect(run.sent.map((sent) => sent.method)).toEqual([
    'POST',
    'PATCH',
    'PATCH',
    'HEAD',
    'PATCH',
    'PATCH',
    'PATCH',
  ])
})

test('onShouldRetry that says no: 4xx ends it, and a new run goes on', async () => {
  let url = ''
  const run: Run = new Run({
    onShouldRetry: () => false,
    onBeforeRequest: async (request) => {
      if (request.getHeader('Upload-Offset') !== String(5 * MIB)) return
      url = run.upload.url ?? ''
      await calls.patch(url, 5 * MIB, film.subarray(5 * MIB, 10 * MIB))
    },
  })
  run.upload.start()
  await expect(run.ended).rejects.toThrow('409')
  const next = new Run({ uploadUrl: url })
  next.uid = run.uid
  await next.finish()
})

test('parallelUploads, broken off and taken up again', async () => {
  const runner = runConcatenations(server)
  try {
    const urlStorage = new FileUrlStorage(join(folder, 'parallel.json'))
    const parallel = { parallelUploads: 2, urlStorage, storeFingerprintForResuming: true }
    const first = new Run({ ...parallel, uploadDataDuringCreation: true })
    await first.breakAt(14 * MIB, false)
    expect(
      await server.deps.db.selectFrom('uploads').select('concat').where('concat', '=', 'partial').execute(),
    ).toHaveLength(2)
    const second = new Run(parallel)
    const [previous] = await second.upload.findPreviousUploads()
    if (previous === undefined) throw new Error('the client has stored nothing')
    second.upload.resumeFromPreviousUpload(previous)
    second.upload.start()
    await second.ended
    await untilWhole(server, second.uid)
    expect(await server.sourceHash(second.uid)).toBe(sha256(film))
    expect(second.sent.filter((sent) => sent.concat?.startsWith('final;'))).toHaveLength(1)
  } finally {
    await runner.stop()
  }
})
