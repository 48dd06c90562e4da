/**
 * What a protected video shows to whom (playback.md §6): tokens good and bad, rules, revocation, caches. Long because half
 * of it is tables, a line for each token that must open nothing.
 */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { indexFirst } from '../harness/early-samples.ts'
import { converse, send } from '../harness/raw-http.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { startSlowUpload } from '../harness/slow-upload.ts'
import {
  encode,
  inSeconds,
  readPem,
  type ShownKey,
  signJwt,
  strangersKey,
  type TokenParts,
} from '../harness/sign-token.ts'

let server: TestServer
/** Protected; `open` is not. */
let uid = ''
let open = ''
let key: ShownKey
let privateKey: KeyObject
/** Below an id, of the protected video. */
let segment = ''
let playlist = ''
let captions = ''

beforeAll(async () => {
  server = await startServer({ env: { HEADWATER_TRUSTED_PROXIES: '127.0.0.1' } })
  const file = await sample('h264-aac.mp4')
  const uploaded = await Promise.all([uploadFile(server, file), uploadFile(server, file)])
  ;[uid, open] = uploaded.map((one) => one.uid) as [string, string]
  await waitForVideo(server, uid, 'ready')
  await waitForVideo(server, open, 'ready')
  await addCaptions()
  await protect(true)
  key = await callApi(server, '/stream/keys', { method: 'POST' })
  privateKey = readPem(key.pem)
  const master = await get(`/${own()}/manifest/video.m3u8`)
  playlist = /^[^#\n]+\.m3u8$/m.exec(master.text)?.[0] ?? ''
  const media = await get(`/${own()}/manifest/${playlist}`)
  const mpd = await get(`/${own()}/manifest/video.mpd`)
  captions = /[^/<>]+(?=\/whole\.vtt)/.exec(mpd.text)?.[0] ?? ''
  segment = /[^/\n]+\/0\.m4s$/m.exec(media.text)?.[0] ?? ''
})
afterAll(() => server.stop())

async function addCaptions(): Promise<void> {
  const body = new FormData()
  body.append('file', new Blob(['WEBVTT\n\n00:01.000 --> 00:02.000\nHarbour\n']), 'en.vtt')
  const address = `${server.apiUrl}/accounts/${server.accountId}/stream/${uid}/captions/en`
  const headers = { authorization: `Bearer ${server.token}` }
  expect((await fetch(address, { method: 'PUT', headers, body })).status).toBe(200)
}

const protect = (requireSignedURLs: boolean) =>
  callApi(server, `/stream/${uid}`, { method: 'POST', body: { requireSignedURLs } })
const get = (path: string, headers: Record<string, string> = {}) => send(server.url, path, { headers })
/** A token of the customer's own, good unless `payload` says otherwise. */
const own = (payload: object = {}, parts: Partial<TokenParts> = {}) =>
  signJwt({
    header: { kid: key.id },
    payload: { sub: uid, exp: inSeconds(600), ...payload },
    key: privateKey,
    ...parts,
  })
const servicesToken = async (body?: object) =>
  (await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST', body })).token

/** Every address of a viewer, below the id. */
const addresses = () => [
  'manifest/video.m3u8',
  'manifest/video.mpd',
  `manifest/${playlist}`,
  segment,
  segment.replace('0.m4s', 'init.mp4'),
  `manifest/${captions}.m3u8`,
  `${captions}/0.vtt`,
  `${captions}/whole.vtt`,
  'thumbnails/thumbnail.jpg?height=90',
  'watch',
  'iframe',
  'headwater/status.json',
]
const statuses = async (id: string) =>
  Object.fromEntries(
    await Promise.all(
      addresses().map(async (address) => [address, (await get(`/${id}/${address}`)).status] as const),
    ),
  )
const all = (status: number) => Object.fromEntries(addresses().map((address) => [address, status]))

describe('a protected video', () => {
  test('is refused everywhere by its plain uid, and open everywhere with a token', async () => {
    expect(await statuses(uid)).toEqual(all(401))
    expect(await statuses(own())).toEqual(all(200))
    expect(await statuses(await servicesToken())).toEqual(all(200))
  })

  test('refuses a copied segment address once the token in it has ended', async () => {
    const exp = inSeconds(3)
    const token = own({ exp })
    expect((await get(`/${token}/${segment}`)).status).toBe(200)
    await new Promise((resolve) => setTimeout(resolve, exp * 1_000 - Date.now() + 5))
    const late = await get(`/${token}/${segment}`)
    expect(late).toMatchObject({ status: 401, text: expect.stringContaining('has expired') as string })
    expect(late.headers['cache-control']).toBe('no-store')
  })

  test('gives manifests whose addresses carry the token on, and all of them answer', async () => {
    const token = own()
    const media = await get(`/${token}/manifest/${playlist}`)
    const [first = ''] = /^.+\.m4s$/m.exec(media.text) ?? []
    const resolved = new URL(first, `${server.url}/${token}/manifest/${playlist}`).pathname
    expect(resolved).toBe(`/${token}/${segment}`)
    const mpd = await get(`/${token}/manifest/video.mpd`)
    const template = /media="([^"]+)"/.exec(mpd.text)?.[1] ?? ''
    expect(new URL(template, `${server.url}/${token}/manifest/video.mpd`).pathname).toContain(`/${token}/`)
    // The token stands in an address once, not in every line: hours of segments would be megabytes of it.
    expect(media.text.length).toBeLessThan(token.length + 500)
  })

  test('is kept by no shared cache, and by the viewer’s own not longer than the token lasts', async () => {
    const short = own({ exp: inSeconds(100) })
    const caching = async (id: string, path: string) => (await get(`/${id}/${path}`)).headers['cache-control']
    expect(await caching(own(), 'manifest/video.m3u8')).toBe('private, no-store')
    expect(await caching(own({ exp: inSeconds(80_000) }), segment)).toBe('private, max-age=3600')
    expect(await caching(short, segment)).toMatch(/^private, max-age=(?:9\d|100)$/)
    expect(await caching(short, 'thumbnails/thumbnail.jpg?height=90')).toBe('private, max-age=60')
    expect(await caching(short, 'watch')).toMatch(/^private/)
  })

  test('says so on a page where a person would land', async () => {
    const page = await get(`/${uid}/watch`)
    expect(page).toMatchObject({
      status: 401,
      text: expect.stringContaining('This video is protected') as string,
    })
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect((await get(`/${own({ exp: inSeconds(-1) })}/iframe`)).text).toContain('has expired')
  })

  test('is open to everybody again when it needs no token any more', async () => {
    await protect(false)
    try {
      // Segments may be answered from what was known a second ago; whoever begins with a manifest is never behind.
      expect((await get(`/${uid}/manifest/video.m3u8`)).status).toBe(200)
      expect(await statuses(uid)).toEqual(all(200))
      expect(await statuses(own())).toEqual(all(200))
      expect((await get(`/${own()}/manifest/video.m3u8`)).headers['cache-control']).toBe('private, no-store')
    } finally {
      await protect(true)
    }
    expect((await get(`/${uid}/manifest/video.m3u8`)).status).toBe(401)
  })

  test('lets players on other pages read the refusal', async () => {
    for (const id of [uid, own({ exp: 1 }), own({ accessRules: [{ type: 'any', action: 'block' }] })]) {
      const { headers } = await get(`/${id}/manifest/video.m3u8`, { origin: 'https://elsewhere.example' })
      expect(headers['access-control-allow-origin']).toBe('*')
    }
  })

  test('leads from the bare token to the page', async () => {
    const token = own()
    const answer = await get(`/${token}?muted=true`)
    expect(answer.status).toBe(302)
    expect(answer.headers.location).toBe(`${server.url}/${token}/watch?muted=true`)
  })

  test('plays by a token, and by nothing else, while it is still being uploaded', async () => {
    const bytes = new Uint8Array(await readFile(await indexFirst()))
    const upload = await startSlowUpload(server, bytes, { 'upload-metadata': 'requiresignedurls' })
    try {
      await upload.sendTo(Math.round(bytes.byteLength / 2))
      const token = own({ sub: upload.uid })
      const statusBy = async (id: string) => (await get(`/${id}/manifest/video.m3u8`)).status
      await expect.poll(() => statusBy(token), { timeout: 30_000 }).toBe(200)
      expect(await statusBy(upload.uid)).toBe(401)
      expect((await get(`/${token}/headwater/status.json`)).json()).toMatchObject({ playable: true })
    } finally {
      upload.cut()
    }
  })

  test('with allowed origins still asks for the origin, and tells the browser who may frame it', async () => {
    await callApi(server, `/stream/${uid}`, { method: 'POST', body: { allowedOrigins: ['example.com'] } })
    try {
      const token = own()
      const manifest = `/${token}/manifest/video.m3u8`
      expect((await get(manifest)).status).toBe(403)
      expect((await get(manifest, { origin: 'https://example.org' })).status).toBe(403)
      const good = await get(manifest, { origin: 'https://example.com' })
      expect(good.status).toBe(200)
      expect(good.headers['access-control-allow-origin']).toBe('https://example.com')
      expect((await get(`/${uid}/manifest/video.m3u8`, { origin: 'https://example.com' })).status).toBe(401)
      const page = await get(`/${token}/iframe`)
      expect(page.headers['content-security-policy']).toContain(
        'frame-ancestors http://example.com https://example.com',
      )
    } finally {
      await callApi(server, `/stream/${uid}`, { method: 'POST', body: { allowedOrigins: [] } })
    }
  })
})

