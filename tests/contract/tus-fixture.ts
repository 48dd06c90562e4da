/**
 * The upload routes on a server of their own, with the real database and folder: quick to start, with a clock that a
 * test can turn and a look behind the scenes. Tests of the whole program use `tests/harness/server.ts`.
 */

import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFetcher } from '../../src/adapters/fetch/guarded-fetch.ts'
import { openFolderBlobs } from '../../src/adapters/folder/blobs.ts'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import { createThread } from '../../src/adapters/threads/work-thread.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createRsaKeys } from '../../src/adapters/system/rsa-key.ts'
import { createApiToken, keepAccount, SignInCodes } from '../../src/core/access/index.ts'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { LiveInputChanges } from '../../src/core/live-inputs/index.ts'
import { createPlanner } from '../../src/core/planning/index.ts'
import { ScrubKeeper } from '../../src/core/scrub/index.ts'
import { DEFAULT_UPLOAD_LIMITS, type UploadDeps, type UploadLimits } from '../../src/core/uploads/index.ts'
import { formRoutes } from '../../src/http/bytes/form.ts'
import { formLinkRoutes } from '../../src/http/bytes/form-link.ts'
import { tusRoutes } from '../../src/http/bytes/tus.ts'
import type { HttpSettings } from '../../src/http/http-settings.ts'
import { createAnswerOnce } from '../../src/http/repeats.ts'
import { createRateLimit } from '../../src/http/rate-limit.ts'
import type { Pace } from '../../src/http/body-pace.ts'
import { type ConnectionLimits, createHttpServer } from '../../src/http/server.ts'
import { signIn } from '../../src/http/sign-in.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { KeyedLock } from '../../src/lib/keyed-lock.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { Blobs, Clock } from '../../src/ports.ts'
import { lateDecoder } from '../harness/decoder.ts'

export const MIB = 1_048_576
export const TUS = { 'tus-resumable': '1.0.0' }
export const CHUNK_TYPE = { 'content-type': 'application/offset+octet-stream' }
export const DAY_SECONDS = 86_400

export type UploadServer = {
  readonly url: string
  /** `<url>/client/v4/accounts/<account>/stream`. */
  readonly endpoint: string
  readonly accountId: string
  readonly token: string
  readonly readToken: string
  readonly dataDir: string
  readonly port: number
  /** Behind the scenes. */
  readonly deps: UploadDeps
  readonly connectionLimits: ConnectionLimits
  /** Turns the server's clock forward. */
  forward(seconds: number): void
  /** SHA-256 of a video's stored source, hexadecimal. */
  sourceHash(uid: string): Promise<string>
  stop(): Promise<void>
}

export type UploadServerOptions = {
  readonly limits?: Partial<UploadLimits>
  /** Kept when the server stops; default: a new one, removed. */
  readonly dataDir?: string
  readonly port?: number
  /** Requests per token and five minutes; default no limit. */
  readonly rateLimit?: number
  /** Stands between the core and the folder; for faults. */
  readonly wrapBlobs?: (blobs: Blobs) => Blobs
  /** The HTTP server's own, so that a test need not wait for the real ones. */
  readonly idleMs?: number
  readonly headersMs?: number
  readonly keepAliveMs?: number
  readonly pace?: Pace
}

const ACCOUNT_ID = '0123456789abcdef0123456789abcdef'
const TOKEN = 'write-token-of-the-tests'
const READ_TOKEN = 'read-token-of-the-tests'

