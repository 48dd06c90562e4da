/** The one server: byte routes, failures in three manners, limits, and its end. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { converse, send } from '../harness/raw-http.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import type { ByteHandler, ByteRoute } from '../../src/http/route.ts'

let server: ApiServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function serve(handle: ByteHandler, failures: ByteRoute['failures'] = 'plain'): Promise<ApiServer> {
  server = await startApi({ byteRoutes: [{ pattern: /^\/test\/(?<name>[^/]+)$/, failures, handle }] })
  return server
}

describe('a byte route', () => {
  test('gets what it needs to know of the request', async () => {
    const { url } = await serve(async (request, _incoming, outgoing) => {
      const { method, path, params, publicUrl, query } = request
      outgoing.end(JSON.stringify({ method, path, params, publicUrl, x: query.get('x') }))
    })
    const answer = await send(url, '/test/caf%C3%A9/?x=%2F', { method: 'PATCH' })
    expect(answer.json()).toEqual({
      method: 'PATCH',
      path: '/test/café',
      params: { name: 'café' },
      publicUrl: url,
      x: '/',
    })
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
  })

  test.each([
    ['plain', 'text/plain; charset=utf-8', 'Conflict: Not now.\n'],
    ['envelope', 'application/json', '"code":10007'],
    ['tus', 'application/json', '"code":10007'],
  ] as const)('tells its failures as %s', async (manner, type, text) => {
    const { url } = await serve(() => {
      throw new HeadwaterError('video_not_playable_yet', 'Not now.')
    }, manner)
    const answer = await send(url, '/test/a')
    expect(answer.status).toBe(409)
    expect(answer.headers['content-type']).toBe(type)
    expect(answer.headers['retry-after']).toBe('5')
    expect(answer.text).toContain(text)
    expect(answer.headers['access-control-allow-origin']).toBe(manner === 'envelope' ? undefined : '*')
    expect(answer.headers['tus-resumable']).toBe(manner === 'tus' ? '1.0.0' : undefined)
    const head = await send(url, '/test/a', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 409, text: '' })
  })

  test('leaves no header of the answer it meant on the failure it gives', async () => {
    const { url } = await serve(async (_request, _incoming, outgoing) => {
      outgoing.setHeader('cache-control', 'public, max-age=31536000, immutable')
      outgoing.setHeader('content-length', 5)
      outgoing.setHeader('content-type', 'video/mp4')
      outgoing.setHeader('vary', 'Origin')
      throw new Error('unforeseen')
    })
    const answer = await send(url, '/test/a')
    expect(answer).toMatchObject({
      status: 500,
      headers: { 'cache-control': 'no-store', vary: 'Origin', 'content-type': 'text/plain; charset=utf-8' },
    })
    expect(answer.text).toContain(answer.headers['x-request-id'])
    expect(server?.logLines.join('\n')).toContain('request failed')
  })

  test('cuts the connection when it fails in the middle of an answer', async () => {
    const { url } = await serve(async (_request, _incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': 100 })
      outgoing.write('half')
      throw new HeadwaterError('blob_damaged', 'short read')
    })
    await expect(send(url, '/test/a')).rejects.toThrow()
  })

  test('is told when its client has gone', async () => {
    const gone = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const { url } = await serve(async (request) => {
      request.signal.addEventListener('abort', () => gone.resolve())
      begun.resolve()
      await gone.promise
    })
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.write('GET /test/a HTTP/1.1\r\nHost: x\r\n\r\n')
    await begun.promise
    socket.destroy()
    await gone.promise
  })

  test('that finishes is not told anything', async () => {
    let signal: AbortSignal | undefined
    const { url } = await serve(async (request, _incoming, outgoing) => {
      signal = request.signal
      outgoing.end('done')
    })
    expect((await send(url, '/test/a')).text).toBe('done')
    expect(signal?.aborted).toBe(false)
  })

  test('reads its body itself, after the 100 it sends', async () => {
    const { url } = await serve(async (_request, incoming, outgoing) => {
      outgoing.writeContinue()
      let length = 0
      for await (const part of incoming) length += (part as Buffer).length
      outgoing.end(String(length))
    })
    const answer = await send(url, '/test/a', {
      method: 'POST',
      headers: { expect: '100-continue' },
      body: 'x'.repeat(70_000),
    })
    expect(answer.text).toBe('70000')
  })
})

describe('the server', () => {
  test('goes on with a connection after a small refused body', async () => {
    const { url } = await serve(() => {
      throw new HeadwaterError('bad_request', 'No.')
    })
    const request = 'POST /test/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
    const text = await converse(url, request + request)
    expect(text.match(/HTTP\/1\.1 400/g)).toHaveLength(2)
  })

  test.each([
    ['no HTTP', 'HELLO\r\n\r\n', 400],
    ['a header that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
  ])('refuses %s', async (_what, bytes, status) => {
    server = await startApi()
    expect(await converse(server.url, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  test('lets running requests end when it closes, and cuts those that take too long', async () => {
    const begun = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const started = await serve(async (request, _incoming, outgoing) => {
      begun.resolve()
      await finish.promise
      outgoing.end(`finished ${request.params.name}`)
    })
    const running = send(started.url, '/test/a')
    await begun.promise
    const closed = started.close()
    server = undefined
    await expect(send(started.url, '/test/b')).rejects.toThrow(/ECONNREFUSED/)
    finish.resolve()
    expect((await running).text).toBe('finished a')
    await closed
  })

  test('cuts a connection on which nothing moves, and tells the handler', async () => {
    const gone = Promise.withResolvers<void>()
    server = await startApi({
      idleMs: 200,
      byteRoutes: [
        {
          pattern: /^\/test$/,
          failures: 'plain',
          handle: async (request) => {
            request.signal.addEventListener('abort', () => gone.resolve())
            await gone.promise
          },
        },
      ],
    })
    const half = 'PATCH /test HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf'
    expect(await converse(server.url, half, 5_000)).toBe('')
    await gone.promise
  })

  test('leaves no connection behind', async () => {
    const begun = Promise.withResolvers<void>()
    const started = await serve(async () => {
      begun.resolve()
      await new Promise(() => undefined)
    })
    const { hostname, port } = new URL(started.url)
    const idle = connect(Number(port), hostname)
    await once(idle, 'connect')
    const busy = send(started.url, '/test/a')
    const cut = expect(busy).rejects.toThrow()
    await begun.promise
    const ended = once(idle, 'close')
    await started.close()
    server = undefined
    await Promise.all([cut, ended])
  })

  test('writes one line per API request, with its id and without its address or query', async () => {
    const { url, logLines, token, accountId } = await serve(async (_request, _incoming, outgoing) => {
      outgoing.end()
    })
    const path = `/client/v4/accounts/${accountId}/stream?search=private`
    const answer = await send(url, path, { headers: { authorization: `Bearer ${token}` } })
    await send(url, '/test/a')
    expect(logLines).toHaveLength(1)
    expect(logLines[0]).toContain(answer.headers['x-request-id'])
    expect(logLines[0]).not.toContain('private')
    expect(logLines[0]).not.toContain(accountId)
  })
})