describe('a token', () => {
  const day = 86_400
  test.each<[string, () => string]>([
    ['of today', () => own()],
    ['with its times as texts', () => own({ exp: String(inSeconds(60)), nbf: String(inSeconds(-60)) })],
    ['with fractions of seconds', () => own({ exp: inSeconds(60) + 0.5 })],
    ['for the longest time', () => own({ exp: inSeconds(day) })],
    ['that begins within a minute', () => own({ nbf: inSeconds(50) })],
    ['with its key in the payload', () => own({ kid: key.id }, { header: {} })],
    ['with its key in both places', () => own({ kid: key.id })],
    ['with claims of no meaning', () => own({ aud: 'x', iat: 'y', iss: [], more: { deep: [null] } })],
    [
      'with five rules',
      () => own({ accessRules: Array.from({ length: 5 }, () => ({ type: 'any', action: 'allow' })) }),
    ],
    ['without rules', () => own({ accessRules: [] })],
  ])('%s opens the video', async (_name, make) => {
    expect((await get(`/${make()}/manifest/video.m3u8`)).status).toBe(200)
    expect((await get(`/${make()}/${segment}`)).status).toBe(200)
  })

  const rules = (...accessRules: unknown[]) => own({ accessRules })
  const claims = () => ({ sub: uid, exp: inSeconds(600) })
  const publicPem = () => createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
  const unsigned = () => own({}, { key: null })
  const changed = (payload: object) => {
    const [header, , signature] = own().split('.')
    return `${header}.${encode(JSON.stringify({ ...claims(), ...payload }))}.${signature}`
  }
  test.each<[string, () => string]>([
    ['with algorithm none', unsigned],
    ['with algorithm none and some signature', () => `${unsigned()}AAAA`],
    ['without a signature', () => own().replace(/[^.]*$/, '')],
    ['signed with the public key as a secret (HS256)', () => own({}, { key: publicPem() })],
    [
      'that says RS256 over an HS256 signature',
      () => own({}, { key: publicPem(), header: { alg: 'RS256', kid: key.id } }),
    ],
    ['that says RS512', () => own({}, { header: { alg: 'RS512', kid: key.id } })],
    ['that says rs256', () => own({}, { header: { alg: 'rs256', kid: key.id } })],
    ['with a header to be understood', () => own({}, { header: { kid: key.id, crit: ['b64'], b64: false } })],
    ['signed by a stranger under the name of our key', () => own({}, { key: strangersKey() })],
    ['of an unknown key', () => own({}, { header: { kid: '0'.repeat(32) } })],
    ['of a key with an impossible name', () => own({}, { header: { kid: '../../etc/passwd' } })],
    ['of no key', () => own({}, { header: {} })],
    ['of two keys', () => own({ kid: '0'.repeat(32) })],
    ['whose payload was changed', () => changed({ exp: inSeconds(700) })],
    ['whose signature was cut', () => own().slice(0, -4)],
    ['whose signature has a letter more', () => `${own()}A`],
    [
      'whose signature has other bits at its end',
      () => own().replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    ],
    ['with a fourth part', () => `${own()}.AAAA`],
    ['of two parts', () => own().split('.').slice(0, 2).join('.')],
    ['of dots', () => '...'],
    ['of no base64', () => own().replace('.', '=.')],
    ['of no JSON', () => own({}, { payload: 'no JSON' })],
    ['of a JSON list', () => own({}, { payload: '[]' })],
    ['of JSON in a thousand levels', () => own({}, { payload: `${'['.repeat(1_000)}${']'.repeat(1_000)}` })],
    ['without a subject', () => own({ sub: undefined })],
    ['whose subject is no uid', () => own({ sub: 'everything' })],
    ['whose subject is a list', () => own({ sub: [uid] })],
    ['that ended a second ago', () => own({ exp: inSeconds(-1) })],
    ['that ends now', () => own({ exp: inSeconds(0) })],
    ['that ended a second ago, as a text', () => own({ exp: String(inSeconds(-1)) })],
    ['without an end', () => own({ exp: undefined })],
    ['with an end that is no time', () => own({ exp: 'tomorrow' })],
    ['with an end in hexadecimal', () => own({ exp: `0x${inSeconds(60).toString(16)}` })],
    ['for more than a day', () => own({ exp: inSeconds(day + 70) })],
    ['for ever', () => own({ exp: 1e300 })],
    ['that is not valid yet', () => own({ nbf: inSeconds(70) })],
    ['that is not valid yet, as a text', () => own({ nbf: String(inSeconds(70)) })],
    ['with a beginning that is no time', () => own({ nbf: 'yesterday' })],
    ['with six rules', () => rules(...Array.from({ length: 6 }, () => ({ type: 'any', action: 'allow' })))],
    ['with rules that are no list', () => own({ accessRules: { type: 'any', action: 'allow' } })],
    ['with a rule of an unknown type', () => rules({ type: 'ip.geoip.continent', action: 'allow' })],
    ['with a rule of an unknown action', () => rules({ type: 'any', action: 'challenge' })],
    ['with a rule of addresses that lists none', () => rules({ type: 'ip.src', action: 'allow' })],
    [
      'with a rule of an address that is none',
      () => rules({ type: 'ip.src', action: 'block', ip: ['1.2.3'] }),
    ],
    [
      'with a rule of a range beyond the address',
      () => rules({ type: 'ip.src', action: 'block', ip: ['::/129'] }),
    ],
    [
      'with a rule of a country of three letters',
      () => rules({ type: 'ip.geoip.country', action: 'block', country: ['NOR'] }),
    ],
    ['with a rule that is null', () => rules(null)],
    ['longer than 8 kB', () => own({ more: 'x'.repeat(7_000) })],
  ])('%s is 401 and opens nothing', async (_name, make) => {
    const answers = await Promise.all(
      [segment, 'manifest/video.m3u8'].map((address) => get(`/${make()}/${address}`)),
    )
    for (const { status, headers, text } of answers) {
      expect(status).toBe(401)
      expect(headers['content-type']).toBe('text/plain; charset=utf-8')
      expect(text).toMatch(/^Authentication error: The token in the address [^\n]+\.\n$/)
    }
  })

  test('of 60 kB is 431, and the server goes on', async () => {
    const path = `/${own({ more: 'x'.repeat(45_000) })}/manifest/video.m3u8`
    expect(path.length).toBeGreaterThan(60_000)
    expect(await converse(server.url, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
    expect((await get(`/${own()}/manifest/video.m3u8`)).status).toBe(200)
  })

  test('of another video opens that one only', async () => {
    const other = own({ sub: open })
    expect((await get(`/${other}/manifest/video.m3u8`)).status).toBe(200)
    const media = await get(`/${other}/manifest/${playlist}`)
    const foreign = await get(`/${other}/${segment}`)
    expect([media.status, foreign.status]).toEqual([404, 404])
  })

  test('of a video that does not exist is 404', async () => {
    expect((await get(`/${own({ sub: '0'.repeat(32) })}/manifest/video.m3u8`)).status).toBe(404)
  })

  test('dies with its key: manifests at once, segments within a second', async () => {
    const short: ShownKey = await callApi(server, '/stream/keys', { method: 'POST' })
    const token = own({}, { header: { kid: short.id }, key: readPem(short.pem) })
    expect(await statuses(token)).toEqual(all(200))
    await callApi(server, `/stream/keys/${short.id}`, { method: 'DELETE' })
    const revokedMs = performance.now()
    expect((await get(`/${token}/manifest/video.m3u8`)).status).toBe(401)
    expect((await get(`/${token}/watch`)).status).toBe(401)
    while ((await get(`/${token}/${segment}`)).status === 200) {
      expect(performance.now() - revokedMs).toBeLessThan(20_000)
    }
    expect(await statuses(token)).toEqual(all(401))
  })

  test('of the service survives a restart', async () => {
    const token = await servicesToken()
    server = await server.restart()
    expect(await statuses(token)).toEqual(all(200))
    const kid = (text: string) =>
      (JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
    expect(kid(await servicesToken())).toBe(kid(token))
  })

  test('is in no line of the log', async () => {
    const good = own()
    const bad = own({ exp: 5 })
    await statuses(good)
    await statuses(bad)
    for (const token of [good, bad]) {
      expect(server.output()).not.toContain(token.split('.')[1])
      expect(server.output()).not.toContain(token.split('.')[2])
    }
  })
})

describe('access rules', () => {
  const blockRest = { type: 'any', action: 'block' }
  const from = { type: 'ip.src', action: 'allow', ip: ['198.51.100.0/24', '2001:db8::/32'] }
  const north = { type: 'ip.geoip.country', action: 'block', country: ['no', 'FI'] }
  const forwarded = (address: string) => ({ 'x-forwarded-for': address })
  const country = (code: string) => ({ 'cf-ipcountry': code })
  test.each<[string, object[], Record<string, string>, number]>([
    ['an address in a range', [from, blockRest], forwarded('198.51.100.77'), 200],
    ['an address beside it', [from, blockRest], forwarded('198.51.101.1'), 403],
    ['an IPv6 address in a range', [from, blockRest], forwarded('2001:db8:ffff::1'), 200],
    ['an IPv6 address beside it', [from, blockRest], forwarded('2001:db9::1'), 403],
    ['an IPv4 address that is written as IPv6', [from, blockRest], forwarded('::ffff:198.51.100.7'), 200],
    ['an entry with a port', [from, blockRest], forwarded('[2001:db8::9]:4711'), 200],
    [
      'what the viewer wrote before the proxy did',
      [from, blockRest],
      forwarded('198.51.100.1, 192.0.2.9'),
      403,
    ],
    ['a second trusted proxy', [from, blockRest], forwarded('198.51.100.1, 127.0.0.1'), 200],
    ['an unreadable address', [from, blockRest], forwarded('unknown'), 403],
    ['the peer itself', [{ type: 'ip.src', action: 'block', ip: ['127.0.0.1'] }], {}, 403],
    ['every IPv6 address, for IPv4', [{ type: 'ip.src', action: 'block', ip: ['::/0'] }], {}, 200],
    ['a blocked country', [north], country('NO'), 403],
    ['a blocked country in small letters', [north], country('fi'), 403],
    ['another country', [north], country('SE'), 200],
    ['an unknown country', [north], country('XX'), 200],
    ['no country', [north], {}, 200],
    ['the first rule that fits', [{ type: 'any', action: 'allow' }, blockRest], {}, 200],
    ['everybody', [blockRest], {}, 403],
  ])('%s', async (_name, accessRules, headers, status) => {
    const token = await servicesToken({ accessRules })
    for (const address of [`manifest/video.m3u8`, segment, 'thumbnails/thumbnail.jpg?height=90', 'watch']) {
      expect((await get(`/${token}/${address}`, headers)).status).toBe(status)
    }
  })

  test('are looked at with every request', async () => {
    const token = own({ accessRules: [from, blockRest] })
    const ask = async (address: string) => (await get(`/${token}/${segment}`, forwarded(address))).status
    expect([await ask('198.51.100.1'), await ask('192.0.2.1'), await ask('198.51.100.2')]).toEqual([
      200, 403, 200,
    ])
  })
})
