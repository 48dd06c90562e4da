/** Downloads that must not be, that are no longer wanted, or that the server itself cannot go on with. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { copyProgress, fetchSource, giveUpCopy } from '../../src/core/copy/index.ts'
import { deleteVideo, getVideo, sweepLeftovers } from '../../src/core/videos/index.ts'
import type { ClaimedJob } from '../../src/jobs/job.ts'
import { refuseAddress } from '../../src/lib/outgoing-address.ts'
import { endless, type Origin, type OriginFile, startOrigin } from '../harness/origin.ts'
import { type CopyServer, startCopyServer } from './copy-fixture.ts'
import { MIB, sha256, testBytes } from './tus-fixture.ts'

const BYTES = testBytes(6 * MIB + 77, 5)
const FILE: OriginFile = { bytes: BYTES, etag: '"one"' }
const NEVER = new AbortController().signal

let origin: Origin

beforeEach(async () => {
  origin = await startOrigin(FILE)
})
afterEach(() => origin.stop())

const gets = () => origin.requests.filter(({ method }) => method === 'GET')
const ranges = () => gets().map(({ range }) => range)
const sentBytes = () => gets().reduce((sum, request) => sum + request.sentBytes, 0)

describe('private addresses are refused', () => {
  /** 127.0.0.2 plays the public internet. */
  const refuse: typeof refuseAddress = (address, rules) =>
    address === '127.0.0.2' ? undefined : refuseAddress(address, rules)

  test('at once, behind a redirect, and in whatever notation, without a second try', async () => {
    const strict = await startCopyServer({ fetcher: { allowPrivate: false, refuse } })
    const open = await startOrigin(FILE, { host: '127.0.0.2' })
    try {
      const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:7f00:1]', 'localhost', 'localhost.']
      const direct = hosts.map((host) => `http://${host}:${origin.port}/video.mp4`)
      open.behaviour = {
        instead: (incoming, outgoing) =>
          incoming.url === '/inside' && Boolean(outgoing.writeHead(302, { location: origin.url }).end()),
      }
      for (const url of [...direct, `http://127.0.0.2:${open.port}/inside`]) {
        const video = await strict.copied(url)
        expect(video.error).toMatchObject({
          reasonCode: 'ERR_FETCH_ORIGIN_ERROR',
          detail: {
            code: 'fetch_refused',
            detail: expect.stringContaining('HEADWATER_ALLOW_PRIVATE_FETCH=true'),
          },
        })
      }
      expect(origin.requests).toEqual([])
      expect(strict.pausesMs).toEqual([])
      expect((await strict.copied(open.url)).state).toBe('queued')
    } finally {
      await strict.stop()
      await open.stop()
    }
  })
})

