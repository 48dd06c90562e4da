/**
 * All broadcasts of this process: who may publish and play (`door`), which run, which have ended a while ago and are still
 * watched. It takes up what a crash or a stop has left, and hands what has ended to its videos.
 */

import type { Jobs } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { FreshLooks } from '../../lib/fresh-looks.ts'
import type { Log } from '../../lib/log.ts'
import type { AcceptedCodecs, Feed, LiveDoor, LiveSender } from '../../live-ports.ts'
import type { Blobs, Clock, Fetcher } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { Convert, StartLadder } from '../live-conversion/index.ts'
import {
  getLiveInput,
  listOpenStatuses,
  listOutputs,
  type LiveInput,
  type LiveInputChange,
  type LiveInputChanges,
  touchStatuses,
} from '../live-inputs/index.ts'
import type { LiveLookup, PlayedBroadcast, PlayedInput } from '../live-packaging/index.ts'
import { Broadcast, type BroadcastDeps, type BroadcastOptions, mayGoOn } from './broadcast.ts'
import type { Connection } from './connection.ts'
import { createDoor } from './live-door.ts'
import type { LiveRecording } from './live-recording.ts'
import { Outputs } from './outputs.ts'
import { recoverRecordings } from './recover-recordings.ts'
import { Statuses } from './statuses.ts'

export type BroadcastsDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly jobs: Jobs
  readonly log: Log
  readonly fetcher: Pick<Fetcher, 'findAddresses'>
  readonly liveInputChanges: LiveInputChanges
  readonly senders: readonly LiveSender[]
  /** For tests. */
  readonly mostRecordedSamples?: number
  readonly limits: { readonly storageMinutes: number; readonly minFreeBytes: number }
  /** The same broadcast in codecs that are accepted; absent where nothing is converted. */
  readonly convert?: Convert
  /** Makes lower rungs; null where there are to be none. */
  readonly startLadder?: StartLadder | null
}

/** What HLS, DASH and our own recordings are made of. */
const PLAYABLE: AcceptedCodecs = { video: ['avc'], audio: ['aac'] }
const TICK_MS = 1_000
const TOUCH_MS = 10_000
/** A publisher whose connection is there, but from whom nothing comes, is lost. */
const SILENT_MS = 30_000
/** How long what has ended is kept for those who watch it, after the last of them asked. */
const KEPT_MS = 5 * 60_000

type Kept = { readonly recording: LiveRecording; askedMs: number }

export class Broadcasts implements LiveLookup {
  readonly door: LiveDoor
  readonly statuses: Statuses
  readonly #deps: BroadcastsDeps
  readonly #running = new Map<string, Broadcast>()
  /** Recordings by their video: those that run, and those that have ended. */
  readonly #ended = new Map<string, Kept>()
  readonly #inputs: FreshLooks<LiveInput | undefined>
  readonly #stopping = new AbortController()
  readonly #ending = new Set<Promise<void>>()
  #ticking: Promise<void> = Promise.resolve()
  #leaveChanges: () => void = () => {}

  constructor(deps: BroadcastsDeps) {
    this.#deps = deps
    this.statuses = new Statuses(deps)
    this.#inputs = new FreshLooks(deps, (uid) => getLiveInput(deps.db, uid))
    this.door = createDoor(deps, this)
  }

  /** How many there are, for the metrics. */
  get count(): number {
    return this.#running.size
  }

