/**
 * The fetcher against real servers. All of 127.0.0.0/8 is this machine, so 127.0.0.2 plays the public internet here, by a
 * rule of the test's own; 127.0.0.1 is private as ever. Names are answered by a real name server.
 */

import { createSocket, type Socket as NameSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createPlainServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { refuseAddress } from '../../lib/outgoing-address.ts'
import type { Fetcher } from '../../ports.ts'
import { createFetcher, type FetcherOptions } from './guarded-fetch.ts'
import { askNameServers } from './resolve-name.ts'

const PUBLIC = '127.0.0.2'
const PRIVATE = '127.0.0.1'
const NEVER = new AbortController().signal

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

type TestServer = { readonly port: number; readonly seen: IncomingMessage[] }

async function serve(listener: RequestListener, host = PUBLIC, port = 0): Promise<TestServer> {
  const seen: IncomingMessage[] = []
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming)
    listener(incoming, outgoing)
  })
  return { port: await listen(server, host, port), seen }
}

async function listen(
  server: Server | ReturnType<typeof createPlainServer>,
  host: string,
  port = 0,
): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  ends.push(async () => {
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** A name server that gives the `n`-th question for IPv4 the `n`-th answer, the last one for ever; nothing for IPv6. */
async function serveNames(
  answers: readonly (readonly string[])[],
): Promise<{ address: string; questions: () => number }> {
  const socket: NameSocket = createSocket('udp4')
  let questions = 0
  socket.on('message', (question, from) => {
    const end = question.indexOf(0, 12) + 5
    const isIpv4 = question.readUInt16BE(end - 4) === 1
    const addresses = isIpv4 ? (answers[Math.min(questions, answers.length - 1)] ?? []) : []
    if (isIpv4) questions += 1
    const header = Buffer.from(question.subarray(0, 12))
    header.writeUInt16BE(0x8180, 2)
    header.writeUInt16BE(addresses.length, 6)
    header.fill(0, 8)
    // A pointer to the name of the question, type A, class IN, no time to live, four bytes.
    const records = addresses.map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
    )
    socket.send(Buffer.concat([header, question.subarray(12, end), ...records]), from.port, from.address)
  })
  socket.bind(0, PRIVATE)
  await once(socket, 'listening')
  ends.push(async () => socket.close())
  return { address: `${PRIVATE}:${socket.address().port}`, questions: () => questions }
}

function fetcher(options: Partial<FetcherOptions> = {}): Fetcher {
  return createFetcher({
    allowPrivate: false,
    refuse: (address, rules) => (address === PUBLIC ? undefined : refuseAddress(address, rules)),
    ...options,
  })
}

async function get(
  by: Fetcher,
  url: string,
  options: { headers?: Record<string, string>; maxBytes?: number; signal?: AbortSignal } = {},
): Promise<{ status: number; text: string; host: string; headers: Readonly<Record<string, string>> }> {
  const { headers, maxBytes = 1_000_000, signal = NEVER } = options
  const answer = await by.fetch({ method: 'GET', url, headers, maxBytes }, { signal })
  const pieces = await Array.fromAsync(answer.body)
  return { ...answer, text: Buffer.concat(pieces).toString() }
}

describe('an address', () => {
  test('is fetched, with user info as Basic authentication', async () => {
    const { port, seen } = await serve((_, outgoing) => outgoing.end('hello'))
    const answer = await get(fetcher(), `http://us%65r:p%40ss%@${PUBLIC}:${port}/a%20b?c=d#e`, {
      headers: { range: 'bytes=0-' },
    })
    expect(answer).toMatchObject({ status: 200, text: 'hello', host: `${PUBLIC}:${port}` })
    expect(seen[0]).toMatchObject({
      method: 'GET',
      url: '/a%20b?c=d',
      headers: {
        host: `${PUBLIC}:${port}`,
        // The lone percent sign is none of an encoding, so nothing of the password is decoded.
        authorization: `Basic ${Buffer.from('user:p%40ss%').toString('base64')}`,
        'accept-encoding': 'identity',
        range: 'bytes=0-',
        connection: 'close',
      },
    })
  })

  test('is asked for its headers only by HEAD', async () => {
    const { port } = await serve((_, outgoing) =>
      outgoing.writeHead(200, { 'content-length': '12345' }).end(),
    )
    const answer = await fetcher().fetch(
      { method: 'HEAD', url: `http://${PUBLIC}:${port}/`, maxBytes: 0 },
      { signal: NEVER },
    )
    answer.discard()
    expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '12345' } })
  })

  test('answers with any status, and with bytes as they were sent', async () => {
    const zipped = gzipSync('hello')
    const { port } = await serve((_, outgoing) =>
      outgoing.writeHead(503, { 'content-encoding': 'gzip', 'set-cookie': ['a=b', 'c=d'] }).end(zipped),
    )
    const answer = await fetcher().fetch(
      { method: 'GET', url: `http://${PUBLIC}:${port}/`, maxBytes: 1_000 },
      { signal: NEVER },
    )
    expect(answer.status).toBe(503)
    expect(answer.headers).not.toHaveProperty('set-cookie')
    expect(Buffer.concat(await Array.fromAsync(answer.body))).toEqual(zipped)
  })

  test.each([
    ['ftp://example.com/a', 'Only http and https can be fetched, not ftp.'],
    ['file:///etc/passwd', 'Only http and https can be fetched, not file.'],
    ['not an address', 'cannot be understood'],
    ['http://', 'cannot be understood'],
    ['http://127.0.0.1/', '127.0.0.1 is a loopback address'],
    ['http://0x7f.1:22/', '127.0.0.1 is a loopback address'],
    ['http://[::ffff:169.254.169.254]/', 'is a link-local address'],
    ['http://localhost:5432/', 'localhost is a name of this machine'],
    ['http://user:secret@10.0.0.1/', '10.0.0.1 is a private address'],
  ])('%s is refused', async (url, sentence) => {
    const failure = await get(fetcher(), url).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'fetch_refused', message: expect.stringContaining(sentence) })
    expect(String(failure)).not.toContain('secret')
  })

  test('of this machine is fine when private addresses are allowed', async () => {
    const { port } = await serve((_, outgoing) => outgoing.end('hello'), PRIVATE)
    const open = createFetcher({ allowPrivate: true })
    for (const host of [PRIVATE, '0x7f000001', '127.1', '[::ffff:127.0.0.1]']) {
      expect((await get(open, `http://${host}:${port}/`)).text).toBe('hello')
    }
  })
})

