/** The headers that keep pages of others out of ours, and what users wrote from becoming a page. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { metadataRoutes } from '../../src/http/bytes/metadata.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { converse, type RawAnswer, send } from '../harness/raw-http.ts'
import { startPageServer } from '../harness/page-server.ts'

/** Ends elements, attributes and scripts. */
const HOSTILE = `</script></title><script>alert(1)</script><img src=x onerror=alert(1)>"'\``

let server: ApiServer

beforeAll(async () => {
  const { api } = await startPageServer(metadataRoutes)
  server = api
})
afterAll(() => server.close())

const get = (path: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  send(server.url, path, { headers })

const api = (method: string, path: string, body?: unknown): Promise<RawAnswer> =>
  send(server.url, `/client/v4/accounts/${server.accountId}/stream${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  })

/** The directives of an answer's policy by name. */
function policyOf(answer: RawAnswer): Record<string, string> {
  const directives = (answer.headers['content-security-policy'] ?? '').split('; ')
  return Object.fromEntries(
    directives.map((text) => [text.split(' ', 1)[0] ?? '', text.slice(text.indexOf(' ') + 1)]),
  )
}

describe('a page', () => {
  test.each([
    ['dashboard', () => Promise.resolve('/'), 200],
    ['dashboard of a video', () => Promise.resolve(`/videos/${'0'.repeat(32)}`), 200],
    ['dashboard of live inputs', () => Promise.resolve('/live'), 200],
    ['dashboard of a live input', () => Promise.resolve(`/live/${'0'.repeat(32)}`), 200],
    ['watch page', async () => `/${(await server.addVideo()).uid}/watch`, 200],
    ['player', async () => `/${(await server.addVideo()).uid}/iframe`, 200],
    ['refusal', () => Promise.resolve(`/${'0'.repeat(32)}/iframe`), 404],
  ])('runs no script but ours and gets nothing of the machine: %s', async (_what, path, status) => {
    const answer = await get(await path())
    expect(answer.status).toBe(status)
    expect(policyOf(answer)).toMatchObject({
      'default-src': "'none'",
      'script-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'self'",
      'connect-src': "'self'",
    })
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'strict-origin-when-cross-origin',
      'permissions-policy': expect.stringContaining('camera=(), ') as string,
    })
    expect(answer.headers['permissions-policy']).not.toMatch(
      /autoplay|fullscreen|picture-in-picture|encrypted-media/,
    )
  })

  test('of the dashboard stands in no frame, and no other page holds its window', async () => {
    const answer = await get('/')
    expect(policyOf(answer)['frame-ancestors']).toBe("'none'")
    expect(answer.headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
  })

  test('of the player may be framed by anybody, or by the origins of its video', async () => {
    const anybody = await get(`/${(await server.addVideo()).uid}/iframe`)
    expect(policyOf(anybody)).not.toHaveProperty('frame-ancestors')
    expect(anybody.headers['x-frame-options']).toBeUndefined()
    expect(anybody.headers['cross-origin-opener-policy']).toBeUndefined()
    expect(anybody.headers['cross-origin-resource-policy']).toBe('cross-origin')
    const some = await get(`/${(await server.addVideo({ allowedOrigins: ['example.com'] })).uid}/iframe`)
    expect(policyOf(some)['frame-ancestors']).toBe('http://example.com https://example.com')
    const watch = await get(`/${(await server.addVideo()).uid}/watch`)
    expect(policyOf(watch)['frame-ancestors']).toBe("'none'")
  })
})

describe('an answer', () => {
  test.each([
    ['of the API', () => api('GET', ''), 200, 'same-origin'],
    ['of the API that refuses', () => get('/client/v4/nothing'), 404, 'same-origin'],
    ['of metrics', () => get('/metrics'), 200, 'same-origin'],
    ['of the player script', () => get('/embed/sdk.latest.js'), 200, 'cross-origin'],
    ['of a picture', () => get('/favicon.svg'), 200, 'cross-origin'],
    [
      'about a video',
      async () => get(`/${(await server.addVideo()).uid}/metadata/playerEnhancementInfo.json`),
      200,
      'cross-origin',
    ],
    ['that finds nothing', () => get('/no/such/page'), 404, 'cross-origin'],
  ])(
    'is never taken for another type, and says whose pages may show it: %s',
    async (_what, ask, status, whose) => {
      const answer = await ask()
      expect(answer).toMatchObject({
        status,
        headers: { 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': whose },
      })
      expect(answer.headers['content-type']).not.toMatch(/html/)
    },
  )

  test('to what is no HTTP is never taken for another type either', async () => {
    expect(await converse(server.url, 'HELLO\r\n\r\n')).toMatch(/^x-content-type-options: nosniff\r$/im)
  })
})

describe('what users wrote', () => {
  test('is JSON or text wherever it comes back, never HTML', async () => {
    const { uid } = await server.addVideo({ creator: HOSTILE })
    const edited = await api('POST', `/${uid}`, {
      meta: { name: HOSTILE, [HOSTILE]: HOSTILE },
      publicDetails: { title: HOSTILE },
    })
    expect(edited.status).toBe(200)
    const answers = [
      edited,
      await api('GET', `?search=${encodeURIComponent(HOSTILE)}`),
      await api('GET', `/${encodeURIComponent(HOSTILE.replaceAll('/', ''))}`),
      await get(`/${uid}/metadata/playerEnhancementInfo.json`),
      await get(`/${encodeURIComponent(HOSTILE.replaceAll('/', ''))}`),
      await get('/', { 'x-request-id': HOSTILE }),
    ]
    expect(answers.map(({ headers }) => headers['content-type'])).toEqual([
      'application/json',
      'application/json',
      'application/json',
      'application/json',
      'text/plain; charset=utf-8',
      'text/html; charset=utf-8',
    ])
    for (const { headers, text } of [
      answers[5],
      await get(`/${uid}/watch`),
      await get(`/${uid}/iframe`),
    ].filter((answer) => answer !== undefined)) {
      expect(headers['content-type']).toContain('html')
      expect(text).not.toMatch(/<script>alert|<img src=x/)
    }
  })

  test('in the embed code stands in no attribute', async () => {
    const { uid } = await server.addVideo({ meta: { name: HOSTILE } })
    expect((await api('GET', `/${uid}/embed`)).text).not.toContain('alert')
  })

  test.each(['share_link', 'channel_link', 'logo'])(
    'is no script where a link is expected: %s',
    async (name) => {
      const { uid } = await server.addVideo()
      for (const link of [
        'javascript:alert(1)',
        'JaVaScRiPt:alert(1)',
        ' javascript:alert(1)',
        'java\nscript:alert(1)',
        'data:text/html,<script>alert(1)</script>',
        'vbscript:x',
        '//example.com/x',
      ]) {
        expect((await api('POST', `/${uid}`, { publicDetails: { [name]: link } })).status).toBe(400)
      }
    },
  )

  test('in an address does not come back in a header', async () => {
    for (const path of [
      `/${'0'.repeat(32)}?x=%0d%0aSet-Cookie:a=b`,
      `/${'0'.repeat(32)}/watch/?%0d%0aX-Injected:1`,
      '/a.b.c?%0d%0aX-Injected:1',
    ]) {
      const answer = await get(path)
      expect(answer.headers['x-injected']).toBeUndefined()
      expect(answer.headers['set-cookie']).toBeUndefined()
    }
    const redirected = await get(`/${'0'.repeat(32)}?next=//evil.example`)
    expect(redirected.headers.location).toBe(`${server.url}/${'0'.repeat(32)}/watch?next=%2F%2Fevil.example`)
  })
})

describe("the dashboard's cookie", () => {
  test('is Secure behind https, and kept from scripts and from other sites always', async () => {
    const secure = await startApi({ settings: { publicUrl: 'https://video.example' } })
    try {
      const answer = await send(secure.url, '/dashboard/session', {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin' },
        body: JSON.stringify({ token: secure.token }),
      })
      expect(answer.headers['set-cookie']).toMatch(/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/)
    } finally {
      await secure.close()
    }
  })

  test('of a page whose name was turned to this server is not there, and nothing opens without', async () => {
    // Its browser takes it for the same origin, and sends it the cookies of its own name: none.
    const host = `rebound.example:${new URL(server.url).port}`
    const rebound = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    expect((await get('/dashboard/session', rebound)).status).toBe(401)
    expect((await get(`/client/v4/accounts/${server.accountId}/stream`, rebound)).status).toBe(401)
  })
})
