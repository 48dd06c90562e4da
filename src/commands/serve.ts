/**
 * `serve`: the composition root. Settings → adapters → roles, started in this order and stopped in reverse. Everything
 * that has to be closed goes onto one stack as soon as it is open, so that a start that fails half-way closes what it
 * had opened.
 */

import { type Logger, pino } from 'pino'
import { createFetcher } from '../adapters/fetch/guarded-fetch.ts'
import { createDecoder, createLiveDecoder, summarizeCage } from '../adapters/ffmpeg/index.ts'
import { type OpenedFolderBlobs, openFolderBlobs } from '../adapters/folder/blobs.ts'
import { createSpeechEngine } from '../adapters/speech/sound-file.ts'
import { type OpenedDatabase, openDatabase } from '../adapters/sql/open-database.ts'
import { systemClock } from '../adapters/system/clock.ts'
import { createThread } from '../adapters/threads/work-thread.ts'
import { childEnvironment } from '../config/child-environment.ts'
import { dataFolder } from '../config/data-folder.ts'
import { launcherPid } from '../config/launcher.ts'
import { openSecrets, type Secrets } from '../config/secrets.ts'
import type { Settings } from '../config/settings.ts'
import { createApiToken, keepAccount } from '../core/access/index.ts'
import { liveAddresses } from '../http/live-addresses.ts'
import { createJobTable } from '../jobs/job-table.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'
import { findDecoder, type FoundDecoder } from './find-decoder.ts'
import type { ListeningLive } from './start-roles.ts'

/** How often a server started by npm looks whether its npm is still there. */
const LAUNCHER_CHECK_MS = 1_000

/** A running server. */
export type Running = {
  readonly port: number
  readonly secrets: Secrets
  /** Good once, for ten minutes: signs a browser in. */
  readonly signInCode: string
  /** Where broadcasts are published; null where another process takes them. */
  readonly live: ListeningLive | null
  /** Ends everything in reverse order; a second call waits for the first. */
  stop(): Promise<void>
}

/** How the outside is met. Tests of crashes put faults between. */
export type Outside = {
  systemClock(): Clock
  openDatabase(options: { file: string }): Promise<OpenedDatabase>
  openBlobs(options: { folder: string }): Promise<OpenedFolderBlobs>
  createDecoder: typeof createDecoder
}

const OUTSIDE: Outside = { systemClock, openDatabase, openBlobs: openFolderBlobs, createDecoder }

/** `decoder`: its search, if it was begun before this module was read. */
export type ServeOptions = {
  readonly version: string
  readonly outside?: Outside
  readonly decoder?: Promise<FoundDecoder>
}

