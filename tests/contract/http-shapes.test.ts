/**
 * Requests that two servers could read differently (RFC 9112 §11.2), byte by byte over a socket: each is refused or read in
 * the one way there is, and what was hidden behind it is never carried out.
 */

import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'

let server: ApiServer
/** Method and path of every request that reached a route. */
const seen: string[] = []

beforeAll(async () => {
  server = await startApi({
    byteRoutes: [
      {
        pattern: /^\/(?:first|second)$/,
        failures: 'plain',
        handle: async (request, incoming, outgoing) => {
          seen.push(`${request.method} ${request.path}`)
          let length = 0
          incoming.on('data', (part: Buffer) => {
            length += part.length
          })
          incoming.on('end', () => outgoing.end(`read ${length}\n`))
          await new Promise((resolve) => outgoing.once('close', resolve))
        },
      },
    ],
  })
})
afterAll(() => server.close())
beforeEach(() => {
  seen.length = 0
})

const SECOND = 'GET /second HTTP/1.1\r\nHost: a\r\n\r\n'

/** A `POST /first` with these header lines and this body, and another request behind it. */
function post(lines: string, body = '', version = 'HTTP/1.1'): string {
  return `POST /first ${version}\r\nHost: a\r\n${lines}\r\n\r\n${body}${SECOND}`
}

/** A `GET /first` that begins otherwise than it should. */
function get(head: string): string {
  return `${head}\r\n\r\n${SECOND}`
}

/** Sends the bytes and resolves with what came back once the server has closed the connection. */
function untilClosed(bytes: string): Promise<string> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(bytes, 'latin1')))
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

const statuses = (text: string) =>
  [...text.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, status]) => Number(status))

const CHUNKED = 'Transfer-Encoding: chunked'
const ZERO = '0\r\n\r\n'