export async function startUploadServer(options: UploadServerOptions = {}): Promise<UploadServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'headwater-uploads-')))
  let aheadUs = 0
  const real = systemClock()
  const clock: Clock = { ...real, nowUs: () => real.nowUs() + aheadUs }
  const database = await openDatabase({ file: join(dataDir, 'headwater.db') })
  const { db } = database
  const folder = await openFolderBlobs({ folder: dataDir })
  const deps: UploadDeps = {
    db,
    blobs: options.wrapBlobs?.(folder) ?? folder,
    jobs: createJobTable({ db, clock }),
    clock,
    locks: new KeyedLock(),
    receiving: new Set(),
    limits: { ...DEFAULT_UPLOAD_LIMITS, minFreeBytes: 0, ...options.limits },
  }
  const account = { accountId: ACCOUNT_ID, name: 'tests' }
  await keepAccount(db, clock, { id: ACCOUNT_ID, name: 'tests' })
  await createApiToken(db, clock, { ...account, permission: 'write', secret: TOKEN })
  await createApiToken(db, clock, { ...account, permission: 'read', secret: READ_TOKEN })
  const settings: HttpSettings = {
    accountId: ACCOUNT_ID,
    operatorTokenId: null,
    publicUrl: null,
    trustedProxies: null,
    apiEmail: null,
    apiKey: null,
    storageMinutes: deps.limits.storageMinutes,
    rateLimit: options.rateLimit ?? null,
    countryHeader: 'cf-ipcountry',
    liveInputList: 'array',
  }
  const countRequest = createRateLimit(clock, settings.rateLimit)
  const answerOnce = createAnswerOnce({ db, clock, sealingKey: clock.newSecret(32), locks: new KeyedLock() })
  const routeDeps = { uploads: deps, signIn: signIn({ db, clock, settings }), countRequest, answerOnce }
  const module = new URL('../../src/commands/index-thread.ts', import.meta.url)
  const thread = createThread({ blobs: deps.blobs, module })
  const log = silentLog
  const decoder = lateDecoder(folder, join(dataDir, 'work'))
  const server = createHttpServer(
    {
      ...deps,
      fetcher: createFetcher({ allowPrivate: false }),
      thread,
      decoder,
      log,
      settings,
      countRequest,
      answerOnce,
      signInCodes: new SignInCodes(clock),
      countJobs: () => Promise.resolve({}),
      newRsaKey: createRsaKeys(),
      hasSpeechEngine: false,
      sealingKey: clock.newSecret(32),
      scrubs: new ScrubKeeper({ ...deps, decoder, log, planner: createPlanner(thread), build: null }),
      liveInputChanges: new LiveInputChanges(),
      livePorts: () => ({ rtmp: null, rtmps: null, srt: null }),
    },
    {
      idleMs: options.idleMs,
      headersMs: options.headersMs,
      keepAliveMs: options.keepAliveMs,
      pace: options.pace,
      byteRoutes: [...tusRoutes(routeDeps), ...formRoutes(routeDeps), ...formLinkRoutes(routeDeps)],
    },
  )
  const { port } = await server.listen(options.port ?? 0, '127.0.0.1')
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    endpoint: `${url}/client/v4/accounts/${ACCOUNT_ID}/stream`,
    accountId: ACCOUNT_ID,
    token: TOKEN,
    readToken: READ_TOKEN,
    dataDir,
    port,
    deps,
    connectionLimits: server.limits(),
    forward: (seconds) => {
      aheadUs += seconds * 1_000_000
    },
    sourceHash: async (uid) => {
      // Not through a reader, whose open file would outlive the server.
      const { path } = await folder.materialize(sourceBlob(uid))
      return sha256(await readFile(path))
    },
    stop: async () => {
      await server.close(0)
      await thread.stop()
      await Promise.all([database.close(), folder.close()])
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Resolves when the condition holds; a test whose condition never does ends at its own limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Whether a request has the upload for itself. */
export function isHeld(server: UploadServer, made: Pick<Created, 'path'>): boolean {
  const id = made.path.split('?')[0]?.split('/').at(-1) ?? ''
  return server.deps.locks.isHeld(`upload/${id}`)
}

/** Bytes that differ everywhere, the same for the same seed. */
export function testBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed >>> 0
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(length / 4))
  for (let at = 0; at < words.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[at] = state
  }
  return bytes
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** An answer of the server, header names in lower case. */
export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** One request with exactly these headers (and `Host`, `Content-Length` where there is a body). */
export function call(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Uint8Array,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
      answer.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** `Upload-Metadata` of these pairs. */
export function metadata(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

/** The answer to a creation, with the address and the video's uid. */
export type Created = Answer & { readonly location: string; readonly path: string; readonly uid: string }

/** The calls of a tus client with a token that may write. */
export type TusCalls = {
  /** `Tus-Resumable` and `Authorization`. */
  readonly auth: Readonly<Record<string, string>>
  readonly create: (
    lengthBytes: number,
    options?: { headers?: Record<string, string>; query?: string; body?: Uint8Array },
  ) => Promise<Created>
  readonly patch: (
    location: string,
    offset: number,
    body: Uint8Array,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  readonly head: (location: string) => Promise<Answer>
  readonly storedOffset: (location: string) => Promise<number>
  /** Lines of a PATCH for a raw socket, which then sends the body as it likes. */
  readonly patchLines: (path: string, offset: number, length: number) => string[]
}

/** Makes the calls for one server. */
export function tusCalls(server: UploadServer): TusCalls {
  const auth = { ...TUS, authorization: `Bearer ${server.token}` }
  const head = (location: string) => call('HEAD', location, auth)
  return {
    auth,
    head,
    create: async (lengthBytes, options = {}) => {
      const headers = { ...auth, 'upload-length': String(lengthBytes), ...options.headers }
      const answer = await call('POST', `${server.endpoint}${options.query ?? ''}`, headers, options.body)
      const location = answer.headers.location ?? ''
      const uid = String(answer.headers['stream-media-id'] ?? '')
      return { ...answer, location, uid, path: location.slice(server.url.length) }
    },
    patch: (location, offset, body, headers = {}) => {
      const own = { 'upload-offset': String(offset), 'content-length': String(body.length) }
      return call('PATCH', location, { ...auth, ...CHUNK_TYPE, ...own, ...headers }, body)
    },
    storedOffset: async (location) => Number((await head(location)).headers['upload-offset']),
    patchLines: (path, offset, length) => [
      `PATCH ${path} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: ${auth.authorization}`,
      'Tus-Resumable: 1.0.0',
      'Content-Type: application/offset+octet-stream',
      `Upload-Offset: ${offset}`,
      `Content-Length: ${length}`,
    ],
  }
}

/** The vendor's number and sentence of a refusal. */
export function refusalOf(answer: Pick<Answer, 'text'>): { code: unknown; message: string } {
  return JSON.parse(answer.text).errors[0]
}

/** An answer as a raw socket saw it. */
export type RawAnswer = {
  readonly status: number
  readonly headers: Map<string, string>
  readonly body: string
}

/** A socket on which a test writes exactly what it wants. */
export class RawClient {
  readonly socket: Socket
  #received = ''
  #closed = false
  #wake: () => void = () => undefined

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (bytes: Buffer) => {
      this.#received += bytes.toString('latin1')
      this.#wake()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
  }

  /** Writes a request head (lines without their ends) and resolves when the system has taken it. */
  head(...lines: readonly string[]): Promise<void> {
    return this.bytes(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))
  }

  bytes(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(bytes, () => resolve())
    })
  }

  /** The next answer; `undefined` when the connection ends without one. */
  async answer(): Promise<RawAnswer | undefined> {
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n')
      if (end >= 0) {
        const [statusLine = '', ...lines] = this.#received.slice(0, end).split('\r\n')
        const headers = new Map(
          lines.map((line) => {
            const colon = line.indexOf(':')
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
          }),
        )
        const length = Number(headers.get('content-length') ?? 0)
        if (this.#received.length >= end + 4 + length) {
          const body = this.#received.slice(end + 4, end + 4 + length)
          this.#received = this.#received.slice(end + 4 + length)
          return { status: Number(statusLine.split(' ')[1]), headers, body }
        }
      }
      if (this.#closed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Resolves when the connection has ended. */
  async ended(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Goes away without a goodbye. */
  reset(): void {
    this.socket.resetAndDestroy()
  }
}