describe('a video that is deleted while it is downloaded', () => {
  let server: CopyServer
  beforeAll(async () => {
    server = await startCopyServer()
  })
  afterAll(() => server.stop())

  test('takes its job, its draft and its connection with it', async () => {
    origin.behaviour = { rate: 4 * MIB }
    origin.file = { ...FILE, bytes: testBytes(40 * MIB, 6) }
    const { uid } = await server.accepted({ url: origin.url })
    await origin.until(() => sentBytes() >= MIB)
    await deleteVideo(server.deps, server.accountId, uid)
    await origin.until(() => gets().every(({ ended }) => ended))
    expect(sentBytes()).toBeLessThan(40 * MIB)
    const { db } = server.deps
    expect(await db.selectFrom('jobs').select('id').where('video_uid', '=', uid).execute()).toEqual([])
    expect(await getVideo(db, uid)).toBeUndefined()
    expect(await Array.fromAsync(server.deps.blobs.list(`sources/${uid}`))).toEqual([])
    while ((await server.drafts()) > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  })

  test('before it has begun is never fetched', async () => {
    const idle = await startCopyServer({ idle: true })
    try {
      const { uid } = await idle.accepted({ url: origin.url })
      await deleteVideo(idle.deps, idle.accountId, uid)
      expect(await idle.deps.jobs.claim({ kinds: ['download'], leaseMs: 1_000 })).toBeUndefined()
      expect(origin.requests).toEqual([])
    } finally {
      await idle.stop()
    }
  })
})

describe('the server is at fault', () => {
  let idle: CopyServer
  let freeBytes = 2 ** 40
  beforeAll(async () => {
    idle = await startCopyServer({
      idle: true,
      limits: { minFreeBytes: 1_000 },
      wrapBlobs: (blobs) =>
        new Proxy(blobs, {
          get: (target, name) => {
            if (name === 'freeBytes') return async () => freeBytes
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
    })
  })
  afterAll(() => idle.stop())

  async function claimed(): Promise<{ uid: string; job: ClaimedJob }> {
    const { uid } = await idle.accepted({ url: origin.url })
    const job = await idle.deps.jobs.claim({ kinds: ['download'], leaseMs: 60_000 })
    if (job === undefined) throw new Error('There is no job.')
    return { uid, job }
  }

  test('with a full disk: the job is tried again, and the video told when it is given up', async () => {
    const { uid, job } = await claimed()
    freeBytes = 1_000_000
    const failure: unknown = await fetchSource(idle.download, job, { signal: NEVER }).catch(
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code: 'disk_full' })
    expect(await getVideo(idle.deps.db, uid)).toMatchObject({ state: 'downloading' })
    await giveUpCopy(idle.download, uid, failure)
    expect(await getVideo(idle.deps.db, uid)).toMatchObject({
      state: 'error',
      error: { reasonCode: 'ERR_UNKNOWN', reasonText: expect.stringContaining('make room') },
    })
    expect(await idle.drafts()).toBe(0)
    freeBytes = 2 ** 40
  })

  test('with a disk that fills up under a file that does not end: some room stays', async () => {
    const { uid, job } = await claimed()
    origin.behaviour = {
      instead: (incoming, outgoing) => {
        if (incoming.method === 'HEAD') outgoing.writeHead(404).end()
        else endless(outgoing)
        return true
      },
    }
    const running = fetchSource(idle.download, job, { signal: NEVER }).catch((error: unknown) => error)
    while (((await copyProgress(idle.deps.db, uid))?.receivedBytes ?? 0) < MIB) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    freeBytes = 999
    expect(await running).toMatchObject({ code: 'disk_full' })
    expect(await getVideo(idle.deps.db, uid)).toMatchObject({ state: 'downloading' })
    freeBytes = 2 ** 40
    await deleteVideo(idle.deps, idle.accountId, uid)
    expect(await idle.drafts()).toBe(0)
  })

  test('with a disk that lost the draft: everything is fetched anew', async () => {
    const { uid, job } = await claimed()
    origin.behaviour = { cutAfter: (nth) => (nth === 1 ? 2 * MIB : undefined) }
    const stopping = new AbortController()
    const fetcher: typeof idle.download.fetcher = {
      ...idle.download.fetcher,
      fetch: async (request, options) => {
        if (request.headers?.['if-range'] !== undefined) throw stopping.signal.reason
        return idle.download.fetcher.fetch(request, options)
      },
      findAddresses: (host, options) => idle.download.fetcher.findAddresses(host, options),
    }
    stopping.abort(new Error('stopped'))
    await expect(fetchSource({ ...idle.download, fetcher }, job, { signal: NEVER })).rejects.toThrow(
      'stopped',
    )
    for await (const { id } of idle.deps.blobs.listDrafts()) await idle.deps.blobs.discardDraft(id)
    await fetchSource(idle.download, job, { signal: NEVER })
    expect(await idle.sourceHash(uid)).toBe(sha256(BYTES))
  })

  test('with a crash between the publishing and the record: the source is taken up, also after a sweep', async () => {
    const { uid, job } = await claimed()
    const { db } = idle.deps
    const failing = { ...idle.download, jobs: Object.create(idle.deps.jobs) as typeof idle.deps.jobs }
    failing.jobs.complete = async () => {
      throw new Error('crash')
    }
    await expect(fetchSource(failing, job, { signal: NEVER })).rejects.toThrow('crash')
    const asked = gets().length
    expect(await getVideo(db, uid)).toMatchObject({ state: 'downloading' })
    expect(await sweepLeftovers(idle.deps, { graceMs: -60_000 })).toEqual({ drafts: 0, blobs: 0 })
    await fetchSource(idle.download, job, { signal: NEVER })
    expect(gets()).toHaveLength(asked)
    expect(await getVideo(db, uid)).toMatchObject({ state: 'queued', sizeBytes: BYTES.length })
    expect(await idle.sourceHash(uid)).toBe(sha256(BYTES))
  })

  test('when it is stopped: what had come is kept and the rest fetched by the next claim', async () => {
    const { uid, job } = await claimed()
    const stopping = new AbortController()
    origin.behaviour = { rate: 4 * MIB }
    const running = fetchSource(idle.download, job, { signal: stopping.signal })
    while (((await copyProgress(idle.deps.db, uid))?.receivedBytes ?? 0) < MIB) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    stopping.abort(new Error('the job runner stops'))
    await expect(running).rejects.toThrow('the job runner stops')
    // Nor does a sweep take it.
    expect(await sweepLeftovers(idle.deps, { graceMs: -60_000 })).toEqual({ drafts: 0, blobs: 0 })
    expect(await idle.drafts()).toBe(1)
    await fetchSource(idle.download, job, { signal: NEVER })
    const from = Number(/^bytes=(\d+)-$/.exec(ranges()[1] ?? '')?.[1])
    expect(from).toBeGreaterThanOrEqual(MIB)
    expect(await idle.sourceHash(uid)).toBe(sha256(BYTES))
  })
})
