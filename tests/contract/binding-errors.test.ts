/** What the binding makes of refusals, and of servers that are none; api.md §14. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ForbiddenError, type StreamBindingOptions } from '../../src/binding/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { bindTo, refusal } from './binding-fixture.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApi()
})
afterAll(() => server.close())

const bind = (options?: Partial<StreamBindingOptions>) => bindTo(server, options)

describe('errors', () => {
  test('a token that is not good, or may not do this, is forbidden', async () => {
    const { uid } = await server.addVideo()
    const wrong = bind({ apiToken: 'wrong-token' })
    expect(await refusal(wrong.videos.list())).toMatchObject({
      name: 'ForbiddenError',
      statusCode: 401,
      code: 10000,
    })
    const reader = bind({ apiToken: server.readToken })
    expect(await refusal(reader.video(uid).delete())).toMatchObject({
      name: 'ForbiddenError',
      statusCode: 403,
    })
    expect(await refusal(reader.video(uid).delete())).toBeInstanceOf(ForbiddenError)
    expect((await reader.video(uid).details()).id).toBe(uid)
  })

  test('a value that is refused says which', async () => {
    const { uid } = await server.addVideo()
    const error = await refusal(
      bind()
        .video(uid)
        .update({ creator: 'c'.repeat(65) }),
    )
    expect(error).toMatchObject({ name: 'BadRequestError', code: 10005, statusCode: 400 })
    expect(error.message).toContain('creator')
    expect(String(error)).toMatch(/^BadRequestError: Bad Request/)
  })

  test('too many requests are told as such', async () => {
    const limited = await startApi({ settings: { rateLimit: 1 } })
    try {
      const { videos } = bindTo(limited)
      await videos.list()
      expect(await refusal(videos.list())).toMatchObject({
        name: 'RateLimitedError',
        code: 10009,
        statusCode: 429,
      })
    } finally {
      await limited.close()
    }
  })

  test('an action that does not fit the state is a plain StreamError', async () => {
    const { uid } = await server.addVideo({ state: 'live-inprogress' })
    expect(await refusal(bind().video(uid).delete())).toMatchObject({
      name: 'StreamError',
      code: 10046,
      statusCode: 409,
    })
  })

  test('a server that cannot be reached, and an answer that is not the API’s', async () => {
    const answers = ['<html>hello</html>', '{"hello": 1}', '']
    const other = createServer((incoming, outgoing) => {
      if (incoming.url?.endsWith('?limit=3')) outgoing.writeHead(503, { 'content-type': 'text/html' })
      if (incoming.url?.endsWith('?limit=4')) outgoing.writeHead(301, { location: server.apiUrl })
      outgoing.end(answers[Number(incoming.url?.at(-1))] ?? '<html>away</html>')
    })
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve)
    })
    const { port } = other.address() as AddressInfo
    const { videos } = bind({ baseURL: `http://127.0.0.1:${port}` })
    try {
      for (const limit of [0, 1, 2]) {
        expect(await refusal(videos.list({ limit }))).toMatchObject({
          name: 'InternalError',
          code: 10500,
          statusCode: 502,
        })
      }
      expect(await refusal(videos.list({ limit: 3 }))).toMatchObject({
        name: 'InternalError',
        statusCode: 503,
      })
      expect(await refusal(videos.list({ limit: 4 }))).toMatchObject({ name: 'StreamError', statusCode: 301 })
    } finally {
      await new Promise((resolve) => {
        other.close(resolve)
      })
    }
    const error = await refusal(videos.list())
    expect(error).toMatchObject({ name: 'InternalError', code: 10500, statusCode: 502 })
    expect(error.cause).toBeInstanceOf(Error)
    expect(error.message).not.toContain(server.token)
  })

  test.each([
    [{ baseURL: '' }, /^baseURL/],
    [{ baseURL: 'video.example.com' }, /^baseURL/],
    [{ accountId: 'mine' }, /^accountId/],
    [{ apiToken: '' }, /^apiToken/],
    [{ apiToken: 'two words' }, /^apiToken/],
  ])('the options %j are refused at once', (options, message) => {
    expect(() => bind(options)).toThrow(TypeError)
    expect(() => bind(options)).toThrow(message)
  })

  test.each(['', '/', '/client/v4', '/client/v4/'])('the base address may end in "%s"', async (ending) => {
    expect(await bind({ baseURL: server.url + ending }).videos.list({ limit: 1 })).toHaveLength(1)
  })
})
