/**
 * The HTTP server with real records and blobs, in this process and without encoding: for tests that want videos in
 * states that would take long to reach, and look at the records afterwards.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFetcher } from '../../src/adapters/fetch/guarded-fetch.ts'
import { openFolderBlobs } from '../../src/adapters/folder/blobs.ts'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import { createThread } from '../../src/adapters/threads/work-thread.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createRsaKeys } from '../../src/adapters/system/rsa-key.ts'
import { createApiToken, keepAccount, SignInCodes } from '../../src/core/access/index.ts'
import { LiveInputChanges } from '../../src/core/live-inputs/index.ts'
import { createPlanner } from '../../src/core/planning/index.ts'
import { ScrubKeeper } from '../../src/core/scrub/index.ts'
import { DEFAULT_UPLOAD_LIMITS } from '../../src/core/uploads/index.ts'
import { insertVideo, nextCreatedUs, type Video } from '../../src/core/videos/index.ts'
import { formRoutes } from '../../src/http/bytes/form.ts'
import { formLinkRoutes } from '../../src/http/bytes/form-link.ts'
import { tusRoutes } from '../../src/http/bytes/tus.ts'
import type { LivePorts } from '../../src/http/live-addresses.ts'
import type { HttpSettings } from '../../src/http/http-settings.ts'
import type { ByteRoute } from '../../src/http/route.ts'
import { createAnswerOnce } from '../../src/http/repeats.ts'
import { createRateLimit } from '../../src/http/rate-limit.ts'
import type { Pace } from '../../src/http/body-pace.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { signIn } from '../../src/http/sign-in.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { KeyedLock } from '../../src/lib/keyed-lock.ts'
import { type Log, type LogFacts, silentLog } from '../../src/lib/log.ts'
import type { Blobs, Clock, Decoder, Thread } from '../../src/ports.ts'
import type { Db } from '../../src/tables.ts'
import { lateDecoder } from './decoder.ts'

export type ApiServer = {
  readonly url: string
  readonly apiUrl: string
  readonly accountId: string
  /** May write. */
  readonly token: string
  readonly readToken: string
  /** The server's own token: may make accounts. */
  readonly operatorToken: string
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly jobs: Jobs
  readonly signInCodes: SignInCodes
  /** What was logged, as one line each. */
  readonly logLines: readonly string[]
  /** Adds a video as if it had been uploaded; answers it as recorded. */
  readonly addVideo: (fields?: Partial<Video>) => Promise<Video>
  readonly close: () => Promise<void>
}

/** What routes are made over. */
export type OpenParts = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly thread: Thread
  readonly decoder: Pick<Decoder, 'run'>
}

