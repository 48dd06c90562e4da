/** What origins do to a download, and what comes of it: uploads.md §6. */

import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Behaviour, endless, type Origin, type OriginFile, startOrigin } from '../harness/origin.ts'
import { type CopyServer, startCopyServer } from './copy-fixture.ts'
import { MIB, sha256, testBytes } from './tus-fixture.ts'

const BYTES = testBytes(6 * MIB + 77, 5)
const FILE: OriginFile = { bytes: BYTES, etag: '"one"', lastModified: 'Sat, 21 Nov 2026 07:00:00 GMT' }

let server: CopyServer
let origin: Origin

beforeAll(async () => {
  server = await startCopyServer({ fetcher: { limits: { stallMs: 300, headersMs: 1_000 } } })
})
afterAll(() => server.stop())
beforeEach(async () => {
  origin = await startOrigin(FILE)
  server.pausesMs.splice(0)
})
afterEach(async () => {
  await origin.stop()
  await expect.poll(() => server.drafts()).toBe(0)
  expect(await server.deps.db.selectFrom('copies').select('video_uid').execute()).toEqual([])
})

const gets = () => origin.requests.filter(({ method }) => method === 'GET')
const ranges = () => gets().map(({ range }) => range)
const sentBytes = () => gets().reduce((sum, request) => sum + request.sentBytes, 0)

/** Copies the file and checks what arrived. */
async function arrives(bytes = BYTES): Promise<string> {
  const video = await server.copied(origin.url)
  expect(video).toMatchObject({ state: 'queued', error: null, sizeBytes: bytes.length })
  expect(await server.sourceHash(video.uid)).toBe(sha256(bytes))
  return video.uid
}

/** Copies the file and answers why that failed. */
async function fails(url = origin.url): Promise<string> {
  const video = await server.copied(url)
  expect(video).toMatchObject({
    state: 'error',
    error: {
      reasonCode: 'ERR_FETCH_ORIGIN_ERROR',
      reasonText: expect.stringMatching(/^The video could not be downloaded from the given URL\. ./),
      detail: { stage: 'download' },
    },
  })
  const { detail } = video.error?.detail ?? {}
  return typeof detail === 'string' ? detail : ''
}

