/**
 * What a sender's bytes reach: the metadata header, forms and whole requests on a real server in this process. Whatever
 * comes, there is a documented answer or none, soon, and never a 500.
 */

import { connect } from 'node:net'
import { parseUploadMetadata } from '../../src/core/uploads/tus-metadata.ts'
import { REFUSALS } from '../../src/http/check-message.ts'
import { ERRORS } from '../../src/http/errors.ts'
import { startUploadServer, tusCalls, type UploadServer } from '../contract/tus-fixture.ts'
import type { FuzzTarget } from './fuzz.ts'

/** No answer takes longer than this: a second PATCH waits five seconds for the first, and these come one by one. */
const HANG_MS = 4_000
const NOW_US = Date.UTC(2026, 10, 20) * 1_000

/** Everything the upload routes may say; 408, 417 (RFC 9110 §10.1.1) and 431 are the server's own, 100 an invitation. */
const DOCUMENTED = new Set([
  100,
  200,
  201,
  204,
  ...REFUSALS.map((refusal) => Number.parseInt(refusal, 10)),
  ...Object.values(ERRORS).map(({ status }) => status),
])
DOCUMENTED.delete(500)

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const METADATA = [
  `name ${base64('harbour tour.mp4')},requiresignedurls,maxDurationSeconds ${base64('900')},expiry ${base64('2027-01-31T08:00:00Z')}`,
  `allowedorigins ${base64('["a.com","*.b.com"]')}, thumbnailtimestamppct ${base64('0.25')}, relativePath ${base64('null')}`,
  `filename ${base64('Köln 🚢.mov')},scheduleddeletion ${base64('2027-03-01T00:00:00+01:00')},filetype `,
  'null',
]
const METADATA_WORDS = [
  ',',
  ' ',
  '=',
  '  ',
  ', ',
  'name',
  'NAME ',
  'expiry ',
  'watermark ',
  '__proto__ YQ==',
  'YQ==',
  '/+/+',
  '_-',
  '\0',
  '\xff\xfe',
  base64('-1'),
  base64('1e999'),
  base64('9999-12-31T23:59:59Z'),
  base64('[['),
  'YWFh'.repeat(300),
]

const HTTP_WORDS = [
  '\r\n',
  '\r\n\r\n',
  ': ',
  '0',
  '-1',
  '5',
  '5242880',
  '209715201',
  '99999999999999999999',
  'chunked',
  'Content-Length: 3',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Expect: 100-continue',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Upload-Offset: 0',
  'Upload-Length: 64',
  'Upload-Checksum: sha1 AAAA',
  'Upload-Concat: partial',
  'Upload-Concat: final;/ /',
  'X-HTTP-Method-Override: PATCH',
  'Content-Type: application/offset+octet-stream',
  'Content-Type: multipart/form-data; boundary=',
  'PATCH',
  'HEAD',
  'DELETE',
  'POST',
  'OPTIONS',
  'PUT',
  'HTTP/1.0',
  'HTTP/9.9',
  '%00',
  '%ff',
  '/../',
  '//',
  '?direct_user=maybe',
  '?direct_user=true',
  'Host: ',
  'Host: a b',
  '\0',
  '\xff',
  'x'.repeat(9_000),
]

const FORM_WORDS = [
  '\r\n',
  '\r\n\r\n',
  '--',
  '--edge',
  '--edge--',
  'Content-Disposition: form-data; name="file"; filename="a.mp4"',
  'Content-Disposition: form-data',
  'name="file"',
  "filename*=UTF-8''%ff%zz",
  'filename="..\\..\\etc\\passwd"',
  'Content-Transfer-Encoding: base64',
  'Content-Type: ',
  '"',
  ';',
  '\0',
  '\xff\xfe',
  'x'.repeat(20_000),
]

/** An MP4 to whoever looks at its beginning only. */
const FILM = Buffer.concat([
  Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isommp41\0\0\0\x08moov', 'latin1'),
  Buffer.alloc(400),
])

const FORM = [
  '--edge',
  'Content-Disposition: form-data; name="note"',
  '',
  'of no meaning',
  '--edge',
  'Content-Disposition: form-data; name="file"; filename="film.mp4"',
  'Content-Type: video/mp4',
  '',
  FILM.toString('latin1'),
  '--edge--',
  '',
].join('\r\n')

/** One server for the requests of one run, started when the first of them comes. */
class Target {
  #server: Promise<UploadServer> | undefined

