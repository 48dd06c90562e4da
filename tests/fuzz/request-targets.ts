/**
 * The fuzz targets of what a request says: its address and its headers here, its query and its JSON in `field-targets.ts`.
 * Whatever comes is an answer that its reader may rely on, or a refusal of the caller's fault.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { checkAllowedOrigins } from '../../src/core/access/index.ts'
import { bytesBody } from '../../src/core/playback/index.ts'
import { isOriginCovered, playingOrigin } from '../../src/core/playback/allowed-origins.ts'
import { BufferPool } from '../../src/http/bytes/buffer-pool.ts'
import { type DownloadRouteDeps, downloadRoutes } from '../../src/http/bytes/downloads.ts'
import { type ImageDeps, imageRoutes } from '../../src/http/bytes/images.ts'
import { type ManifestDeps, manifestRoutes } from '../../src/http/bytes/manifests.ts'
import { type SegmentRouteDeps, segmentRoutes } from '../../src/http/bytes/segments.ts'
import { sendBody } from '../../src/http/bytes/send.ts'
import { type TextTrackRouteDeps, textTrackRoutes } from '../../src/http/bytes/text-tracks.ts'
import { parseConcat } from '../../src/http/bytes/tus-addresses.ts'
import { createFindViewer } from '../../src/http/find-viewer.ts'
import { createMatchRoute } from '../../src/http/match-route.ts'
import { createFindPublicUrl, parseTarget } from '../../src/http/request-address.ts'
import { readSessionCookie } from '../../src/http/sign-in.ts'
import { fieldTargets } from './field-targets.ts'
import type { FuzzTarget } from './fuzz.ts'
import { textTarget } from './text-targets.ts'

const SOME_UID = '0123456789abcdef0123456789abcdef'
/** For what is built here and never called. */
const nothing: unknown = {}

const ROUTES = [
  ...segmentRoutes(nothing as SegmentRouteDeps),
  ...textTrackRoutes(nothing as TextTrackRouteDeps),
  ...manifestRoutes(nothing as ManifestDeps),
  ...imageRoutes(nothing as ImageDeps),
  ...downloadRoutes(nothing as DownloadRouteDeps),
]
const matchRoute = createMatchRoute(ROUTES)

/** A request as far as the readers below look at it. */
function requestOf(headers: Readonly<Record<string, string>>, peer = '127.0.0.1'): IncomingMessage {
  const request: unknown = { method: 'GET', headers, socket: { remoteAddress: peer, localPort: 80 } }
  return request as IncomingMessage
}

/** Every byte has its own value, so that a wrong range shows. */
const FILE = Uint8Array.from({ length: 200 }, (_, at) => at)

/** What is answered to these headers. */
async function answerTo(headers: Readonly<Record<string, string>>) {
  const told = { status: 200, range: '', bytes: new Uint8Array() }
  const outgoing = {
    setHeader: (name: string, value: unknown) => {
      if (name === 'content-range') told.range = String(value)
    },
    set statusCode(status: number) {
      told.status = status
    },
    writeHead: (status: number) => {
      told.status = status
      return outgoing
    },
    end: (text = '') => {
      told.bytes = Uint8Array.from(Buffer.from(text, 'latin1'))
    },
  }
  const response: unknown = outgoing
  const blobs = { open: () => Promise.reject(new Error('There is no blob in it.')) }
  const answer = { body: bytesBody(FILE), contentType: 'text/plain', cacheControl: '', etag: '"a"' }
  await sendBody({ blobs, buffers: new BufferPool() }, requestOf(headers), response as ServerResponse, answer)
  return told
}