describe('a download', () => {
  test('asks for the size, then for everything as a range, and is handed on like an upload', async () => {
    const uid = await arrives()
    expect(origin.requests.map(({ method, range }) => [method, range])).toEqual([
      ['HEAD', undefined],
      ['GET', 'bytes=0-'],
    ])
    const { db } = server.deps
    const jobs = await db
      .selectFrom('jobs')
      .select(['kind', 'state'])
      .where('video_uid', '=', uid)
      .orderBy('id')
      .execute()
    expect(jobs).toEqual([
      { kind: 'download', state: 'done' },
      { kind: 'ingest', state: 'queued' },
    ])
    const events = await db
      .selectFrom('video_events')
      .select('kind')
      .where('video_uid', '=', uid)
      .orderBy('id')
      .execute()
    expect(events.map(({ kind }) => kind)).toEqual(['created', 'queued'])
  })

  test('sends user name and password as Basic authentication, and tells them nowhere', async () => {
    const url = origin.url.replace('http://', 'http://user:secret@')
    const video = await server.copied(url)
    const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`
    expect(origin.requests.map(({ authorization }) => authorization)).toEqual([basic, basic])
    expect(video.meta['downloaded-from']).toBe(origin.url)
    expect(JSON.stringify(video)).not.toContain('secret')
    expect(server.logLines.join('\n')).not.toContain('secret')
    const { db } = server.deps
    for (const table of ['jobs', 'video_events', 'videos', 'copies'] as const) {
      expect(JSON.stringify(await db.selectFrom(table).selectAll().execute())).not.toContain('secret')
    }
  })

  test.each<[string, Behaviour['instead']]>([
    ['fails', (incoming, outgoing) => incoming.method === 'HEAD' && Boolean(outgoing.writeHead(405).end())],
    [
      'is forbidden',
      (incoming, outgoing) => incoming.method === 'HEAD' && Boolean(outgoing.writeHead(403).end()),
    ],
    ['cuts', (incoming) => incoming.method === 'HEAD' && Boolean(incoming.socket.destroy())],
    [
      'shows no size',
      (incoming, outgoing) => incoming.method === 'HEAD' && Boolean(outgoing.writeHead(200).end()),
    ],
  ])('falls back to one plain GET where HEAD %s', async (_, instead) => {
    origin.behaviour = { instead }
    await arrives()
    expect(ranges()).toEqual([undefined])
  })

  test('takes a file of unknown length to its end', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) => {
        if (incoming.method === 'HEAD') outgoing.writeHead(404).end()
        else
          for (const half of [0, 1])
            outgoing[half === 0 ? 'write' : 'end'](BYTES.subarray(half * MIB, half === 0 ? MIB : undefined))
        return true
      },
    }
    await arrives()
  })

  test('takes an empty file, whose processing will say what it is', async () => {
    origin.file = { ...FILE, bytes: Buffer.alloc(0) }
    await arrives(Buffer.alloc(0))
    expect(ranges()).toEqual([undefined])
  })

  test('believes the answer about the size, not HEAD', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) =>
        incoming.method === 'HEAD' && Boolean(outgoing.writeHead(200, { 'content-length': 1_000 }).end()),
    }
    await arrives()
  })

  test('goes on where an answer ends that holds less than was asked for', async () => {
    origin.behaviour = { mostBytes: 4 * MIB }
    await arrives()
    expect(ranges()).toEqual(['bytes=0-', `bytes=${4 * MIB}-`])
    expect(server.pausesMs).toEqual([])
  })

  test('can be watched', async () => {
    origin.behaviour = { cutAfter: () => 2 * MIB, silent: true }
    const { uid } = await server.accepted({ url: origin.url })
    await origin.until(() => sentBytes() >= 2 * MIB)
    const address = `${server.url}/client/v4/accounts/${server.accountId}/headwater/videos/${uid}/events`
    let download = { receivedBytes: 0, totalBytes: 0 }
    while (download.receivedBytes < MIB) {
      const answer = await fetch(address, { headers: { authorization: `Bearer ${server.token}` } })
      download = ((await answer.json()) as { result: { download: typeof download } }).result.download
    }
    expect(download.totalBytes).toBe(BYTES.length)
    origin.behaviour = {}
    await server.settled(uid)
  })
})

describe('a cut', () => {
  test('is continued from there, asking for the same file', async () => {
    origin.behaviour = { cutAfter: (nth) => (nth === 1 ? 2 * MIB : undefined) }
    await arrives()
    expect(gets().map(({ range, ifRange }) => [range, ifRange])).toEqual([
      ['bytes=0-', undefined],
      [`bytes=${2 * MIB}-`, '"one"'],
    ])
    expect(sentBytes()).toBe(BYTES.length)
    expect(server.pausesMs).toEqual([5_000])
  })

  test('is continued by the date where there is no entity tag, or a weak one', async () => {
    for (const etag of [undefined, 'W/"weak"']) {
      origin.file = { ...FILE, etag }
      origin.behaviour = { cutAfter: (nth) => (nth % 2 === 1 ? 2 * MIB : undefined) }
      await arrives()
      expect(gets().at(-1)).toMatchObject({ range: `bytes=${2 * MIB}-`, ifRange: FILE.lastModified })
    }
  })

  test('is continued as often as it brings something', async () => {
    origin.behaviour = { cutAfter: () => 1.1 * MIB }
    await arrives()
    expect(gets().length).toBeGreaterThanOrEqual(5)
    expect(server.pausesMs.every((ms) => ms === 5_000)).toBe(true)
  })

  test('three times in a row that brings nothing is the end', async () => {
    origin.behaviour = { cutAfter: (nth) => (nth <= 2 ? 2 * MIB : 0) }
    expect(await fails()).toMatch(/cut the connection\.$/)
    expect(ranges()).toEqual(['bytes=0-', `bytes=${2 * MIB}-`, `bytes=${4 * MIB}-`, `bytes=${4 * MIB}-`])
    expect(server.pausesMs).toEqual([5_000, 5_000, 30_000])
  })

  test('of a file without a validator begins anew', async () => {
    origin.file = { bytes: BYTES }
    origin.behaviour = { cutAfter: (nth) => (nth === 1 ? 2 * MIB : undefined) }
    await arrives()
    expect(ranges()).toEqual(['bytes=0-', 'bytes=0-'])
  })

  test('at an origin without ranges begins anew', async () => {
    origin.behaviour = { ignoreRange: true, cutAfter: (nth) => (nth === 1 ? 2 * MIB : undefined) }
    await arrives()
    expect(ranges()).toEqual(['bytes=0-', `bytes=${2 * MIB}-`])
    expect(sentBytes()).toBe(2 * MIB + BYTES.length)
  })

  test('at an origin without ranges that always cuts comes to an end', async () => {
    origin.behaviour = { ignoreRange: true, cutAfter: () => 2 * MIB }
    await fails()
    expect(gets()).toHaveLength(3)
  })

  test('and silence are the same', async () => {
    origin.behaviour = { silent: true, cutAfter: (nth) => (nth === 1 ? 2 * MIB : undefined) }
    await arrives()
    expect(ranges()).toEqual(['bytes=0-', `bytes=${2 * MIB}-`])
  })
})

describe('a file that changes between two ranges is fetched anew', () => {
  const LONGER = testBytes(7 * MIB, 8)
  const SAME_LENGTH = testBytes(BYTES.length, 9)
  test.each<[string, OriginFile, Behaviour]>([
    ['and the origin says so', { ...FILE, bytes: LONGER, etag: '"two"' }, {}],
    ['and only its size tells', { bytes: LONGER }, { ignoreIfRange: true }],
    ['and only its entity tag tells', { bytes: SAME_LENGTH, etag: '"two"' }, { ignoreIfRange: true }],
    [
      'and is shorter than what is here',
      { bytes: testBytes(MIB, 4), etag: '"two"' },
      { ignoreIfRange: true },
    ],
  ])('%s', async (_, changed, behaviour) => {
    origin.behaviour = {
      ...behaviour,
      cutAfter: (nth) => (nth === 1 ? 2 * MIB : undefined),
      instead: (incoming, _outgoing, nth) => {
        if (incoming.method === 'GET' && nth === 2) origin.file = changed
        return false
      },
    }
    await arrives(changed.bytes)
  })
})

describe('the origin is at fault', () => {
  test.each([
    [401, 'is not public', 1],
    [403, 'is not public', 1],
    [404, 'there is no such file', 1],
    [410, 'there is no such file', 1],
    [204, 'answered with status 204', 1],
    [304, 'answered with status 304', 1],
    [500, 'answered with status 500', 3],
    [503, 'answered with status 503', 3],
    [429, 'answered with status 429', 3],
  ])('with status %i', async (status, sentence, tries) => {
    origin.behaviour = {
      instead: (_incoming, outgoing) => Boolean(outgoing.writeHead(status).end('a secret page')),
    }
    const told = await fails()
    expect(told).toContain(sentence)
    expect(told).toContain(`127.0.0.1:${origin.port}`)
    expect(told).not.toContain('secret')
    expect(gets()).toHaveLength(tries)
    expect(server.pausesMs).toEqual([5_000, 30_000].slice(0, tries - 1))
  })

  test('and better the third time', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing, nth) =>
        incoming.method === 'GET' && nth < 3 && Boolean(outgoing.writeHead(502).end()),
    }
    await arrives()
    expect(server.pausesMs).toEqual([5_000, 30_000])
  })

  test('with a compressed file', async () => {
    origin.behaviour = {
      instead: (_incoming, outgoing) =>
        Boolean(outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('hello'))),
    }
    expect(await fails()).toContain('Content-Encoding: gzip')
  })

  test('with a file of 40 GB, of which nothing is fetched', async () => {
    origin.behaviour = {
      instead: (_incoming, outgoing) =>
        Boolean(outgoing.writeHead(200, { 'content-length': 40 * 1024 ** 3 }).end()),
    }
    expect(await fails()).toContain('at most 32212254720 (30 GB) are taken')
    expect(gets()).toHaveLength(0)
  })

  test('with less than HEAD said, although the answer ended well', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) => {
        if (incoming.method === 'HEAD') outgoing.writeHead(200, { 'content-length': 5_000 }).end()
        else outgoing.writeHead(200, { 'transfer-encoding': 'chunked' }).end('x'.repeat(3_000))
        return true
      },
    }
    expect(await fails()).toContain(
      'announced a file that goes to byte 5000, but its answer ended at byte 3000',
    )
    expect(gets()).toHaveLength(3)
  })

  test('with more than announced, of which no more is read', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) => {
        if (incoming.method === 'HEAD') return false
        outgoing.writeHead(206, { 'content-range': `bytes 0-${MIB - 1}/${MIB}` })
        endless(outgoing)
        return true
      },
    }
    expect(await fails()).toContain(
      `announced a file that goes to byte ${MIB}, but its answer goes on after that`,
    )
    expect(gets()).toHaveLength(3)
  })

  test('with another range than the one asked for', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) =>
        incoming.method === 'GET' &&
        Boolean(
          outgoing.writeHead(206, { 'content-range': 'bytes 5-9/10', 'content-length': 5 }).end('hello'),
        ),
    }
    expect(await fails()).toContain('another part of the file')
  })

  test('with a file in crumbs', async () => {
    origin.behaviour = { mostBytes: 1_000 }
    expect(await fails()).toContain('only 1000 bytes of the file at a time')
    expect(gets()).toHaveLength(3)
  })

  test('with redirects in a circle', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) => Boolean(outgoing.writeHead(302, { location: incoming.url }).end()),
    }
    expect(await fails()).toContain('more than 5 times')
  })

  test('not with five of them', async () => {
    origin.behaviour = {
      instead: (incoming, outgoing) => {
        const left = Number(incoming.url?.split('?')[1] ?? 5)
        return left > 0 && Boolean(outgoing.writeHead(307, { location: `?${left - 1}` }).end())
      },
    }
    await arrives()
  })

  test('that does not exist', async () => {
    await origin.stop()
    expect(await fails()).toContain('refused the connection')
    expect(server.pausesMs).toEqual([5_000, 30_000])
  })
})