describe('where a body ends', () => {
  test.each([
    ['a length and chunks', post(`Content-Length: 5\r\n${CHUNKED}`, ZERO), 400],
    ['chunks and a length', post(`${CHUNKED}\r\nContent-Length: 5`, ZERO), 400],
    ['two different lengths', post('Content-Length: 5\r\nContent-Length: 6', 'hello!'), 400],
    ['the same length twice', post('Content-Length: 5\r\nContent-Length: 5', 'hello'), 400],
    ['a list of lengths', post('Content-Length: 5, 5', 'hello'), 400],
    ['a negative length', post('Content-Length: -5', 'hello'), 400],
    ['a length with a sign', post('Content-Length: +5', 'hello'), 400],
    ['a hexadecimal length', post('Content-Length: 0x5', 'hello'), 400],
    ['a length with an exponent', post('Content-Length: 5e0', 'hello'), 400],
    ['a length of two words', post('Content-Length: 1 2', 'hello'), 400],
    ['a length beyond 64 bits', post('Content-Length: 99999999999999999999999', 'hello'), 400],
    ['an empty length', post('Content-Length: ', 'hello'), 400],
    ['a blank before the colon of a length', post('Content-Length : 5', 'hello'), 400],
    ['a blank before the colon of a coding', post('Transfer-Encoding : chunked', ZERO), 400],
    ['a folded coding', post('Transfer-Encoding:\r\n chunked', ZERO), 400],
    ['a coding after a vertical tab', post('Transfer-Encoding: \x0bchunked', ZERO), 400],
    ['an empty coding', post('Transfer-Encoding: \r\nContent-Length: 5', 'hello'), 400],
    ['chunks, then something else', post('Transfer-Encoding: chunked, identity', ZERO), 400],
    ['chunks twice', post('Transfer-Encoding: chunked, chunked', ZERO), 400],
    ['chunks, and in another line none', post(`${CHUNKED}\r\nTransfer-Encoding: identity`, ZERO), 400],
    ['identity and a length', post('Transfer-Encoding: identity\r\nContent-Length: 5', 'hello'), 400],
    ['chunks in HTTP/1.0', post(`Connection: keep-alive\r\n${CHUNKED}`, ZERO, 'HTTP/1.0'), 400],
    ['no coding, and in another line chunks', post(`Transfer-Encoding: identity\r\n${CHUNKED}`, ZERO), 501],
    ['a coding that is none', post('Transfer-Encoding: xchunked', ZERO), 501],
    ['a coding in quotation marks', post('Transfer-Encoding: "chunked"', ZERO), 501],
    ['a compression', post('Transfer-Encoding: gzip, chunked', ZERO), 501],
    ['an unknown expectation', post('Expect: 200-ok\r\nContent-Length: 5', 'hello'), 417],
  ])('%s is refused, and nothing behind it is a request', async (_what, bytes, status) => {
    const text = await untilClosed(bytes)
    expect(statuses(text)).toEqual([status])
    expect(text).toMatch(/^connection: close\r$/im)
    expect(seen).toEqual([])
  })

  test.each([
    ['of 2^64 bytes and more', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
    ['with a sign', '-5\r\nhello\r\n0\r\n\r\n'],
    ['with a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['with a blank', '5 \r\nhello\r\n0\r\n\r\n'],
    ['that ends in LF', '5\nhello\n0\n\n'],
    ['whose extension ends in LF', '5;a\nhello\r\n0\r\n\r\n'],
    ['longer than it says', '5\r\nhello0\r\n\r\n'],
    ['with an endless extension', `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
    ['followed by a length', '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n'],
    ['followed by endless trailers', `5\r\nhello\r\n0\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
  ])('a chunk %s ends the connection, and nothing behind it is a request', async (_what, body) => {
    const text = await untilClosed(post(CHUNKED, body))
    expect(statuses(text).filter((status) => status < 400)).toEqual([])
    expect(seen).toEqual(['POST /first'])
  })

  test.each([
    ['in capitals', post('Transfer-Encoding: CHUNKED', '5\r\nhello\r\n0\r\n\r\n')],
    ['with an extension', post(CHUNKED, '5;a=b\r\nhello\r\n0\r\n\r\n')],
    ['after a tab', post('Transfer-Encoding:\tchunked', '5\r\nhello\r\n0\r\n\r\n')],
    ['not at all', post('Content-Length: 5', 'hello')],
  ])('chunks that are proper are read (%s), and so is what follows', async (_what, bytes) => {
    const closing = bytes.replace(SECOND, SECOND.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    const text = await untilClosed(closing)
    expect(statuses(text)).toEqual([200, 200])
    expect(text).toContain('read 5')
    expect(seen).toEqual(['POST /first', 'GET /second'])
  })
})

describe('the first lines', () => {
  test.each([
    ['no HTTP', get('HELLO'), 400],
    ['HTTP/0.9', 'GET /first\r\n\r\n', 505],
    ['HTTP/2 in the words of 1.1', get('GET /first HTTP/2.0\r\nHost: a'), 505],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['HTTP/1.2', get('GET /first HTTP/1.2\r\nHost: a'), 400],
    ['an unknown method', get('BREW /first HTTP/1.1\r\nHost: a'), 400],
    ['a method in small letters', get('get /first HTTP/1.1\r\nHost: a'), 400],
    ['CONNECT', get('CONNECT a:80 HTTP/1.1\r\nHost: a'), 501],
    ['a blank before the method', get(' GET /first HTTP/1.1\r\nHost: a'), 400],
    ['tabs instead of blanks', get('GET\t/first\tHTTP/1.1\r\nHost: a'), 400],
    ['a blank after the version', get('GET /first HTTP/1.1 \r\nHost: a'), 400],
    ['a blank in the target', get('GET /first x HTTP/1.1\r\nHost: a'), 400],
    ['a target of raw bytes', get('GET /first\xff HTTP/1.1\r\nHost: a'), 400],
    ['LF alone after the first line', 'GET /first HTTP/1.1\nHost: a\r\n\r\n', 400],
    ['LF alone after a header', get('GET /first HTTP/1.1\r\nHost: a\nX: y'), 400],
    ['CR alone after the first line', 'GET /first HTTP/1.1\rHost: a\r\r', 400],
    ['CR in a value', get('GET /first HTTP/1.1\r\nHost: a\r\nX: a\rb'), 400],
    ['NUL in a value', get('GET /first HTTP/1.1\r\nHost: a\r\nX: a\0b'), 400],
    ['NUL in a name', get('GET /first HTTP/1.1\r\nHost: a\r\nX\0: a'), 400],
    ['a folded header', get('GET /first HTTP/1.1\r\nHost: a\r\nX: a\r\n b'), 400],
    ['a folded first line', get('GET /first HTTP/1.1\r\n X: y\r\nHost: a'), 400],
    ['a line without a colon', get('GET /first HTTP/1.1\r\nHost: a\r\nFoo'), 400],
    ['a header without a name', get('GET /first HTTP/1.1\r\nHost: a\r\n: x'), 400],
    ['no Host', get('GET /first HTTP/1.1\r\nX: y'), 400],
    ['two Hosts', get('GET /first HTTP/1.1\r\nHost: a\r\nhost: b'), 400],
    ['another Host in the target', get('GET http://b/first HTTP/1.1\r\nHost: a'), 400],
    ['a user in the target', get('GET http://b@a/first HTTP/1.1\r\nHost: a'), 400],
  ])('%s is refused, and nothing behind it is a request', async (_what, bytes, status) => {
    const text = await untilClosed(bytes)
    expect(statuses(text)).toEqual([status])
    expect(text).toMatch(/^connection: close\r$/im)
    expect(seen).toEqual([])
  })

  test.each([
    ['HTTP/1.0 without a Host', 'GET /first HTTP/1.0\r\n\r\n'],
    ['empty lines before', '\r\n\r\nGET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['the absolute form', 'GET http://a/first HTTP/1.1\r\nHost: A\r\nConnection: close\r\n\r\n'],
    [
      'an upgrade, which is not done',
      'GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
    ],
  ])('%s is a request', async (_what, bytes) => {
    expect(statuses(await untilClosed(bytes))).toEqual([200])
    expect(seen).toEqual(['GET /first'])
  })

  test('what a client sends after asking to close is no request', async () => {
    const first = 'GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    await untilClosed(first + SECOND)
    expect(seen).not.toContain('GET /second')
  })
})
