/**
 * Senders that are slow, wrong or hostile: each gets its documented answer, and meanwhile another upload and another
 * reader on the same server notice nothing. uploads.md §2, DESIGN 1.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getVideo, sweep } from '../../src/core/videos/index.ts'
import { fileForm, formLines, makeLink, movieBytes } from './form-fixture.ts'
import {
  call,
  CHUNK_TYPE,
  DAY_SECONDS,
  MIB,
  RawClient,
  refusalOf,
  sha256,
  startUploadServer,
  testBytes,
  TUS,
  tusCalls,
  type UploadServer,
} from './tus-fixture.ts'

/** Every connection limit passes twice in a test of a few seconds, and none while a busy machine catches its breath. */
const QUICK = { idleMs: 2_500, headersMs: 2_000, keepAliveMs: 2_200 }

const CRLF = Buffer.from('\r\n')

let server: UploadServer

beforeAll(async () => {
  server = await startUploadServer(QUICK)
})
afterAll(() => server.stop())

describe('time', () => {
  test('is given to a body without end by the limits that are in force: silence, headers and a crawl have one', async () => {
    const real = await startUploadServer()
    try {
      expect(real.connectionLimits).toEqual({
        headersMs: 20_000,
        requestMs: 0,
        idleMs: 120_000,
        keepAliveMs: 75_000,
        pace: { bytes: 32_768, withinMs: 120_000 },
      })
    } finally {
      await real.stop()
    }
  })

  test.each([
    ['its length told', (lines: readonly string[]) => [...lines], (piece: Buffer) => piece, ''],
    [
      'in chunked transfer coding',
      (lines: readonly string[]) => [
        ...lines.filter((line) => !line.startsWith('Content-Length')),
        'Transfer-Encoding: chunked',
      ],
      (piece: Buffer) => Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]),
      '0\r\n\r\n',
    ],
  ])(
    'a sender that trickles its chunk faster than the least pace is not cut (%s)',
    async (_, linesOf, wrap, end) => {
      const bytes = testBytes(12 * 1_000)
      await besideOthers(server, async () => {
        const made = await tusCalls(server).create(bytes.length)
        const slow = new RawClient(server.port)
        // The limit between two requests is in force after the first.
        await slow.head(`OPTIONS ${made.path} HTTP/1.1`, 'Host: 127.0.0.1')
        expect((await slow.answer())?.status).toBe(204)
        await slow.head(...linesOf(tusCalls(server).patchLines(made.path, 0, bytes.length)))
        // More than twice the idle limit, and so more of the others.
        for (let at = 0; at < bytes.length; at += 1_000) {
          await slow.bytes(wrap(bytes.subarray(at, at + 1_000)))
          await sleep(QUICK.idleMs / 5)
        }
        await slow.bytes(Buffer.from(end))
        expect((await slow.answer())?.status).toBe(204)
        slow.socket.destroy()
        expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
      })
    },
  )

  test('a form that trickles through a one-time link is never cut', async () => {
    const bytes = movieBytes(12 * 1_000)
    const form = fileForm(bytes)
    await besideOthers(server, async () => {
      const link = await makeLink(server)
      const slow = new RawClient(server.port)
      await slow.head(...formLines(link.uploadURL, form.length))
      for (let at = 0; at < form.length; at += 1_000) {
        await slow.bytes(form.subarray(at, at + 1_000))
        await sleep(QUICK.idleMs / 5)
      }
      expect((await slow.answer())?.status).toBe(200)
      slow.socket.destroy()
      expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
    })
  })

  test('headers that trickle are refused, however many connections send them so', async () => {
    await besideOthers(server, async () => {
      const slow = Array.from({ length: 40 }, () => new RawClient(server.port))
      for (const client of slow) await client.bytes(Buffer.from('POST / HTTP/1.1\r\nX-Slow: '))
      const trickle = setInterval(() => {
        for (const client of slow) if (client.socket.writable) client.socket.write('x')
      }, QUICK.headersMs / 10)
      try {
        for (const client of slow) {
          expect((await client.answer())?.status).toBe(408)
          await client.ended()
        }
      } finally {
        clearInterval(trickle)
      }
    })
  })

  test('a sender that stands still is cut, and what it brought is kept', async () => {
    const bytes = testBytes(8 * MIB)
    await besideOthers(server, async () => {
      const made = await tusCalls(server).create(bytes.length)
      const still = new RawClient(server.port)
      await still.head(...tusCalls(server).patchLines(made.path, 0, bytes.length))
      await still.bytes(bytes.subarray(0, 3 * MIB))
      await still.ended()
      const offset = await tusCalls(server).storedOffset(made.location)
      expect(offset).toBe(3 * MIB)
      expect((await tusCalls(server).patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
      expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    })
  })
})