describe('a name', () => {
  test('is looked up once, and what was checked is what is connected to', async () => {
    // The second answer, which rebinding counts on, is never asked for.
    const names = await serveNames([[PUBLIC], [PRIVATE]])
    const open = await serve((_, outgoing) => outgoing.end('public'))
    const secret = await serve((_, outgoing) => outgoing.end('private'), PRIVATE, open.port)
    const by = fetcher({ resolve: askNameServers([names.address]) })
    expect((await get(by, `http://rebind.example:${open.port}/`)).text).toBe('public')
    expect(names.questions()).toBe(1)
    await expect(get(by, `http://rebind.example:${open.port}/`)).rejects.toMatchObject({
      code: 'fetch_refused',
      message: expect.stringMatching(/^rebind\.example resolves to an address that is a loopback address/),
    })
    expect(names.questions()).toBe(2)
    expect(open.seen[0]?.headers.host).toBe(`rebind.example:${open.port}`)
    expect(secret.seen).toEqual([])
  })

  test('is refused when any of its addresses is', async () => {
    const names = await serveNames([[PUBLIC, '10.0.0.7']])
    const { port, seen } = await serve((_, outgoing) => outgoing.end())
    const failure = await get(
      fetcher({ resolve: askNameServers([names.address]) }),
      `http://two.example:${port}/`,
    ).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'fetch_refused' })
    // What the name resolves to stays with the server.
    expect(String(failure)).not.toContain('10.0.0.7')
    expect(seen).toEqual([])
  })

  test('is given up when no name server answers', async () => {
    const silent = createSocket('udp4').bind(0, PRIVATE)
    await once(silent, 'listening')
    ends.push(async () => silent.close())
    const by = fetcher({
      resolve: askNameServers([`${PRIVATE}:${silent.address().port}`]),
      limits: { connectMs: 50 },
    })
    await expect(get(by, 'http://silent.example/')).rejects.toMatchObject({
      code: 'fetch_failed',
      facts: { mayPass: true },
    })
  })

  test('without an address is told as such', async () => {
    const names = await serveNames([[]])
    await expect(
      get(fetcher({ resolve: askNameServers([names.address]) }), 'http://nothing.example/'),
    ).rejects.toMatchObject({
      code: 'fetch_failed',
      message: 'The name nothing.example has no address; check it.',
    })
  })

  test('gives its addresses for what is not HTTP', async () => {
    const names = await serveNames([[PUBLIC], [PRIVATE]])
    const by = fetcher({ resolve: askNameServers([names.address]) })
    expect(await by.findAddresses('ingest.example', { signal: NEVER })).toEqual([PUBLIC])
    for (const host of ['ingest.example', '2130706433', '[::1]', 'localhost.', 'a/b']) {
      await expect(by.findAddresses(host, { signal: NEVER })).rejects.toMatchObject({ code: 'fetch_refused' })
    }
  })
})

