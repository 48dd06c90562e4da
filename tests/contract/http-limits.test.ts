/** What one client may cost: sizes, times, connections. The others on the same server notice nothing. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { MOST_HEADERS, MOST_TARGET_CHARACTERS } from '../../src/http/check-message.ts'
import { MOST_UNANSWERED } from '../../src/http/connections.ts'
import type { ByteHandler } from '../../src/http/route.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { send } from '../harness/raw-http.ts'
import { MIB, RawClient, startUploadServer, testBytes, tusCalls } from './tus-fixture.ts'

let server: ApiServer | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server?.close()
  server = undefined
})

type Limits = Omit<NonNullable<Parameters<typeof startApi>[0]>, 'settings' | 'byteRoutes'>

async function serve(handle: ByteHandler, limits: Limits = {}): Promise<ApiServer> {
  server = await startApi({ ...limits, byteRoutes: [{ pattern: /^\/test$/, failures: 'plain', handle }] })
  return server
}

/** A connection from an address of this machine, open when this resolves, to which nothing was said yet. */
async function open({ url }: ApiServer, localAddress = '127.0.0.1'): Promise<Socket> {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress, noDelay: true })
  socket.on('error', () => undefined)
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the server closes the connection. */
async function heard(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  if (!socket.destroyed) await once(socket, 'close')
  return text
}

const GET = 'GET /test HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n'

const answerAtOnce: ByteHandler = async (_request, _incoming, outgoing) => {
  outgoing.end('answered')
}

/** A handler that keeps its requests until told; `begun` resolves when that many have come. */
function keeper(count: number) {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  let running = 0
  const handle: ByteHandler = async (_request, _incoming, outgoing) => {
    running += 1
    if (running === count) begun.resolve()
    await finish.promise
    outgoing.setHeader('connection', 'close')
    outgoing.end('finished')
  }
  return { handle, begun: begun.promise, finish: () => finish.resolve() }
}

describe('sizes', () => {
  test('an address may have 12,288 characters, one more is 414', async () => {
    const { url } = await serve(answerAtOnce)
    const path = `/test?${'x'.repeat(MOST_TARGET_CHARACTERS - 6)}`
    expect((await send(url, path)).text).toBe('answered')
    expect(await send(url, `${path}x`)).toMatchObject({ status: 414, headers: { connection: 'close' } })
  })

  test('a request may have 100 headers, one more is 431', async () => {
    const { url } = await serve(answerAtOnce)
    // The client adds `Host` and `Connection`.
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count - 2 }, (_, at) => [`x-${at}`, '']))
    expect((await send(url, '/test', { headers: headers(MOST_HEADERS) })).text).toBe('answered')
    for (const count of [MOST_HEADERS + 1, 1_000]) {
      const answer = await send(url, '/test', { headers: headers(count) })
      expect(answer).toMatchObject({ status: 431, headers: { connection: 'close' } })
    }
  })
})