  async start(): Promise<void> {
    this.#leaveChanges = this.#deps.liveInputChanges.listen((change) => this.#changed(change))
    await recoverRecordings(this.#deps, {
      resume: (input, restored, passedMs) => this.begin(input, { restored }).waitInWindow(passedMs),
      end: (work) => this.#end(work),
    })
    await this.#takeUpStatuses()
    this.#ticking = this.#tick()
  }

  /**
   * Whoever was connected when the last run ended is not any more. What was not recorded waits for its publisher as well, as
   * far as the statuses tell of it.
   */
  async #takeUpStatuses(): Promise<void> {
    for (const { subject, state, protocol, seenUs } of await listOpenStatuses(this.#deps.db)) {
      const input = await getLiveInput(this.#deps.db, subject)
      const passedMs = Math.max(0, this.#deps.clock.nowUs() - seenUs) / 1000
      if (input !== undefined && !this.#running.has(subject) && mayGoOn(input, passedMs)) {
        this.begin(input, { resumed: { protocol } }).waitInWindow(passedMs)
      }
      const isWaiting = this.#running.has(subject)
      if (isWaiting && state === 'disconnected') continue
      const reason = isWaiting ? 'reconnecting' : 'ttl_exceeded'
      this.statuses.enter(subject, { state: 'disconnected', reason, protocol })
    }
    await this.statuses.settle()
  }

  async stop(): Promise<void> {
    this.#leaveChanges()
    this.#stopping.abort()
    const running = [...this.#running.values()]
    this.#running.clear()
    await Promise.all(
      running.map((broadcast) =>
        broadcast.putDown().catch((err: unknown) => {
          this.#deps.log.error({ err, inputUid: broadcast.inputUid }, 'a broadcast could not be put down')
        }),
      ),
    )
    await Promise.all(this.#ending)
    await this.#ticking
    await this.statuses.settle()
  }

  async input(uid: string): Promise<PlayedInput | undefined> {
    const input = await this.#inputs.get(uid)
    if (input === undefined) return undefined
    const { accountId, recording } = input
    return {
      uid,
      accountId,
      requireSignedUrls: recording.requireSignedUrls,
      allowedOrigins: recording.allowedOrigins ?? [],
    }
  }

  get hasBroadcasts(): boolean {
    return this.#running.size > 0 || this.#ended.size > 0
  }

  broadcast(uid: string): PlayedBroadcast | undefined {
    const running = this.find(uid)?.recording
    if (running) return running
    const kept =
      this.#ended.get(uid) ??
      [...this.#ended.values()].findLast(({ recording }) => recording.inputUid === uid)
    if (kept !== undefined) kept.askedMs = this.#deps.clock.monotonicMs()
    return kept?.recording
  }

  /** The running broadcast of an input, or the one that becomes a video. */
  find(uid: string): Broadcast | undefined {
    return (
      this.#running.get(uid) ??
      [...this.#running.values()].find(({ recording }) => recording?.videoUid === uid)
    )
  }

  /** The feed in codecs that are accepted; undefined where it cannot be had. */
  accept(feed: Feed, accepts: AcceptedCodecs): Feed | undefined {
    // Also where it seems to fit: a track that comes later may be in another codec.
    if (this.#deps.convert !== undefined) return this.#deps.convert(feed, accepts)
    const { video, audio } = feed
    const isTaken =
      (video === null || accepts.video.includes(video.codec)) &&
      (audio === null || accepts.audio.includes(audio.codec))
    return isTaken ? feed : undefined
  }

  /** A broadcast of this input begins. To be called when none runs. */
  begin(input: LiveInput, earlier: Pick<BroadcastOptions, 'restored' | 'resumed'> = {}): Broadcast {
    const broadcast = new Broadcast(this.#broadcastDeps(), {
      input,
      ...earlier,
      onRecorded: (recording) => this.#recorded(recording),
      onOver: (over) => {
        if (this.#running.get(input.uid) === over) this.#running.delete(input.uid)
      },
    })
    this.#running.set(input.uid, broadcast)
    return broadcast
  }

  /** What a connection sends cannot be part of its broadcast any more: that ends, and another begins. */
  renew(connection: Connection, input: LiveInput): Broadcast {
    this.#running.get(connection.inputUid)?.giveWay()
    const broadcast = this.begin(input)
    broadcast.join(connection)
    return broadcast
  }

  #broadcastDeps(): BroadcastDeps {
    const { db, clock, fetcher, senders, log } = this.#deps
    const { statuses } = this
    return {
      ...this.#deps,
      statuses,
      playable: (feed) => this.accept(feed, PLAYABLE),
      createOutputs: (broadcast) =>
        new Outputs({
          clock,
          fetcher,
          senders,
          statuses,
          log,
          list: () => listOutputs(db, broadcast.inputUid),
          feed: () => this.accept(broadcast.feed, PLAYABLE),
        }),
    }
  }

  #recorded(recording: LiveRecording): void {
    if (!recording.hasBegun && !recording.package.started) return
    this.#ended.set(recording.videoUid, { recording, askedMs: this.#deps.clock.monotonicMs() })
    this.#end(() => recording.end(this.#stopping.signal))
  }

  #end(work: () => Promise<void>): void {
    const ending = work()
      .catch((err: unknown) => this.#deps.log.error({ err }, 'a recording could not be ended'))
      .finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  #changed({ kind, inputUid }: LiveInputChange): void {
    const broadcast = this.#running.get(inputUid)
    if (broadcast === undefined) return
    if (kind === 'deleted') broadcast.cut(gone())
    if (kind === 'keysRotated') {
      broadcast.cut(new HeadwaterError('live_key_unknown', 'The keys of this live input were made anew.'))
    }
    if (kind === 'disabled') {
      broadcast.cut(new HeadwaterError('live_input_disabled', 'The live input was disabled.'))
    }
    if (kind === 'outputsChanged') broadcast.outputs.look()
    if (kind === 'edited') this.#edited(broadcast)
  }

  #edited(broadcast: Broadcast): void {
    getLiveInput(this.#deps.db, broadcast.inputUid)
      .then((input) => {
        if (input !== undefined && !broadcast.isOver) broadcast.change(input)
      })
      .catch((err: unknown) => this.#deps.log.error({ err }, 'an edited live input could not be read'))
  }

  /** Notes who is connected, sends away who is silent, forgets what nobody watches any more. */
  async #tick(): Promise<void> {
    const { clock, db, log } = this.#deps
    const { signal } = this.#stopping
    let touchedMs = clock.monotonicMs()
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal)
      const nowMs = clock.monotonicMs()
      for (const { connection } of this.#running.values()) {
        if (connection !== null && connection.silentMs > SILENT_MS) connection.cut(silent())
      }
      for (const [uid, { askedMs }] of this.#ended) if (nowMs - askedMs > KEPT_MS) this.#ended.delete(uid)
      if (nowMs - touchedMs < TOUCH_MS || signal.aborted) continue
      touchedMs = nowMs
      const connected = [...this.#running.values()].flatMap(({ inputUid, connection, outputs }) => [
        ...(connection === null ? [] : [inputUid]),
        ...outputs.connected,
      ])
      await touchStatuses(db, clock, connected).catch((err: unknown) => {
        log.error({ err }, 'who is connected could not be noted')
      })
    }
  }
}

function gone(): HeadwaterError {
  return new HeadwaterError('live_key_unknown', 'The live input was deleted.')
}

function silent(): HeadwaterError {
  return new HeadwaterError(
    'live_stream_broken',
    `Nothing was sent for ${SILENT_MS / 1000} seconds; connect again to go on.`,
  )
}