  server(): Promise<UploadServer> {
    this.#server ??= startUploadServer({ limits: { videosInWork: Number.POSITIVE_INFINITY } })
    return this.#server
  }

  /** Sends bytes, says that no more will come, and looks at every answer. */
  async converse(bytes: Uint8Array): Promise<void> {
    const { port } = await this.server()
    for (const status of statusesOf(await exchange(port, bytes))) {
      if (!DOCUMENTED.has(status)) throw new Error(`The answer was ${status}.`)
    }
  }

  async close(): Promise<void> {
    const server = await this.#server
    this.#server = undefined
    await server?.stop()
  }
}

const tus = new Target()
const form = new Target()

/** The targets of uploads. Those with a server give it back by `close`. */
export const uploadFuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'upload-metadata',
    words: METADATA_WORDS,
    seeds: async () => METADATA.map((header) => new Uint8Array(Buffer.from(header, 'latin1'))),
    run: async (bytes) => {
      parseUploadMetadata(Buffer.from(bytes).toString('latin1'), { nowUs: NOW_US })
    },
  },
  {
    name: 'tus-request',
    words: HTTP_WORDS,
    seeds: async () => tusRequests(await tus.server()),
    run: (bytes) => tus.converse(bytes),
    close: () => tus.close(),
  },
  {
    name: 'form-body',
    words: FORM_WORDS,
    seeds: async () => {
      await form.server()
      return [new Uint8Array(Buffer.from(FORM, 'latin1'))]
    },
    run: async (bytes) => {
      const { endpoint, token } = await form.server()
      const head = [
        `POST ${new URL(endpoint).pathname} HTTP/1.1`,
        'Host: 127.0.0.1',
        `Authorization: Bearer ${token}`,
        'Content-Type: multipart/form-data; boundary=edge',
        `Content-Length: ${bytes.length}`,
        '',
        '',
      ].join('\r\n')
      await form.converse(Buffer.concat([Buffer.from(head), bytes]))
    },
    close: () => form.close(),
  },
]

/** Good requests of every kind, on addresses that exist. */
async function tusRequests(server: UploadServer): Promise<readonly Uint8Array[]> {
  const calls = tusCalls(server)
  const { pathname } = new URL(server.endpoint)
  const shared = [`Host: 127.0.0.1`, `Authorization: ${calls.auth.authorization}`, 'Tus-Resumable: 1.0.0']
  const chunk = ['Content-Type: application/offset+octet-stream', 'Upload-Offset: 0']
  const creation = (extra: readonly string[], body = '', query = ''): string =>
    [
      `POST ${pathname}${query} HTTP/1.1`,
      ...shared,
      'Upload-Length: 64',
      ...extra,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n')
  const body = 'b'.repeat(64)
  const requests = [
    creation([`Upload-Metadata: ${METADATA[0]}`, 'Upload-Creator: somebody']),
    creation([], '', '?direct_user=true'),
    creation(['Content-Type: application/offset+octet-stream'], body),
    creation(['Upload-Concat: partial']),
    `OPTIONS ${pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
  ]
  // Many uploads, since a good PATCH uses one up.
  for (let index = 0; index < 24; index += 1) {
    const direct = index % 2 === 1
    const { path } = await calls.create(64, { query: direct ? '?direct_user=true' : '' })
    const patch = (extra: readonly string[], sent: string): string =>
      [`PATCH ${path} HTTP/1.1`, ...shared, ...chunk, ...extra, '', sent].join('\r\n')
    requests.push(
      patch([`Content-Length: ${body.length}`], body),
      patch(['Transfer-Encoding: chunked'], `40\r\n${body}\r\n0\r\n\r\n`),
      patch(['Content-Length: 64', `Upload-Checksum: sha1 ${'A'.repeat(27)}=`], body),
      [`HEAD ${path} HTTP/1.1`, ...shared, '', ''].join('\r\n'),
      [`DELETE ${path} HTTP/1.1`, ...shared, '', ''].join('\r\n'),
    )
  }
  return requests.map((request) => new Uint8Array(Buffer.from(request, 'latin1')))
}

/** Everything that comes back until the server closes. Throws when it does not. */
function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let text = ''
    const timer = setTimeout(() => {
      reject(new Error(`There was no end to the answer after ${HANG_MS} ms: ${text.slice(0, 200)}`))
      socket.destroy()
    }, HANG_MS)
    socket.on('data', (piece) => {
      text += piece.toString('latin1')
    })
    // A refusal may reset a connection whose bytes are not wanted.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.end(bytes)
  })
}

function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map((match) => Number(match[1]))
}