describe('time', () => {
  test('a connection that says nothing is told so and closed', async () => {
    const started = await serve(answerAtOnce, { headersMs: 300 })
    expect(await heard(await open(started))).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('a connection that waits for its next request is closed', async () => {
    const started = await serve(answerAtOnce, { keepAliveMs: 100 })
    const socket = await open(started)
    socket.write(GET)
    expect(await heard(socket)).toContain('answered')
  })

  test('an upload slower than the least pace is cut, keeps what it brought, and another goes on', async () => {
    const bytes = testBytes(8 * MIB)
    const slow = await startUploadServer({ pace: { bytes: 32_768, withinMs: 600 } })
    try {
      const calls = tusCalls(slow)
      const made = await calls.create(bytes.length)
      const crawling = new RawClient(slow.port)
      await crawling.head(...calls.patchLines(made.path, 0, bytes.length))
      await crawling.bytes(bytes.subarray(0, 3 * MIB))
      let at = 3 * MIB
      // Each byte ends the silence, so the limit for that is never reached.
      const trickle = setInterval(() => {
        if (crawling.socket.writable) crawling.socket.write(bytes.subarray(at, (at += 1)))
      }, 20)
      await crawling.ended()
      clearInterval(trickle)
      const offset = await calls.storedOffset(made.location)
      expect(offset).toBe(3 * MIB)
      expect((await calls.patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
    } finally {
      await slow.stop()
    }
  })

  test('a refused body that crawls is cut too', async () => {
    const started = await serve(
      async (_request, _incoming, outgoing) => {
        outgoing.statusCode = 400
        outgoing.end('no')
      },
      { pace: { bytes: 500, withinMs: 300 } },
    )
    const socket = await open(started)
    const trickle = setInterval(() => socket.write('x'), 20)
    socket.write(POST)
    expect(await heard(socket)).toMatch(/^HTTP\/1\.1 400 /)
    clearInterval(trickle)
  })

  test('a body that waits because nobody reads it is not cut', async () => {
    const withinMs = 200
    const started = await serve(
      async (_request, incoming, outgoing) => {
        await sleep(4 * withinMs)
        incoming.on('end', () => outgoing.end('whole')).resume()
      },
      { pace: { bytes: 1, withinMs } },
    )
    expect((await send(started.url, '/test', { method: 'POST', body: Buffer.alloc(8 * MIB) })).text).toBe(
      'whole',
    )
  })

  test('a reader that takes no byte is dropped, whatever is still to come for it', async () => {
    const gone = Promise.withResolvers<void>()
    const started = await serve(
      async (request, _incoming, outgoing) => {
        if (request.query.has('quick')) {
          outgoing.end('answered')
          return
        }
        request.signal.addEventListener('abort', () => gone.resolve())
        outgoing.write(Buffer.alloc(64 * MIB))
      },
      { idleMs: 500 },
    )
    const socket = await open(started)
    socket.pause()
    socket.write(GET)
    expect((await send(started.url, '/test?quick')).text).toBe('answered')
    await gone.promise
  })
})

describe('connections', () => {
  /** Opens `count` connections with half a request each from another address. */
  async function halfOpen(started: ApiServer, count: number): Promise<readonly Socket[]> {
    const opened: Socket[] = []
    for (let at = 0; at < count; at += 1) {
      const socket = await open(started, '127.0.0.2')
      socket.write('GET /test HTTP/1.1\r\nX-Slow: ')
      opened.push(socket)
    }
    return opened
  }

  test('hundreds of half-open requests hinder nobody', async () => {
    const { handle, begun, finish } = keeper(1)
    const started = await serve(
      (request, ...rest) => (request.query.has('keep') ? handle : answerAtOnce)(request, ...rest),
      { maxConnections: 64 },
    )
    const before = send(started.url, '/test?keep')
    await begun
    const attackers = await halfOpen(started, 300)
    // The server is full; those who hold it give way.
    for (let round = 0; round < 20; round += 1) {
      expect((await send(started.url, '/test')).text).toBe('answered')
    }
    finish()
    expect((await before).text).toBe('finished')
    await expect.poll(() => attackers.filter((socket) => !socket.destroyed).length).toBeLessThanOrEqual(64)
  })

  test('of one address that fills the server, those that wait go first, then nobody else comes in', async () => {
    const { handle, begun, finish } = keeper(16)
    const started = await serve(handle, { maxConnections: 16 })
    const waiting = await open(started)
    const busy: Promise<string>[] = []
    for (let at = 0; at < 15; at += 1) {
      const socket = await open(started)
      busy.push(heard(socket))
      socket.write(GET)
    }
    const sixteenth = await open(started)
    busy.push(heard(sixteenth))
    sixteenth.write(GET)
    expect(await heard(waiting)).toBe('')
    await begun
    expect(await heard(await open(started))).toBe('')
    finish()
    for (const text of await Promise.all(busy)) expect(text).toContain('finished')
  })

  test('whoever comes from elsewhere gets in, at the cost of whoever holds most', async () => {
    const { handle, begun, finish } = keeper(16)
    const started = await serve(
      (request, ...rest) => (request.query.has('quick') ? answerAtOnce : handle)(request, ...rest),
      { maxConnections: 16 },
    )
    const busy: Promise<string>[] = []
    for (let at = 0; at < 16; at += 1) {
      const socket = await open(started, '127.0.0.2')
      busy.push(heard(socket))
      socket.write(GET)
    }
    await begun
    expect((await send(started.url, '/test?quick')).text).toBe('answered')
    finish()
    const [oldest, ...others] = await Promise.all(busy)
    expect(oldest).toBe('')
    for (const text of others) expect(text).toContain('finished')
  })

  test('a connection may have 16 requests unanswered; more cut it', async () => {
    const { handle, begun, finish } = keeper(MOST_UNANSWERED)
    const started = await serve(handle)
    const polite = await open(started)
    const answers = heard(polite)
    polite.write(GET.repeat(MOST_UNANSWERED))
    await begun
    const greedy = await open(started)
    const nothing = heard(greedy)
    greedy.write(GET.repeat(MOST_UNANSWERED + 1))
    expect(await nothing).toBe('')
    finish()
    expect(await answers).toContain('finished')
  })
})
