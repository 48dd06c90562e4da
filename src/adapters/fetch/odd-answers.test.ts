/** What servers send that is no proper answer, byte by byte: each comes to an end, and soon. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { isFailure } from '../../lib/failure.ts'
import { createFetcher } from './guarded-fetch.ts'

const fetcher = createFetcher({ allowPrivate: true, limits: { headersMs: 300 } })
const NEVER = new AbortController().signal
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'

let server: Server
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

/** What comes of a request when the server does that; `path` is what it was asked for. */
async function ask(method: 'GET' | 'HEAD', act: (socket: Socket, path: string) => void): Promise<string> {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', (head: Buffer) => act(socket, head.toString('latin1').split(' ')[1] ?? ''))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const url = `http://127.0.0.1:${port}/`
    const answer = await fetcher.fetch({ method, url, maxBytes: 1_000 }, { signal: NEVER })
    return `${answer.status} ${Buffer.concat(await Array.fromAsync(answer.body)).toString()}`.trim()
  } catch (error) {
    if (!isFailure(error, 'fetch_failed')) throw error
    return `${error.facts.mayPass === true ? 'may pass' : 'lasting'}: ${error.message}`
  }
}

/** Writes it again and again for as long as anybody listens. */
const always = (text: string) => (socket: Socket) => {
  const write = () => {
    if (!socket.destroyed) socket.write(text, () => setImmediate(write))
  }
  write()
}

describe.each(['GET', 'HEAD'] as const)('%s', (method) => {
  test.each<[string, (socket: Socket) => void, RegExp]>([
    ['another protocol', (socket) => socket.write(SWITCH), /^lasting: .* \(status 101\)/],
    ['another protocol, and an end', (socket) => socket.end(SWITCH), /^lasting: .* \(status 101\)/],
    ['nothing', (socket) => socket.end(), /^may pass: .* cut the connection/],
    ['half a head', (socket) => socket.end('HTTP/1.1 200 OK\r\nCont'), /^may pass: .* cut the connection/],
    ['interim answers for ever', always('HTTP/1.1 100 Continue\r\n\r\n'), /^may pass: .* gave no answer/],
    [
      'a head without end',
      always(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9_000)}`),
      /^lasting: .* no valid HTTP/,
    ],
    ['no HTTP', (socket) => socket.end('<html>hello</html>'), /^lasting: .* no valid HTTP/],
    [
      'two lengths',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'),
      /^lasting: .* no valid HTTP/,
    ],
  ])('is answered with %s', async (_, act, outcome) => {
    expect(await ask(method, act)).toMatch(outcome)
  })

  test('is answered after a hint', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'
    expect(
      await ask(method, (socket) => socket.end(hint + answer + (method === 'GET' ? 'abc' : ''))),
    ).toMatch(method === 'GET' ? /^200 abc$/ : /^200$/)
  })
})

test.each([
  ['UTF-8', 'utf8'],
  ['Latin-1', 'latin1'],
] as const)('a redirect in %s leads to what it says', async (_, encoding) => {
  const redirect = Buffer.from('HTTP/1.1 302 Found\r\nLocation: /ä.mp4\r\n\r\n', encoding)
  const paths: string[] = []
  const outcome = await ask('GET', (socket, path) => {
    paths.push(path)
    socket.end(paths.length === 1 ? redirect : 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc')
  })
  expect([outcome, paths]).toEqual(['200 abc', ['/', '/%C3%A4.mp4']])
})
