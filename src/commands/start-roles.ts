/**
 * The second half of the composition root: roles and the HTTP server over adapters that are open. A module of its own
 * because reading its imports takes the processor as long as opening the database takes the disk and the threads:
 * `serve` does both at once.
 */

import { join } from 'node:path'
import type { Logger } from 'pino'
import { createRsaKeys } from '../adapters/system/rsa-key.ts'
import type { Secrets } from '../config/secrets.ts'
import type { Settings } from '../config/settings.ts'
import { SignInCodes } from '../core/access/index.ts'
import { TextTracks } from '../core/captions/index.ts'
import { createEarly } from '../core/early/index.ts'
import { requestSegment } from '../core/encoding/index.ts'
import { createPlanner } from '../core/planning/index.ts'
import { createPlayback } from '../core/playback/index.ts'
import { ScrubKeeper } from '../core/scrub/index.ts'
import { SourceIndexes } from '../core/timeline/index.ts'
import { DEFAULT_UPLOAD_LIMITS } from '../core/uploads/index.ts'
import { createAnswerOnce } from '../http/repeats.ts'
import { createRateLimit } from '../http/rate-limit.ts'
import { createHttpServer } from '../http/server.ts'
import { signIn } from '../http/sign-in.ts'
import { readStaticFiles } from '../http/static-files.ts'
import { countJobs } from '../jobs/count-jobs.ts'
import type { Jobs } from '../jobs/job.ts'
import { KeyedLock } from '../lib/keyed-lock.ts'
import type { Blobs, Clock, Decoder, Fetcher, SpeechEngine, Thread } from '../ports.ts'
import { createApiRole } from '../roles/api.ts'
import { createDeliveryRole } from '../roles/delivery.ts'
import type { Role } from '../roles/role.ts'
import { createWorkerRole } from '../roles/worker.ts'
import type { Db } from '../tables.ts'

/** Requests may go on this long after a stop was asked for; with the roles' own ends it stays within ten seconds. */
const GRACE_MS = 6_000

/** What is open by now. */
export type Adapters = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly decoder: Decoder
  /** Does what `index-thread.ts` says. */
  readonly thread: Thread
  readonly fetcher: Fetcher
  /** null when none is configured. */
  readonly speech: SpeechEngine | null
  readonly log: Logger
}

export type StartOptions = {
  readonly settings: Settings
  readonly secrets: Secrets
  /** Id of the server's own token. */
  readonly operatorTokenId: string
  /** Takes the end of everything that was started, as soon as it was; run in reverse. */
  readonly opened: { push(end: () => Promise<void>): void }
}

/** Starts the roles in order, then listens. Answers the port and a code that signs a browser in once. */
export async function startRoles(
  adapters: Adapters,
  { settings, secrets, operatorTokenId, opened }: StartOptions,
): Promise<{ port: number; signInCode: string }> {
  const { db, clock, log } = adapters
  const httpSettings = { ...settings, accountId: secrets.accountId, operatorTokenId }
  const limits = {
    ...DEFAULT_UPLOAD_LIMITS,
    minFreeBytes: settings.minFreeBytes,
    storageMinutes: settings.storageMinutes ?? 0,
  }
  const countRequest = createRateLimit(clock, settings.rateLimit)
  const answerOnce = createAnswerOnce({ db, clock, sealingKey: secrets.sealingKey, locks: new KeyedLock() })
  const guard = signIn({ ...adapters, settings: httpSettings })
  const files = await readStaticFiles(join(import.meta.dirname, '../../web/dist'))
  const indexes = new SourceIndexes(adapters.blobs)
  const planner = createPlanner(adapters.thread)
  const receiving = new Set<string>()
  const planSettings = { ...settings, decoder: adapters.decoder.build.id }
  const playback = createPlayback({
    ...adapters,
    indexes,
    early: createEarly({ ...adapters, receiving, planner, settings: planSettings }),
    requestSegment: (wanted) => requestSegment(adapters, wanted),
  })
  const make: Readonly<Record<Role['name'], () => Role>> = {
    worker: () =>
      createWorkerRole({ ...adapters, indexes, planner, limits, locks: new KeyedLock(), settings }),
    delivery: () => createDeliveryRole({ ...adapters, playback, texts: new TextTracks(adapters), files }),
    api: () =>
      createApiRole({
        uploads: { ...adapters, locks: new KeyedLock(), receiving, limits },
        signIn: guard,
        countRequest,
        answerOnce,
        log,
      }),
  }
  const scrubs = new ScrubKeeper({ ...adapters, planner, build: adapters.decoder.build.id })
  opened.push(() => scrubs.stop())
  const roles = (['worker', 'delivery', 'api'] as const)
    .filter((name) => settings.roles.includes(name))
    .map((name) => make[name]())
  for (const role of roles) {
    await role.start()
    opened.push(() => role.stop())
  }

  const signInCodes = new SignInCodes(clock)
  const server = createHttpServer(
    {
      ...adapters,
      limits,
      settings: httpSettings,
      countRequest,
      answerOnce,
      signInCodes,
      newRsaKey: createRsaKeys(),
      hasSpeechEngine: adapters.speech !== null,
      sealingKey: secrets.sealingKey,
      countJobs: () => countJobs(db),
      scrubs,
    },
    // Uploads first: their paths are fixed words, those of playback begin with any id.
    {
      byteRoutes: roles.toReversed().flatMap((role) => role.routes),
      maxConnections: settings.maxConnections,
    },
  )
  opened.push(() => server.close(GRACE_MS))
  const { port } = await server.listen(settings.port, settings.host)
  return { port, signInCode: signInCodes.issue(secrets.accountId) }
}