/** Runs until SIGTERM, SIGINT, or the end of the npm that started it. Throws a sentence when it cannot start. */
export async function serve(settings: Settings, options: ServeOptions): Promise<void> {
  const log = pino({ level: settings.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const running = await start(settings, log, options)
  process.stdout.write(greeting(settings, running, options.version))
  const reason = await untilTold()
  log.info({ reason }, 'stopping')
  await running.stop()
}

/** Starts everything and resolves once requests are answered. */
export async function start(settings: Settings, log: Logger, options: ServeOptions): Promise<Running> {
  const { outside = OUTSIDE } = options
  const opened = new Stack()
  try {
    const clock = outside.systemClock()
    const { databaseFile, blobsFolder, workFolder } = dataFolder(settings.dataDir)
    // Three things at once: the decoder and its cage are found, the database is opened, the rest of the program is read.
    const finding = options.decoder ?? findDecoder(settings)
    const opening = outside.openDatabase({ file: databaseFile })
    const reading = import('./start-roles.ts')
    // Their failures are met below, in this order.
    for (const promise of [finding, reading]) promise.catch(() => undefined)
    const { db, close } = await opening
    opened.push(close)

    const secrets = await openSecrets({ ...settings, ...ids(clock) })
    const [blobs, { build, cage }, operatorTokenId] = await Promise.all([
      outside.openBlobs({ folder: blobsFolder }),
      finding,
      keepFirstToken(db, clock, secrets),
    ])
    opened.push(() => blobs.close())
    const decoder = await outside.createDecoder({ build, blobs, cage, workDir: workFolder, log })
    const liveDecoder = await createLiveDecoder({ build, cage, workDir: workFolder, log })
    const environment = childEnvironment()
    const speech = await createSpeechEngine(settings, { workDir: workFolder, environment })
    const thread = createThread({ blobs, module: new URL('./index-thread.ts', import.meta.url) })
    opened.push(() => thread.stop())
    const jobs = createJobTable({ db, clock })
    await jobs.releaseAll()

    const { startRoles } = await reading
    const fetcher = createFetcher({ allowPrivate: settings.allowPrivateFetch })
    const adapters = { db, blobs, jobs, clock, decoder, liveDecoder, thread, fetcher, speech, log }
    const { port, signInCode, live } = await startRoles(adapters, {
      settings,
      secrets,
      operatorTokenId,
      opened,
    })
    const { roles, workers } = settings
    log.info({ ffmpeg: build.id, cage: summarizeCage(cage), roles, workers }, 'started')
    return { port, secrets, signInCode, live, stop: () => opened.unwind() }
  } catch (error) {
    await opened.unwind()
    throw error
  }
}

function ids(clock: Clock): { newUid: () => string; newSecret: (bytes: number) => string } {
  return { newUid: () => clock.newUid(), newSecret: (bytes) => clock.newSecret(bytes) }
}

/** The token of the data folder (or of the environment) opens the first account, and is the operator's; answers its id. */
async function keepFirstToken(db: Db, clock: Clock, secrets: Secrets): Promise<string> {
  await keepAccount(db, clock, { id: secrets.accountId, name: 'first account' })
  const { id } = await createApiToken(db, clock, {
    accountId: secrets.accountId,
    name: 'first token',
    permission: 'write',
    secret: secrets.apiToken,
  })
  return id
}

/** Ends of what was opened, run in reverse. */
class Stack {
  readonly #ends: (() => Promise<void>)[] = []
  #unwinding: Promise<void> | undefined

  push(end: () => Promise<void>): void {
    this.#ends.push(end)
  }

  unwind(): Promise<void> {
    this.#unwinding ??= this.#run()
    return this.#unwinding
  }

  async #run(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end()
  }
}

/** Resolves with the reason to stop. */
async function untilTold(): Promise<string> {
  const launcher = launcherPid()
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.once(signal, () => resolve(signal))
    }
    if (launcher === undefined) return
    setInterval(() => {
      if (process.ppid !== launcher) resolve('npm has ended')
    }, LAUNCHER_CHECK_MS).unref()
  })
}

/** Where to point an encoder; keys are those of an input. */
function liveLines(publicUrl: string, live: ListeningLive | null): string[] {
  if (live === null) return []
  const { ports, off } = live
  const { rtmp = null, rtmps = null, srt = null, webrtc } = ports
  const addresses = liveAddresses(publicUrl, { rtmp, rtmps, srt })
  const byRtmp = [addresses.rtmp, rtmps === null ? null : addresses.rtmps].filter((url) => url !== null)
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    [
      'publish by RTMP',
      byRtmp.length === 0 ? null : `${byRtmp.join('   ')}   (and the stream key of a live input)`,
    ],
    ['publish by SRT', addresses.srt ?? (off.srt && `off: ${off.srt}`)],
    [
      'WebRTC',
      webrtc === undefined ? null : `UDP port ${webrtc}   (WHIP and WHEP at the address of the API)`,
    ],
  ]
  return rows.flatMap(([what, where]) => (where ? [`  ${what.padEnd(20)}${where}`] : []))
}

/** What a person sees when it is up. The sign-in code is a fragment: it is sent to no server and kept in no history. */
function greeting(settings: Settings, running: Running, version: string): string {
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  const address = settings.publicUrl ?? `http://${host}:${running.port}`
  const { secrets } = running
  const token = secrets.apiTokenIsNew
    ? `${secrets.apiToken}   (shown once; kept in ${secrets.apiTokenFile})`
    : secrets.apiTokenFile === null
      ? 'as given by HEADWATER_API_TOKEN'
      : `kept in ${secrets.apiTokenFile}`
  return [
    '',
    `Headwater ${version}`,
    '',
    `  open in a browser   ${address}/#code=${running.signInCode}   (signs you in once, within 10 minutes)`,
    `  API                 ${address}/client/v4`,
    `  account id          ${secrets.accountId}`,
    `  API token           ${token}`,
    `  data folder         ${settings.dataDir}`,
    ...liveLines(address, running.live),
    '',
    `ready http://${host}:${running.port}`,
    '',
  ].join('\n')
}
