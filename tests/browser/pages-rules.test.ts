/** What the pages promise without a browser: sizes, statuses, policies, addresses, compression. */

import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Admissions } from '../../src/core/playback/index.ts'
import { presentStatus } from '../../src/http/page-status.ts'
import { pageRoutes } from '../../src/http/pages.ts'
import { readOptions, readTime } from '../../web/player/options.ts'
import { startApi } from '../harness/api-server.ts'
import { type PagesFixture, startPages } from './pages-fixture.ts'

/** The player's whole weight, compressed: the design's limit. */
const PLAYER_BUDGET_BYTES = 260_000

let pages: PagesFixture

beforeAll(async () => {
  pages = await startPages()
})

afterAll(async () => {
  await pages?.[Symbol.asyncDispose]()
})

type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer }

/** `fetch` would follow, decompress and hide too much. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(`${pages.api.url}${path}`, { agent: new Agent(), ...options }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('error', reject)
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      )
    }).once('error', reject)
  })
}

describe('the weight of the player', () => {
  test(`everything it loads is at most ${PLAYER_BUDGET_BYTES} bytes compressed`, async () => {
    const { uid } = await pages.api.addVideo()
    const html = (await ask(`/${uid}/watch`)).body
    const paths = new Set(html.toString().match(/assets\/[\w.-]+\.(?:js|css)/g) ?? [])
    for (const name of ['player/adaptive.ts', 'player/real-time.ts']) {
      const engine = pages.files.entry(name)
      for (const path of [...(engine?.preloads ?? []), engine?.script ?? 'missing']) paths.add(path)
    }
    paths.add('embed/v1.js')
    const weights = [...paths].map((path) => {
      const file = pages.files.find(path)
      return [path, file?.gzip?.length ?? Number.NaN] as const
    })
    const total = gzipSync(html).length + weights.reduce((sum, [, weight]) => sum + weight, 0)
    expect(paths.size).toBeGreaterThanOrEqual(3)
    expect(total, JSON.stringify(weights)).toBeLessThanOrEqual(PLAYER_BUDGET_BYTES)
  })
})

describe('player pages', () => {
  test('an unknown id is a 404 page, a protected video a 401 page, both without a script', async () => {
    const { uid } = await pages.api.addVideo({ requireSignedUrls: true })
    const unknown = await ask(`/${'0'.repeat(32)}/watch`)
    const malformed = await ask('/nonsense/iframe')
    const closed = await ask(`/${uid}/iframe`)
    const token = await ask('/aaaa.bbbb.cccc/watch')
    expect([unknown.status, malformed.status, closed.status, token.status]).toEqual([404, 404, 401, 401])
    for (const { headers, body } of [unknown, malformed, closed, token]) {
      expect(headers['content-type']).toBe('text/html; charset=utf-8')
      expect(body.toString()).not.toContain('<script')
    }
    expect((await ask(`/${uid}/headwater/status.json`)).status).toBe(401)
    expect((await ask(`/${'0'.repeat(32)}/headwater/status.json`)).status).toBe(404)
  })

  test('scripts come from files of this server only', async () => {
    const { uid } = await pages.api.addVideo()
    for (const path of ['/', `/${uid}/watch`, `/${uid}/iframe`]) {
      const { headers, body } = await ask(path)
      const policy = String(headers['content-security-policy'])
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self';")
      const inline = body.toString().match(/<script(?![^>]*\bsrc=)(?![^>]*application\/json)[^>]*>/g)
      expect(inline).toBeNull()
    }
  })

  test('watch may not be framed, iframe by anybody or by the allowed origins', async () => {
    const open = await pages.api.addVideo()
    const limited = await pages.api.addVideo({ allowedOrigins: ['*.example.com', 'localhost:3000'] })
    const policyOf = async (path: string) => String((await ask(path)).headers['content-security-policy'])
    expect(await policyOf(`/${open.uid}/watch`)).toContain("frame-ancestors 'none'")
    expect(await policyOf(`/${open.uid}/iframe`)).not.toContain('frame-ancestors')
    expect(await policyOf(`/${limited.uid}/iframe`)).toContain(
      'frame-ancestors http://*.example.com https://*.example.com http://localhost:3000 https://localhost:3000',
    )
    expect(await policyOf('/')).toContain("frame-ancestors 'none'")
  })

  test('a poster on another host is let in by its origin, and brings nothing else along', async () => {
    const { uid } = await pages.api.addVideo()
    const poster = encodeURIComponent("https://pictures.example/a.jpg; script-src 'unsafe-inline'")
    const { headers } = await ask(`/${uid}/iframe?poster=${poster}`)
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("img-src 'self' data: https://pictures.example;")
    expect(policy.match(/script-src/g)).toHaveLength(1)
  })

  test('a title cannot leave its place in the page', async () => {
    const title = '</script><script>alert(1)</script>"\'&'
    const { uid } = await pages.api.addVideo({ publicDetails: { title } })
    const html = (await ask(`/${uid}/watch`)).body.toString()
    expect(html).not.toContain('<script>alert')
    const json = /id="headwater">(?<json>.*?)<\/script>/s.exec(html)?.groups?.['json'] ?? ''
    expect(JSON.parse(json)).toMatchObject({ details: { title }, mode: 'watch', id: uid })
  })

  test('publicDetails set by the API are told to players of others at once, and their logo is let in', async () => {
    const details = {
      title: 'A film',
      share_link: 'https://share.example/film',
      channel_link: null,
      logo: 'https://logos.example/a.png',
    }
    const { uid } = await pages.api.addVideo()
    const { apiUrl, accountId, token } = pages.api
    const edited = await fetch(`${apiUrl}/accounts/${accountId}/stream/${uid}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ publicDetails: details }),
    })
    expect(edited.status).toBe(200)
    const told = await ask(`/${uid}/metadata/playerEnhancementInfo.json`)
    expect(JSON.parse(told.body.toString())).toEqual(details)
    expect(told.headers).toMatchObject({
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
      'cache-control': 'no-cache',
    })
    const policy = String((await ask(`/${uid}/iframe`)).headers['content-security-policy'])
    expect(policy).toContain("img-src 'self' data: https://logos.example;")

    const bare = await pages.api.addVideo({ allowedOrigins: ['example.com'] })
    const nothing = await ask(`/${bare.uid}/metadata/playerEnhancementInfo.json`)
    expect([nothing.status, nothing.body.toString()]).toEqual([200, '{}'])
    expect(nothing.headers['cache-control']).toBe('private, no-store')
    const closed = await pages.api.addVideo({ requireSignedUrls: true })
    expect((await ask(`/${closed.uid}/metadata/playerEnhancementInfo.json`)).status).toBe(401)
  })

  test('a frame on a page that is not allowed says so, with a policy that lets it be seen', async () => {
    const { uid } = await pages.api.addVideo({ allowedOrigins: ['*.example.com'] })
    const frame = (referer: string, dest = 'iframe') =>
      ask(`/${uid}/iframe`, { headers: { referer, 'sec-fetch-dest': dest } })
    const foreign = await frame('https://elsewhere.example/page')
    expect(foreign.status).toBe(403)
    expect(foreign.body.toString()).toContain('elsewhere.example')
    expect(foreign.headers['content-security-policy']).not.toContain('frame-ancestors')
    for (const answer of [
      await frame('https://a.example.com/'),
      await frame('https://elsewhere.example/', 'document'),
    ]) {
      expect(answer.status).toBe(200)
      expect(answer.headers['content-security-policy']).toContain('frame-ancestors')
    }
  })

  test('the bare id and a slash at the end lead to the page, with their queries', async () => {
    const { uid } = await pages.api.addVideo()
    const bare = await ask(`/${uid}?muted=true`)
    expect([bare.status, bare.headers.location]).toEqual([302, `${pages.api.url}/${uid}/watch?muted=true`])
    const slash = await ask(`/${uid}/iframe/?muted=true`)
    expect([slash.status, slash.headers.location]).toEqual([308, '../iframe?muted=true'])
  })

  test('HEAD has the same headers and no body; other methods are refused', async () => {
    const { uid } = await pages.api.addVideo()
    const [whole, head] = [await ask(`/${uid}/watch`), await ask(`/${uid}/watch`, { method: 'HEAD' })]
    expect(head.body).toHaveLength(0)
    expect(head.headers['content-length']).toBe(String(whole.body.length))
    expect((await ask(`/${uid}/watch`, { method: 'PUT' })).status).toBe(405)
  })
})

describe('the status of a video', () => {
  test('is public, small, and says in a sentence where it stands', async () => {
    const { uid } = await pages.api.addVideo({
      state: 'inprogress',
      pctComplete: 41.7,
      durationSeconds: null,
    })
    const { status, headers, body } = await ask(`/${uid}/headwater/status.json`)
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-store')
    expect(JSON.parse(body.toString())).toEqual({
      state: 'inprogress',
      playable: false,
      pctComplete: 41.7,
      complete: false,
      sentence: 'The video is being prepared: 41 %.',
      advice: null,
      durationSeconds: null,
      width: 640,
      height: 360,
      live: null,
    })
  })

  test.each([
    ['pendingupload', null, 'Waiting for the upload to finish.'],
    ['queued', null, 'The upload is here. Preparation starts in a moment.'],
    ['inprogress', 0.4, 'The video is being prepared.'],
    ['ready', 39.9, 'The video is ready; further qualities are being made: 39 %.'],
    ['ready', 100, 'The video is ready.'],
  ] as const)('%s at %s: %s', async (state, pctComplete, sentence) => {
    const video = await pages.api.addVideo({ state, pctComplete })
    expect(presentStatus(video).sentence).toBe(sentence)
  })

  test('of a failed video is the reason, and nothing of what was found inside', async () => {
    const video = await pages.api.addVideo({
      state: 'error',
      error: { reasonCode: 'ERR_MALFORMED_VIDEO', reasonText: 'It is damaged.', detail: { detail: 'inner' } },
    })
    expect(presentStatus(video).sentence).toBe('It is damaged.')
    expect(JSON.stringify(presentStatus(video))).not.toContain('inner')
  })
})

describe('the files of the pages', () => {
  test.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['identity', undefined],
  ])('a browser that takes %s gets %s', async (accepted, encoding) => {
    const path = `/${pages.files.entry('player/main.ts')?.script}`
    const { status, headers } = await ask(path, { headers: { 'accept-encoding': accepted } })
    expect(status).toBe(200)
    expect(headers['content-encoding']).toBe(encoding)
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(headers.vary).toBe('accept-encoding')
  })

  test('what the browser has already is not sent again', async () => {
    const first = await ask('/favicon.svg')
    const again = await ask('/favicon.svg', { headers: { 'if-none-match': String(first.headers.etag) } })
    expect([again.status, again.body.length]).toEqual([304, 0])
  })

  test('unknown files and paths that climb are not found', async () => {
    expect((await ask('/assets/nothing.js')).status).toBe(404)
    expect((await ask('/assets/..%2fmanifest.json')).status).toBeGreaterThanOrEqual(400)
    expect((await ask('/manifest.json')).status).toBe(404)
  })

  test.each([
    ['sdk', 3_000],
    ['v1', 4_000],
  ])(
    'the script %s.latest.js is for any page, asked about each hour, and under %i bytes',
    async (name, most) => {
      const { status, headers, body } = await ask(`/embed/${name}.latest.js`, {
        headers: { 'accept-encoding': 'br' },
      })
      expect(status).toBe(200)
      expect(headers).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'content-encoding': 'br',
        'cache-control': 'public, max-age=3600, stale-while-revalidate=86400',
        'access-control-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
      })
      expect(body.length).toBeLessThan(most)
      const again = await ask(`/embed/${name}.latest.js`, {
        headers: { 'accept-encoding': 'br', 'if-none-match': String(headers.etag) },
      })
      expect(again.status).toBe(304)
      expect((await ask('/embed/other.latest.js')).status).toBe(404)
    },
  )

  test('without a build every page says how to make one', async () => {
    const bare = await startApi({
      byteRoutes: pageRoutes({
        db: pages.api.db,
        clock: pages.api.clock,
        admissions: new Admissions(pages.api),
        files: undefined,
        early: { get: () => Promise.resolve(undefined) },
      }),
    })
    try {
      const response = await fetch(`${bare.url}/`)
      expect(response.status).toBe(503)
      expect(await response.text()).toContain('npm run build')
    } finally {
      await bare.close()
    }
  })
})

describe('the parameters of a player page', () => {
  const read = (query: string) => readOptions(new URLSearchParams(query))

  test.each([
    ['', false],
    ['autoplay', true],
    ['autoplay=true', true],
    ['autoplay=false', false],
    ['autoplay=0', false],
  ])('%s: autoplay is %s', (query, autoplay) => {
    expect(read(query).autoplay).toBe(autoplay)
  })

  test.each([
    ['123', 123],
    ['61.5', 61.5],
    ['1h12m27s', 4347],
    ['2m', 120],
    ['5m2', 302],
    ['soon', 0],
    ['', 0],
    [null, 0],
  ])('startTime %s is %s seconds', (text, seconds) => {
    expect(readTime(text)).toBe(seconds)
  })

  test('what is not given has the documented default, what is wrong counts as not given', () => {
    expect(read('preload=everything&poster=javascript:alert(1)')).toEqual({
      autoplay: false,
      controls: true,
      loop: false,
      muted: false,
      preload: 'none',
      poster: null,
      primaryColor: null,
      letterboxColor: null,
      startTimeSeconds: 0,
      defaultTextTrack: null,
      dvrEnabled: false,
      protocol: null,
    })
  })
})