/** Starts it on a free port with a folder of its own. */
export async function startApi(
  options: {
    settings?: Partial<HttpSettings>
    /** A function is handed what is open. */
    byteRoutes?: readonly ByteRoute[] | ((open: OpenParts) => readonly ByteRoute[])
    idleMs?: number
    headersMs?: number
    keepAliveMs?: number
    pace?: Pace
    maxConnections?: number
    allowPrivateFetch?: boolean
    livePorts?: Partial<LivePorts>
  } = {},
): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-api-'))
  const clock = systemClock()
  const database = await openDatabase({ file: join(folder, 'headwater.db') })
  const { db } = database
  const blobs = await openFolderBlobs({ folder })
  const accountId = options.settings?.accountId ?? clock.newUid()
  await keepAccount(db, clock, { id: accountId, name: 'tests' })
  const newToken = (name: string, permission: 'read' | 'write') =>
    createApiToken(db, clock, { accountId, name, permission })
  const operator = await newToken('operator', 'write')
  const settings: HttpSettings = {
    accountId,
    operatorTokenId: operator.id,
    publicUrl: null,
    trustedProxies: null,
    apiEmail: null,
    apiKey: null,
    storageMinutes: null,
    rateLimit: null,
    countryHeader: 'cf-ipcountry',
    liveInputList: 'array',
    ...options.settings,
  }
  const writer = await newToken('writer', 'write')
  const reader = await newToken('reader', 'read')
  const signInCodes = new SignInCodes(clock)
  const logLines: string[] = []
  const fetcher = createFetcher({ allowPrivate: options.allowPrivateFetch ?? false })
  const module = new URL('../../src/commands/index-thread.ts', import.meta.url)
  const thread = createThread({ blobs, module })
  const decoder = lateDecoder(blobs, join(folder, 'work'))
  const shared = { db, blobs, jobs: createJobTable({ db, clock }), clock, fetcher, thread, decoder }
  const limits = { ...DEFAULT_UPLOAD_LIMITS, minFreeBytes: 0, storageMinutes: settings.storageMinutes ?? 0 }
  const answerOnce = createAnswerOnce({ db, clock, sealingKey: clock.newSecret(32), locks: new KeyedLock() })
  const countRequest = createRateLimit(clock, settings.rateLimit)
  const uploading = {
    uploads: { ...shared, locks: new KeyedLock(), receiving: new Set<string>(), limits },
    signIn: signIn({ db, clock, settings }),
    countRequest,
    answerOnce,
  }
  const server = createHttpServer(
    {
      ...shared,
      limits,
      log: collectLog(logLines),
      settings,
      countRequest,
      answerOnce,
      signInCodes,
      newRsaKey: createRsaKeys(),
      hasSpeechEngine: false,
      sealingKey: clock.newSecret(32),
      countJobs: () => Promise.resolve({ queued: 0 }),
      scrubs: new ScrubKeeper({ ...shared, planner: createPlanner(thread), build: null, log: silentLog }),
      liveInputChanges: new LiveInputChanges(),
      livePorts: () => ({ rtmp: 1935, rtmps: 1936, srt: 8778, ...options.livePorts }),
    },
    {
      idleMs: options.idleMs,
      headersMs: options.headersMs,
      keepAliveMs: options.keepAliveMs,
      pace: options.pace,
      maxConnections: options.maxConnections,
      byteRoutes: [
        ...(typeof options.byteRoutes === 'function'
          ? options.byteRoutes(shared)
          : (options.byteRoutes ?? [])),
        ...formRoutes(uploading),
        ...tusRoutes(uploading),
        ...formLinkRoutes(uploading),
      ],
    },
  )
  const { port } = await server.listen(0, '127.0.0.1')
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    apiUrl: `${url}/client/v4`,
    accountId,
    token: writer.token,
    readToken: reader.token,
    operatorToken: operator.token,
    db,
    blobs,
    clock,
    jobs: shared.jobs,
    signInCodes,
    logLines,
    addVideo: (fields) => addVideo(db, clock, accountId, fields),
    close: async () => {
      await server.close(1_000)
      await thread.stop()
      await database.close()
      await blobs.close()
      await rm(folder, { recursive: true })
    },
  }
}

function collectLog(lines: string[]): Log {
  const write = (facts: LogFacts, sentence: string) => {
    lines.push(`${sentence} ${JSON.stringify(facts)}`)
  }
  return { ...silentLog, info: write, warn: write, error: write }
}

async function addVideo(
  db: Db,
  clock: Clock,
  accountId: string,
  fields: Partial<Video> = {},
): Promise<Video> {
  return db.transaction().execute(async (trx) => {
    const createdUs = await nextCreatedUs(trx, clock, accountId)
    const video: Video = {
      uid: clock.newUid(),
      accountId,
      creator: null,
      meta: {},
      state: 'ready',
      step: null,
      pctComplete: 100,
      error: null,
      sizeBytes: 1_000_000,
      durationSeconds: 10,
      displaySize: { width: 640, height: 360 },
      createdUs,
      modifiedUs: createdUs,
      uploadedUs: createdUs,
      readyUs: createdUs,
      uploadExpiryUs: null,
      maxDurationSeconds: null,
      scheduledDeletionUs: null,
      allowedOrigins: [],
      requireSignedUrls: false,
      thumbnailTimestampPct: 0,
      publicDetails: null,
      liveInput: null,
      clippedFrom: null,
      watermark: null,
      ...fields,
    }
    await insertVideo(trx, video)
    return video
  })
}