/** The targets. */
export const requestTargets: readonly FuzzTarget[] = [
  textTarget(
    'request-target',
    {
      seeds: [
        `/${SOME_UID}/manifest/video.m3u8?a=b`,
        'http://host/client/v4/accounts/x/stream/',
        '/a%20b/%C3%A4',
      ],
      words: [
        '/',
        '//',
        '/../',
        '/./',
        '%2e%2e',
        '%2f',
        '%5c',
        '\\',
        '%00',
        '%ff',
        '?',
        '#',
        '%',
        ';',
        'x'.repeat(9_000),
      ],
    },
    (text) => {
      const { path, local } = parseTarget(text)
      const parts = path.split('/')
      // oxlint-disable-next-line no-control-regex -- what must not be there
      if (!path.startsWith('/') || /[\u0000-\u001f\\]/.test(path)) throw new Error(`The path ${path}.`)
      if (parts.some((part) => part === '.' || part === '..')) throw new Error(`It climbs: ${path}.`)
      if (
        path.length > 1 &&
        parseTarget(encodeURI(path).replaceAll(/[?#]/g, encodeURIComponent)).path !== path.replace(/\/$/, '')
      )
        throw new Error(`${path} reads differently, from ${local}.`)
    },
  ),
  textTarget(
    'playback-address',
    {
      seeds: [
        `/${SOME_UID}/720p-0123456789ab/12.m4s`,
        `/${SOME_UID}/audio-0123456789ab/init.mp4`,
        `/${SOME_UID}/text-0123456789ab/whole.vtt`,
        `/${SOME_UID}/manifest/video.m3u8`,
        `/${SOME_UID}/manifest/720p-0123456789ab.m3u8`,
        `/${SOME_UID}/thumbnails/thumbnail.jpg`,
        `/${SOME_UID}/downloads/default.mp4`,
      ],
      words: [
        '/',
        '.m4s',
        '.m3u8',
        '.mpd',
        'init.mp4',
        'manifest',
        'thumbnails',
        '-',
        '9'.repeat(12),
        '\n',
        'a'.repeat(5_000),
      ],
    },
    (path) => {
      const found = matchRoute(path, 'GET', requestOf({}))
      // Its short cuts must find what trying every pattern finds.
      const naive = ROUTES.find(
        ({ pattern, accepts }) => pattern.test(path) && accepts?.('GET', requestOf({})) !== false,
      )
      if (found?.route !== naive) throw new Error(`${path} finds another route.`)
      for (const part of Object.values(found?.params ?? {})) {
        if (part?.includes('/')) throw new Error(`A part of ${path} has a slash.`)
      }
    },
  ),
  textTarget(
    'host',
    {
      seeds: ['video.example.com:8080', '[2001:db8::1]:443', '127.0.0.1, evil.example'],
      words: [':', '[', ']', '@', '/', ' ', '.', '#', '?', '\\', '\0', '%', 'xn--', '99999', 'ä'],
    },
    (text) => {
      const settings = { publicUrl: null, trustedProxies: ['127.0.0.1'] }
      const base = createFindPublicUrl(settings)(requestOf({ host: 'a', 'x-forwarded-host': text }))
      // A port that is none, or an address in brackets that is none, lead nowhere but back to whoever sent them.
      const url = URL.parse(base)
      if (
        url !== null &&
        (url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
      )
        throw new Error(`${base} is more than a host.`)
    },
  ),
  textTarget(
    'forwarded-for',
    {
      seeds: ['203.0.113.9, 10.0.0.1', '[2001:db8::1]:4711,10.0.0.2', '192.0.2.1:80', 'unknown'],
      words: [',', ' ', ':', '[', ']', '%eth0', '::ffff:10.0.0.1', '10.0.0.1', '01.2.3.4', '\0'],
    },
    (text) => {
      const find = createFindViewer({ trustedProxies: ['10.0.0.0/8'], countryHeader: 'cf-ipcountry' })
      const viewer = find(requestOf({ 'x-forwarded-for': text, 'cf-ipcountry': text }, '10.0.0.1'))
      if (viewer.address !== undefined && isIP(viewer.address) === 0)
        throw new Error(`${viewer.address} is none.`)
      if (viewer.country !== undefined && !/^[A-Z]{2}$/.test(viewer.country)) throw new Error(viewer.country)
      // Whoever is no proxy is believed nothing.
      if (find(requestOf({ 'x-forwarded-for': text }, '203.0.113.1')).address !== '203.0.113.1')
        throw new Error('A stranger was believed.')
    },
  ),
  {
    name: 'range',
    words: ['bytes=', '-', ',', '0', '199', '200', '9'.repeat(30), ' ', '"a"', 'W/"a"', '*', '\r\n', '\0'],
    seeds: async () =>
      ['bytes=0-99\r\n\r\n', 'bytes=-5\r\n"a"\r\n', 'bytes=150-\r\n\r\n"b", W/"c"'].map(
        (text) => new Uint8Array(Buffer.from(text)),
      ),
    run: async (bytes) => {
      const [range = '', ifRange = '', ifNoneMatch = ''] = Buffer.from(bytes).toString('latin1').split('\r\n')
      const told = await answerTo({
        range,
        ...(ifRange !== '' && { 'if-range': ifRange }),
        ...(ifNoneMatch !== '' && { 'if-none-match': ifNoneMatch }),
      })
      if (told.status === 304) return
      const [, first = '0', last = '199'] = /^bytes (\d+)-(\d+)\/200$/.exec(told.range) ?? []
      if ((told.status === 206) !== (told.range !== '')) throw new Error(`${told.status} with ${told.range}.`)
      const expected = FILE.subarray(Number(first), Number(last) + 1)
      if (expected.length === 0 || Buffer.compare(expected, told.bytes) !== 0)
        throw new Error(`Other bytes than ${told.range}.`)
    },
  },
  textTarget(
    'origins',
    {
      seeds: [
        '*.example.com\nhttps://a.example.com',
        'example.com:8443\nhttp://example.com:8443/page',
        '[::1]:80\nhttp://[::1]',
      ],
      words: [
        '\n',
        '*',
        '*.',
        '.',
        ':',
        '://',
        '@',
        '/',
        'null',
        'evil.example',
        'https://',
        '[',
        ']',
        '65536',
        ' ',
      ],
    },
    (text) => {
      const [pattern = '', address = ''] = text.split('\n')
      const patterns = checkAllowedOrigins([pattern])
      if (patterns[0] !== checkAllowedOrigins(patterns)[0]) throw new Error(`${pattern} reads differently.`)
      const said = { referer: undefined, parentOrigin: address, publicUrl: 'http://us.example' }
      const origin = playingOrigin({ ...said, origin: address })
      if (origin === undefined) return
      const host = new URL(origin).hostname
      const named = (patterns[0] ?? '').replace(/^\*\.?/, '').replace(/:\d+$/, '')
      if (isOriginCovered(origin, patterns) && !host.endsWith(named))
        throw new Error(`${host} is not ${named}.`)
    },
  ),
  textTarget(
    'upload-concat',
    {
      seeds: [`final;/upload/tus/abc http://h/client/v4/accounts/${SOME_UID}/media/def`, 'partial'],
      words: ['final;', ' ', '/', ',', ';', '/upload/tus/', '..', '%2f', 'http://', '\0', '/a'.repeat(2_000)],
    },
    (text) => {
      const concat = parseConcat(text, 'https://video.example/behind')
      if (concat.kind === 'partial') return
      for (const { id, accountId } of concat.parts) {
        if (id === '' || `${id}${accountId ?? ''}`.includes('/')) throw new Error(`An id ${id}.`)
      }
    },
  ),
  textTarget(
    'session-cookie',
    {
      seeds: ['a=b; headwater_session=abc; c=d'],
      words: [';', '=', ' ', 'headwater_session', '"', '\0', ',', 'x'.repeat(9_000)],
    },
    (text) => {
      const secret = readSessionCookie(requestOf({ cookie: text }))
      if (secret !== undefined && !text.includes(secret)) throw new Error('It was not in it.')
    },
  ),
  ...fieldTargets,
]
