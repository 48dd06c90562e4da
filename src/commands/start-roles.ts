/**
 * The second half of the composition root: roles and the HTTP server over adapters that are open. A module of its own
 * because reading its imports takes the processor as long as opening the database takes the disk and the threads:
 * `serve` does both at once.
 */

import { join } from 'node:path'
import type { Logger } from 'pino'
import { createRsaKeys } from '../adapters/system/rsa-key.ts'
import { prepareRtc } from '../adapters/webrtc/index.ts'
import { PROJECT_FOLDER } from '../config/own-files.ts'
import type { Secrets } from '../config/secrets.ts'
import type { Settings } from '../config/settings.ts'
import { SignInCodes } from '../core/access/index.ts'
import { Broadcasts } from '../core/broadcasts/index.ts'
import { TextTracks } from '../core/captions/index.ts'
import { createEarly } from '../core/early/index.ts'
import { requestSegment } from '../core/encoding/index.ts'
import { createPlanner } from '../core/planning/index.ts'
import { createPlayback, InputAdmissions, type RunningBroadcasts } from '../core/playback/index.ts'
import { ScrubKeeper } from '../core/scrub/index.ts'
import { createConvert, createStartLadder } from '../core/live-conversion/index.ts'
import { LiveViewers } from '../core/live-packaging/index.ts'
import { LiveInputChanges } from '../core/live-inputs/index.ts'
import { SourceIndexes } from '../core/timeline/index.ts'
import { DEFAULT_UPLOAD_LIMITS } from '../core/uploads/index.ts'
import { whepRoutes } from '../http/bytes/whep.ts'
import { whipRoutes } from '../http/bytes/whip.ts'
import type { LivePorts } from '../http/live-addresses.ts'
import { createAnswerOnce } from '../http/repeats.ts'
import { createRateLimit } from '../http/rate-limit.ts'
import { createHttpServer } from '../http/server.ts'
import { signIn } from '../http/sign-in.ts'
import { readStaticFiles } from '../http/static-files.ts'
import { countJobs } from '../jobs/count-jobs.ts'
import type { Jobs } from '../jobs/job.ts'
import { KeyedLock } from '../lib/keyed-lock.ts'
import type { Blobs, Clock, Decoder, Fetcher, LiveDecoder, SpeechEngine, Thread } from '../ports.ts'
import { createApiRole } from '../roles/api.ts'
import { createDeliveryRole } from '../roles/delivery.ts'
import { createLiveRole, type LiveRole } from '../roles/live.ts'
import type { Role } from '../roles/role.ts'
import { createWorkerRole } from '../roles/worker.ts'
import type { Db } from '../tables.ts'
import { createLiveProtocols } from './live-protocols.ts'

/** Requests may go on this long after a stop was asked for; with the roles' own ends it stays within ten seconds. */
const GRACE_MS = 6_000

/** What is open by now. */
export type Adapters = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly decoder: Decoder
  readonly liveDecoder: LiveDecoder
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

/** What of broadcasts is listened on when the start is over. */
export type ListeningLive = Pick<LiveRole, 'ports' | 'off'>

/** Starts the roles in order, then listens. Answers the port and a code that signs a browser in once. */
export async function startRoles(
  adapters: Adapters,
  { settings, secrets, operatorTokenId, opened }: StartOptions,
): Promise<{ port: number; signInCode: string; live: ListeningLive | null }> {
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
  const files = await readStaticFiles(join(PROJECT_FOLDER, 'web/dist'))
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
  const liveInputChanges = new LiveInputChanges()
  const live = createLiveProtocols({ settings, clock, log })
  opened.push(() => live.stop())
  const converting = { ...adapters, decoder: adapters.liveDecoder }
  const broadcasts = new Broadcasts({
    ...adapters,
    liveInputChanges,
    senders: live.senders,
    limits,
    convert: createConvert(converting),
    startLadder: createStartLadder(converting, settings.liveLadder),
  })
  const webrtc = prepareRtc(settings, log)
  const rtcRouting = {
    rtc: webrtc.rtc,
    iceServers: settings.iceServers ?? [],
    inputAdmissions: new InputAdmissions(adapters),
  }
  const liveRole = createLiveRole({
    broadcasting: broadcasts,
    servers: [...live.servers, webrtc.open],
    routes: [...whipRoutes(rtcRouting), ...whepRoutes(rtcRouting)],
    log,
  })
  const viewers = new LiveViewers(clock)
  const watched = {
    live: { lookup: broadcasts, viewers },
    broadcasts: runningBroadcasts(broadcasts, viewers),
  }
  const make: Readonly<Record<Role['name'], () => Role>> = {
    worker: () =>
      createWorkerRole({ ...adapters, indexes, planner, limits, locks: new KeyedLock(), settings }),
    delivery: () =>
      createDeliveryRole({ ...adapters, ...watched, playback, texts: new TextTracks(adapters), files }),
    api: () =>
      createApiRole({
        uploads: { ...adapters, locks: new KeyedLock(), receiving, limits },
        signIn: guard,
        countRequest,
        answerOnce,
        log,
      }),
    live: () => liveRole,
  }
  const scrubs = new ScrubKeeper({ ...adapters, planner, build: adapters.decoder.build.id })
  opened.push(() => scrubs.stop())
  const roles = (['worker', 'live', 'delivery', 'api'] as const)
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
      liveInputChanges,
      livePorts: () => livePorts(settings, liveRole),
    },
    // Uploads first: their paths are fixed words, those of playback begin with any id.
    {
      byteRoutes: roles.toReversed().flatMap((role) => role.routes),
      maxConnections: settings.maxConnections,
    },
  )
  opened.push(() => server.close(GRACE_MS))
  const { port } = await server.listen(settings.port, settings.host)
  const listening = settings.roles.includes('live') ? { ports: liveRole.ports, off: liveRole.off } : null
  return { port, signInCode: signInCodes.issue(secrets.accountId), live: listening }
}

/** What is listened on, or would be where another process takes broadcasts: then only the settings are known. */
function livePorts(settings: Settings, { ports }: LiveRole): LivePorts {
  if (!settings.roles.includes('live')) {
    return { rtmp: settings.rtmpPort, rtmps: settings.rtmpsPort, srt: settings.srtPort }
  }
  return { rtmp: ports.rtmp ?? null, rtmps: ports.rtmps ?? null, srt: ports.srt ?? null }
}

/** What players ask of the broadcasts. */
function runningBroadcasts(broadcasts: Broadcasts, viewers: LiveViewers): RunningBroadcasts {
  return {
    findBroadcast: (uid) => {
      const found = broadcasts.find(uid)
      return (
        found && {
          inputUid: found.inputUid,
          videoUid: found.recording?.videoUid ?? null,
          protocol: found.protocol,
          status: found.connection === null ? 'reconnecting' : 'connected',
        }
      )
    },
    countViewers: (inputUid) => viewers.count(inputUid),
  }
}