describe('a body', () => {
  test.each([
    // What follows the announced bytes is read as the next request and is none.
    ['longer', 5 * MIB, Buffer.concat([testBytes(5 * MIB), Buffer.from('more than I said\r\n\r\n')])],
    ['shorter', 6 * MIB, testBytes(6 * MIB).subarray(0, 2 * MIB + 1)],
  ])(
    '%s than announced is refused as no HTTP; what came is kept, and the upload goes on',
    async (_, announced, sent) => {
      const bytes = testBytes(6 * MIB)
      await besideOthers(server, async () => {
        const made = await tusCalls(server).create(bytes.length)
        const client = new RawClient(server.port)
        await client.head(...tusCalls(server).patchLines(made.path, 0, announced))
        await client.bytes(sent)
        client.socket.end()
        expect((await client.answer())?.status).toBe(400)
        await client.ended()
        while (server.deps.locks.isHeld(`upload/${made.uid}`)) await sleep(2)
        const offset = await tusCalls(server).storedOffset(made.location)
        expect(offset).toBe(Math.floor(Math.min(sent.length, announced) / 262_144) * 262_144)
        expect((await tusCalls(server).patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
        expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
      })
    },
  )
})

describe('a header', () => {
  test.each([
    ['POST', '/', 'X'],
    ['POST', '/client/v4/accounts/0123456789abcdef0123456789abcdef/stream', 'Upload-Metadata'],
    ['POST', '/client/v4/accounts/0123456789abcdef0123456789abcdef/stream', 'Upload-Concat'],
    ['PATCH', `/upload/tus/${'x'.repeat(43)}`, 'Upload-Checksum'],
    ['HEAD', `/upload/tus/${'x'.repeat(43)}`, 'Authorization'],
    ['OPTIONS', `/upload/${'0'.repeat(32)}`, 'Access-Control-Request-Headers'],
  ])('of a megabyte is 431, readable by any page: %s %s with %s', async (method, path, name) => {
    await besideOthers(server, async () => {
      const client = new RawClient(server.port)
      const lines = `${method} ${path} HTTP/1.1\r\nHost: x\r\n${name}: ${'x'.repeat(MIB)}\r\n\r\n`
      void client.bytes(Buffer.from(lines))
      const answer = await client.answer()
      expect([answer?.status, answer?.headers.get('access-control-allow-origin')]).toEqual([431, '*'])
      await client.ended()
    })
  })

  test.each([
    ['what is no Base64', 'name a*b='],
    ['Base64 with stray bits', 'name YR=='],
    ['Base64 of another alphabet', 'name a_b-'],
    ['Base64 without its padding', 'name YQ'],
    ['a value of two words', 'name YQ== YQ=='],
    ['two spaces', 'name  YQ=='],
    ['a key beyond ASCII', `${Buffer.from('größe').toString('latin1')} YQ==`],
    ['a space beyond ASCII', `name YQ==,${Buffer.from('\u3000').toString('latin1')}title YQ==`],
    ['a space of Latin-1', 'name YQ==,\u00a0title YQ=='],
    ['two commas at the end', 'name YQ==,,'],
    ['a pair of nothing', 'name YQ==,,title YQ=='],
    ['only commas', ',,,'],
    ['a key twice', 'name YQ==,Name Yg=='],
    ['what is no UTF-8', `name ${Buffer.from([0xc3, 0x28]).toString('base64')}`],
    ['more than 8 KiB', `name ${'YWFh'.repeat(2_100)}`],
    ['a number without a value', 'maxDurationSeconds'],
    ['a number out of range', `maxDurationSeconds ${Buffer.from('36001').toString('base64')}`],
    ['a share without a value', 'thumbnailtimestamppct'],
    ['a time without a value', 'expiry'],
    ['an expiry in the past', `expiry ${Buffer.from('2024-01-31T08:00:00Z').toString('base64')}`],
    ['a deletion that is no time', `scheduleddeletion ${Buffer.from('soon').toString('base64')}`],
    ['origins that are no list of texts', `allowedorigins ${Buffer.from('["a.com",1]').toString('base64')}`],
    ['a number that is none', `maxDurationSeconds ${Buffer.from('ten').toString('base64')}`],
    ['a time that is none', `expiry ${Buffer.from('tomorrow').toString('base64')}`],
    ['an origin that is none', `allowedorigins ${Buffer.from('a b').toString('base64')}`],
    ['a share above one', `thumbnailtimestamppct ${Buffer.from('1.5').toString('base64')}`],
  ])('Upload-Metadata with %s is 400/10005, and nothing is made', async (_, header) => {
    const { auth } = tusCalls(server)
    const before = await countVideos(server)
    const answer = await call('POST', server.endpoint, {
      ...auth,
      'upload-length': '10',
      'upload-metadata': header,
    })
    expect([answer.status, refusalOf(answer).code]).toEqual([400, 10005])
    expect(await countVideos(server)).toBe(before)
  })
})

describe('a one-time address', () => {
  test('used by two at once takes the bytes of one, and tells the other', async () => {
    const files = [testBytes(6 * MIB, 1), testBytes(6 * MIB, 2)]
    await besideOthers(server, async () => {
      const made = await tusCalls(server).create(6 * MIB, { query: '?direct_user=true' })
      const answers = await Promise.all(
        files.map((bytes) =>
          call('PATCH', made.location, { ...TUS, ...CHUNK_TYPE, 'upload-offset': '0' }, bytes),
        ),
      )
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409])
      const winner = files[answers.findIndex(({ status }) => status === 204)] ?? Buffer.alloc(0)
      expect(await server.sourceHash(made.uid)).toBe(sha256(winner))
      const late = await call(
        'PATCH',
        made.location,
        { ...TUS, ...CHUNK_TYPE, 'upload-offset': '0' },
        files[0],
      )
      expect(late.status).toBe(409)
    })
  })

  test.each([
    ['that was not its last', 5 * MIB, 'pendingupload'],
    ['that was its last', 8 * MIB, 'queued'],
  ])(
    'that expires while a chunk comes keeps the chunk, %s, and takes no other',
    async (_, chunkBytes, state) => {
      const on = await startUploadServer()
      try {
        const bytes = testBytes(8 * MIB)
        const made = await tusCalls(on).create(bytes.length, { query: '?direct_user=true' })
        const sender = new RawClient(on.port)
        await sender.head(...tusCalls(on).patchLines(made.path, 0, chunkBytes))
        await sender.bytes(bytes.subarray(0, 2 * MIB))
        while ((await draftOf(on, made.uid)) === null) await sleep(2)
        on.forward(DAY_SECONDS + 60)
        await sweep(on.deps)
        expect((await call('HEAD', made.location, TUS)).status).toBe(410)
        await sender.bytes(bytes.subarray(2 * MIB, chunkBytes))
        expect((await sender.answer())?.status).toBe(204)
        sender.socket.destroy()
        expect(await getVideo(on.deps.db, made.uid)).toMatchObject({ state })
        const answer = await call('HEAD', made.location, TUS)
        expect(answer.status).toBe(state === 'queued' ? 200 : 410)
      } finally {
        await on.stop()
      }
    },
  )
})