describe('redirects', () => {
  test('are followed five times, and the sixth is one too many', async () => {
    const { port, seen } = await serve((incoming, outgoing) => {
      const left = Number(incoming.url?.slice(1))
      if (left > 0) outgoing.writeHead(302, { location: `/${left - 1}` })
      outgoing.end('there')
    })
    expect((await get(fetcher(), `http://${PUBLIC}:${port}/5`)).text).toBe('there')
    expect(seen).toHaveLength(6)
    await expect(get(fetcher(), `http://${PUBLIC}:${port}/6`)).rejects.toMatchObject({
      code: 'fetch_failed',
      facts: { mayPass: false },
      message: expect.stringContaining('more than 5 times'),
    })
  })

  test.each([301, 302, 303, 307, 308])('of status %i to a private address are refused', async (status) => {
    const secret = await serve((_, outgoing) => outgoing.end('secret'), PRIVATE)
    const { port } = await serve((_, outgoing) =>
      outgoing.writeHead(status, { location: `http://${PRIVATE}:${secret.port}/` }).end(),
    )
    await expect(get(fetcher(), `http://${PUBLIC}:${port}/`)).rejects.toMatchObject({ code: 'fetch_refused' })
    expect(secret.seen).toEqual([])
  })

  test.each([301, 302, 303, 307, 308])('of status %i are not followed by a POST', async (status) => {
    const other = await serve((_, outgoing) => outgoing.end('other'))
    const { port, seen } = await serve((_, outgoing) =>
      outgoing.writeHead(status, { location: `http://${PUBLIC}:${other.port}/` }).end(),
    )
    const body = Buffer.from('{"told":true}')
    const request = { method: 'POST', url: `http://${PUBLIC}:${port}/`, body, maxBytes: 0 } as const
    const answer = await fetcher().fetch(request, { signal: NEVER })
    answer.discard()
    expect(answer.status).toBe(status)
    expect(seen[0]).toMatchObject({ method: 'POST', headers: { 'content-length': '13' } })
    expect(other.seen).toEqual([])
  })

  test('to another scheme are refused, and none is followed without an address', async () => {
    const { port } = await serve((incoming, outgoing) => {
      outgoing.writeHead(302, incoming.url === '/file' ? { location: 'file:///etc/passwd' } : {}).end('stay')
    })
    await expect(get(fetcher(), `http://${PUBLIC}:${port}/file`)).rejects.toMatchObject({
      code: 'fetch_refused',
    })
    expect(await get(fetcher(), `http://${PUBLIC}:${port}/`)).toMatchObject({ status: 302, text: 'stay' })
  })

  test('take the credentials along to the same origin, never to another', async () => {
    const other = await serve((_, outgoing) => outgoing.end('other'))
    const { port, seen } = await serve((incoming, outgoing) => {
      const location = incoming.url === '/' ? '/again' : `http://${PUBLIC}:${other.port}/`
      outgoing.writeHead(302, { location }).end()
    })
    const answer = await get(fetcher(), `http://user:secret@${PUBLIC}:${port}/`)
    expect(answer).toMatchObject({ text: 'other', host: `${PUBLIC}:${other.port}` })
    const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`
    expect(seen.map((one) => one.headers.authorization)).toEqual([basic, basic])
    expect(other.seen[0]?.headers).not.toHaveProperty('authorization')
  })
})

describe('what goes wrong is told, and whether it may pass', () => {
  test('nobody listens', async () => {
    const { port } = await serve(() => undefined)
    for (const end of ends.splice(0)) await end()
    await expect(get(fetcher(), `http://${PUBLIC}:${port}/`)).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringContaining('refused the connection'),
      facts: { mayPass: true },
    })
  })

  test.each([
    ['never answers', () => undefined, 'gave no answer within 0.1 s', true],
    [
      'cuts the connection',
      (incoming: IncomingMessage) => incoming.socket.destroy(),
      'cut the connection',
      true,
    ],
  ] as const)('a server %s', async (_, listener, sentence, mayPass) => {
    const { port } = await serve(listener)
    await expect(
      get(fetcher({ limits: { headersMs: 100 } }), `http://${PUBLIC}:${port}/`),
    ).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringContaining(sentence),
      facts: { mayPass },
    })
  })

  test.each([
    ['http', 'no valid HTTP'],
    ['https', 'No trusted encrypted connection'],
  ])('a server that speaks something else than %s', async (scheme, sentence) => {
    const server = createPlainServer((socket) =>
      socket.on('error', () => undefined).end('220 mail ready\r\n'),
    )
    const port = await listen(server, PUBLIC)
    await expect(get(fetcher(), `${scheme}://${PUBLIC}:${port}/`)).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringContaining(sentence),
      facts: { mayPass: false },
    })
  })

  test.each([
    ['is cut', 'destroy', 'cut the connection', true],
    ['stands still', 'wait', 'sent nothing for 0.1 s', true],
    ['grows too large', 'flood', 'more than the 1000 bytes', false],
  ] as const)('a body that %s', async (_, way, sentence, mayPass) => {
    const { port } = await serve((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '5000' })
      outgoing.write('x'.repeat(way === 'flood' ? 2_000 : 500), () => {
        if (way === 'destroy') outgoing.destroy()
      })
    })
    const answer = await fetcher({ limits: { stallMs: 100 } }).fetch(
      { method: 'GET', url: `http://${PUBLIC}:${port}/`, maxBytes: 1_000 },
      { signal: NEVER },
    )
    let bytes = 0
    const reading = (async () => {
      for await (const piece of answer.body) bytes += piece.byteLength
    })()
    await expect(reading).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringContaining(sentence),
      facts: { mayPass },
    })
    expect(bytes).toBe(way === 'flood' ? 0 : 500)
  })

  test('the reason of whoever gave up, before and during the answer', async () => {
    const { port } = await serve((incoming, outgoing) => {
      if (incoming.url === '/body') outgoing.writeHead(200).write('x')
    })
    for (const path of ['/', '/body']) {
      const giving = new AbortController()
      const asking = get(fetcher(), `http://${PUBLIC}:${port}${path}`, { signal: giving.signal })
      const reason = new Error('given up')
      setTimeout(() => giving.abort(reason), 50)
      await expect(asking).rejects.toBe(reason)
    }
  })
})
