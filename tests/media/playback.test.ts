/** What viewers meet at the addresses of a video: methods, ranges, caching, CORS, refusals and thumbnails. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { difference, greyPictures } from './decode.ts'
import { makeSource, SOURCES } from './packaging-sources.ts'

let server: TestServer
let folder: string
let file: string
let uid: string
let base: string
/** A segment of the passed-through picture. */
let segment: string

beforeAll(async () => {
  server = await startServer()
  const [source] = SOURCES
  if (!source) throw new Error('there is no source')
  folder = await mkdtemp(join(tmpdir(), 'playback-'))
  file = await makeSource(source)
  uid = (await uploadFile(server, file)).uid
  await waitForVideo(server, uid, 'complete')
  base = `${server.url}/${uid}`
  const playlist = await (await fetch(`${base}/manifest/video.m3u8`)).text()
  const media = playlist.split('\n').findLast((line) => line.endsWith('.m3u8')) ?? ''
  segment = `${base}/${media.replace('.m3u8', '')}/1.m4s`
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const get = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(url, { method, headers })

describe('a media segment', () => {
  test('is immutable, has a length and may be read by any page', async () => {
    const response = await get(segment)
    const bytes = await response.arrayBuffer()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(bytes.byteLength),
      'cache-control': 'public, max-age=31536000, immutable',
      'accept-ranges': 'bytes',
      'access-control-allow-origin': '*',
      'access-control-expose-headers':
        'Content-Length, Content-Range, preview-start-seconds, stream-media-id',
    })
  })

  test('has the same bytes every time, whole or in ranges', async () => {
    const whole = Buffer.from(await (await get(segment)).arrayBuffer())
    expect(Buffer.from(await (await get(segment)).arrayBuffer()).equals(whole)).toBe(true)
    const size = whole.length
    const ranges: [string, number, number][] = [
      ['bytes=0-0', 0, 1],
      ['bytes=100-4999', 100, 5_000],
      [`bytes=${size - 10}-`, size - 10, size],
      ['bytes=-20', size - 20, size],
      [`bytes=5-${size * 2}`, 5, size],
    ]
    for (const [range, start, end] of ranges) {
      const response = await get(segment, { range })
      expect(response.status).toBe(206)
      expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${size}`)
      expect(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(start, end))).toBe(true)
    }
  })

  test('answers a range beyond its end with 416 and its size', async () => {
    const size = Number((await get(segment, {}, 'HEAD')).headers.get('content-length'))
    const response = await get(segment, { range: `bytes=${size}-` })
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe(`bytes */${size}`)
    await response.arrayBuffer()
  })

  test.each(['bytes=5-1', 'bytes=0-1,3-4', 'bytes=-', 'items=0-1', 'bytes=a-b'])(
    'ignores a range it does not serve: %s',
    async (range) => {
      const response = await get(segment, { range })
      await response.arrayBuffer()
      expect(response.status).toBe(200)
    },
  )

  test('answers HEAD like GET without the bytes', async () => {
    const [head, whole] = [await get(segment, {}, 'HEAD'), await get(segment)]
    expect(head.status).toBe(200)
    expect((await head.arrayBuffer()).byteLength).toBe(0)
    for (const name of ['content-length', 'content-type', 'etag', 'cache-control']) {
      expect(head.headers.get(name)).toBe(whole.headers.get(name))
    }
    await whole.arrayBuffer()
  })

  test('is not sent again to who has it', async () => {
    const etag = (await get(segment, {}, 'HEAD')).headers.get('etag') ?? ''
    expect((await get(segment, { 'if-none-match': `"other", ${etag}` })).status).toBe(304)
    const changed = await get(segment, { range: 'bytes=0-1', 'if-range': '"other"' })
    expect(changed.status).toBe(200)
    await changed.arrayBuffer()
  })

  test('does not exist past the end, nor in an unknown rendition', async () => {
    for (const path of [
      segment.replace('/1.m4s', '/99.m4s'),
      `${base}/unknown/0.m4s`,
      `${base}/unknown/init.mp4`,
    ]) {
      expect((await get(path)).status).toBe(404)
    }
  })

  test('survives viewers who leave in the middle', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const leaving = new AbortController()
        const response = await fetch(segment, { signal: leaving.signal })
        leaving.abort()
        await response.arrayBuffer().catch(() => {})
      }),
    )
    expect((await get(segment, {}, 'HEAD')).status).toBe(200)
  })
})

describe('manifests', () => {
  test('of a complete ladder may be kept for half a minute', async () => {
    for (const [name, type] of [
      ['video.m3u8', 'application/vnd.apple.mpegurl'],
      ['video.mpd', 'application/dash+xml'],
    ]) {
      const response = await get(`${base}/manifest/${name}`)
      expect(response.headers.get('content-type')).toBe(type)
      expect(response.headers.get('cache-control')).toBe('public, max-age=30')
      const etag = response.headers.get('etag') ?? ''
      expect((await response.text()).length).toBeGreaterThan(100)
      expect((await get(`${base}/manifest/${name}`, { 'if-none-match': etag })).status).toBe(304)
    }
  })

  test('with clientBandwidthHint hold the one variant that fits best', async () => {
    const rates = async (hint: string) =>
      [
        ...(await (await get(`${base}/manifest/video.m3u8${hint}`)).text()).matchAll(/[:,]BANDWIDTH=(\d+)/g),
      ].map((match) => Number(match[1]))
    const all = (await rates('')).toSorted((a, b) => a - b)
    expect(all.length).toBeGreaterThan(1)
    expect(await rates('?clientBandwidthHint=1000')).toEqual([all.at(-1)])
    expect(await rates('?clientBandwidthHint=0.001')).toEqual([all[0]])
    expect(await rates(`?clientBandwidthHint=${(all[0] ?? 0) / 1e6 + 0.000_001}`)).toEqual([all[0]])
    for (const nonsense of ['', 'abc', '-3', '0', 'Infinity', '1e3']) {
      expect(await rates(`?clientBandwidthHint=${nonsense}`)).toHaveLength(all.length)
    }
    const mpd = await (await get(`${base}/manifest/video.mpd?clientBandwidthHint=0.001`)).text()
    expect(mpd.match(/<Representation /g)).toHaveLength(2)
  })

  test('answer preflights', async () => {
    const response = await get(`${base}/manifest/video.m3u8`, { origin: 'https://a.test' }, 'OPTIONS')
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS')
  })

  test('take no other method', async () => {
    const response = await get(`${base}/manifest/video.m3u8`, {}, 'POST')
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS')
  })
})

describe('refusals', () => {
  test.each(['manifest/video.m3u8', 'manifest/video.mpd', 'x/0.m4s', 'thumbnails/thumbnail.jpg'])(
    '404 for ids that are not a video’s: %s',
    async (path) => {
      for (const id of ['0'.repeat(32), 'nonsense', uid.toUpperCase(), `${uid}0`]) {
        const response = await get(`${server.url}/${id}/${path}`)
        expect(response.status).toBe(404)
        expect(response.headers.get('content-type')).toContain('text/plain')
      }
    },
  )

  test('409 with Retry-After before the video is playable', async () => {
    const created = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'tus-resumable': '1.0.0',
        'upload-length': '1000000',
      },
    })
    expect(created.status).toBe(201)
    const pending = `${server.url}/${created.headers.get('stream-media-id')}`
    for (const path of ['manifest/video.m3u8', 'x/0.m4s', 'thumbnails/thumbnail.jpg']) {
      const response = await get(`${pending}/${path}`)
      expect(response.status).toBe(409)
      expect(response.headers.get('retry-after')).toBe('5')
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
  })

  test('424 when the video has failed', async () => {
    const noise = join(folder, 'noise.mp4')
    await writeFile(noise, randomBytes(50_000))
    const { uid: failed } = await uploadFile(server, noise)
    await waitForVideo(server, failed, 'error')
    expect((await get(`${server.url}/${failed}/manifest/video.m3u8`)).status).toBe(424)
  })

  test('401 while a signed token is required, 403 for pages that may not play', async () => {
    const edit = (body: unknown) => callApi(server, `/stream/${uid}`, { method: 'POST', body })
    const playlist = `${base}/manifest/video.m3u8`
    try {
      await edit({ requireSignedURLs: true })
      expect((await get(playlist)).status).toBe(401)
      expect((await get(`${base}/thumbnails/thumbnail.jpg`)).status).toBe(401)
      await edit({ requireSignedURLs: false, allowedOrigins: ['a.test', '*.b.test'] })
      expect((await get(playlist)).status).toBe(403)
      expect((await get(playlist, { origin: 'https://evil.test' })).status).toBe(403)
      // Images are not playing.
      expect((await get(`${base}/thumbnails/thumbnail.jpg`)).status).toBe(200)
      const allowed = await get(playlist, { origin: 'https://x.b.test' })
      expect(allowed.status).toBe(200)
      expect(Object.fromEntries(allowed.headers)).toMatchObject({
        'access-control-allow-origin': 'https://x.b.test',
        'cache-control': 'private, no-store',
        vary: 'Origin',
      })
      const framed = await get(`${playlist}?parentOrigin=https%3A%2F%2Fa.test`, { referer: `${base}/iframe` })
      expect(framed.status).toBe(200)
      expect(await framed.text()).toContain('.m3u8?parentOrigin=https%3A%2F%2Fa.test')
    } finally {
      await edit({ requireSignedURLs: false, allowedOrigins: [] })
    }
    expect((await get(playlist)).status).toBe(200)
  })
})

describe('thumbnails', () => {
  const thumbnail = (query: string) => get(`${base}/thumbnails/thumbnail.jpg${query}`)
  const sizeOf = async (query: string) => {
    const { width, height, format } = await sharp(
      Buffer.from(await (await thumbnail(query)).arrayBuffer()),
    ).metadata()
    return `${format} ${width}x${height}`
  }

  test.each([
    ['', 'jpeg 640x360'],
    ['?height=270', 'jpeg 480x270'],
    ['?width=320', 'jpeg 320x180'],
    ['?width=200&height=200', 'jpeg 200x200'],
    ['?width=200&height=200&fit=clip', 'jpeg 200x112'],
    ['?width=200&height=100&fit=fill', 'jpeg 200x100'],
    ['?width=50&height=300&fit=scale', 'jpeg 50x300'],
  ])('%s is a %s', async (query, size) => {
    expect(await sizeOf(query)).toBe(size)
  })

  test('show exactly the picture of the instant', async () => {
    const pictures = await greyPictures(file)
    for (const [time, frame] of [
      ['0s', 0],
      ['0.5s', 15],
      ['3.999s', 119],
      ['4', 120],
      ['50%25', 180],
      ['7.321s', 219],
      ['100%25', 359],
    ] as const) {
      const jpeg = Buffer.from(await (await thumbnail(`?time=${time}`)).arrayBuffer())
      expect(await nearestPicture(pictures, sharp(jpeg)), `picture at ${time}`).toBe(frame)
    }
  })

  test('past the end do not exist; nonsense is refused', async () => {
    expect((await thumbnail('?time=13s')).status).toBe(404)
    for (const query of ['?time=abc', '?width=0', '?height=9999', '?fit=cover']) {
      expect((await thumbnail(query)).status).toBe(400)
    }
  })

  test('are made once for many who ask at the same time', async () => {
    const time = (1 + Number(randomBytes(1)[0]) / 100).toFixed(2)
    const started = performance.now()
    const bodies = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const response = await thumbnail(`?time=${time}`)
        expect(response.status).toBe(200)
        return Buffer.from(await response.arrayBuffer())
      }),
    )
    expect(bodies.every((body) => body.equals(bodies[0] as Buffer))).toBe(true)
    // Twelve decodes one after the other would take far longer than one.
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

describe('animated thumbnails', () => {
  const animation = (query: string) => get(`${base}/thumbnails/thumbnail.gif${query}`)
  const readAnimation = async (query: string) => {
    const response = await animation(query)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/gif'])
    return Buffer.from(await response.arrayBuffer())
  }

  test('show the pictures of their instants across segments, and loop for ever', async () => {
    const gif = await readAnimation('?time=3.5s&duration=2s&fps=10')
    const { width, pageHeight, pages, delay, loop } = await sharp(gif, { pages: -1 }).metadata()
    expect([width, pageHeight, pages, loop]).toEqual([640, 360, 20, 0])
    expect(new Set(delay)).toEqual(new Set([100]))
    const pictures = await greyPictures(file)
    for (const page of [0, 4, 5, 19]) {
      expect(await nearestPicture(pictures, sharp(gif, { page })), `page ${page}`).toBe(105 + 3 * page)
    }
  })

  test.each([
    ['?duration=1s', '640x360', 8],
    ['?duration=1s&height=90&fps=4', '160x90', 4],
    ['?duration=0.5s&width=100&height=100&fps=2', '100x100', 1],
    ['?duration=1s&width=100&height=100&fit=clip&fps=2', '100x56', 2],
    ['?duration=1s&width=100&height=100&fit=fill&fps=2', '100x100', 2],
    ['?duration=1s&width=50&height=100&fit=scale&fps=2', '50x100', 2],
    ['?time=11s&duration=30s&height=90&fps=4', '160x90', 4],
  ])('%s is %s with %i pictures', async (query, size, count) => {
    const { width, pageHeight, pages } = await sharp(await readAnimation(query), { pages: -1 }).metadata()
    expect([`${width}x${pageHeight ?? size.split('x')[1]}`, pages ?? 1]).toEqual([size, count])
  })

  test.each([
    ['?time=13s', 404],
    ['?duration=0s', 400],
    ['?duration=31s', 400],
    ['?duration=x', 400],
    ['?fps=0', 400],
    ['?fps=31', 400],
    ['?fps=1e1', 400],
    ['?height=9999', 400],
    ['?height=2160&duration=30s&fps=30', 400],
  ])('%s is answered %i', async (query, status) => {
    const response = await animation(query)
    expect([response.status, (await response.text()).length > 20]).toEqual([status, true])
  })

  test('are made once for many who ask at the same time, and kept', async () => {
    const query = `?time=${(1 + Number(randomBytes(1)[0]) / 100).toFixed(2)}&duration=1s&height=90`
    const bodies = await Promise.all(Array.from({ length: 6 }, () => readAnimation(query)))
    bodies.push(await readAnimation(query))
    expect(bodies.every((body) => body.equals(bodies[0] as Buffer))).toBe(true)
  })
})

/** The number of the picture that an image looks most like. */
async function nearestPicture(pictures: readonly Buffer[], image: Sharp): Promise<number> {
  const grey = await image
    .resize({ width: 160, height: 90, kernel: 'lanczos3' })
    .greyscale()
    .removeAlpha()
    .raw()
    .toBuffer()
  const distances = pictures.map((picture) => difference(picture, grey))
  return distances.indexOf(Math.min(...distances))
}