/** While `misuse` lasts, and at least once, a whole upload in two chunks and readings of its video must go as always. */
async function besideOthers(on: UploadServer, misuse: () => Promise<void>): Promise<void> {
  const over = new AbortController()
  const others = async () => {
    const bytes = testBytes(5 * MIB + 77, 9)
    do {
      const calls = tusCalls(on)
      const made = await calls.create(bytes.length)
      expect((await calls.patch(made.location, 0, bytes.subarray(0, 5 * MIB))).status).toBe(204)
      expect((await call('GET', `${on.endpoint}/${made.uid}`, calls.auth)).status).toBe(200)
      expect((await calls.patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(204)
      expect(await on.sourceHash(made.uid)).toBe(sha256(bytes))
      // Their files would fill the disk of a slow test.
      expect((await call('DELETE', `${on.endpoint}/${made.uid}`, calls.auth)).status).toBe(200)
    } while (!over.signal.aborted)
  }
  const misused = misuse().finally(() => over.abort())
  await Promise.all([misused, others()])
}

async function countVideos(on: UploadServer): Promise<number> {
  const { count } = await on.deps.db
    .selectFrom('videos')
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** The draft of a video's upload: there is one once the chunk has been accepted and its first bytes are written. */
async function draftOf(on: UploadServer, uid: string): Promise<string | null> {
  const row = await on.deps.db
    .selectFrom('uploads')
    .select('draft_id')
    .where('video_uid', '=', uid)
    .executeTakeFirstOrThrow()
  return row.draft_id
}
