/** Sends a broadcast on to other servers while it runs (live.md §8): one run per enabled output, each on its own. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { Feed, LiveProtocol, LiveSender } from '../../live-ports.ts'
import type { Clock, Fetcher } from '../../ports.ts'
import type { LiveOutput } from '../live-inputs/index.ts'
import type { Statuses } from './statuses.ts'

export type OutputsDeps = {
  readonly clock: Clock
  readonly fetcher: Pick<Fetcher, 'findAddresses'>
  readonly senders: readonly LiveSender[]
  readonly statuses: Pick<Statuses, 'enter'>
  readonly log: Log
  /** The outputs as they are now. */
  readonly list: () => Promise<readonly LiveOutput[]>
  /** In H.264 and AAC; undefined where it cannot be had. */
  readonly feed: () => Feed | undefined
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
/** A connection that held so long was a good one: the next pause is the shortest again. */
const GOOD_MS = 60_000
const CONNECT_MS = 20_000

export class Outputs {
  readonly #deps: OutputsDeps
  readonly #runs = new Map<string, OutputRun>()
  #isRunning = false
  #looking: Promise<void> = Promise.resolve()

  constructor(deps: OutputsDeps) {
    this.#deps = deps
  }

  /** Uids of those that are connected. */
  get connected(): readonly string[] {
    return [...this.#runs].filter(([, run]) => run.isConnected).map(([uid]) => uid)
  }

  /** There is something to send. */
  start(): void {
    this.#isRunning = true
    this.look()
  }

  /** Starts and stops what has been added, enabled, disabled and deleted. */
  look(): void {
    if (!this.#isRunning) return
    this.#looking = this.#looking
      .then(() => this.#reconcile())
      .catch((err: unknown) =>
        this.#deps.log.error({ err }, 'the outputs of a broadcast could not be looked up'),
      )
  }

  /** Nothing more is sent; every connection is closed. */
  async stop(): Promise<void> {
    this.#isRunning = false
    await this.#looking
    await Promise.all([...this.#runs.values()].map((run) => run.stop()))
    this.#runs.clear()
  }

  async #reconcile(): Promise<void> {
    const outputs = await this.#deps.list()
    const wanted = new Map(outputs.filter(({ enabled }) => enabled).map((output) => [output.uid, output]))
    for (const [uid, run] of this.#runs) {
      if (wanted.has(uid) && this.#isRunning) continue
      this.#runs.delete(uid)
      void run.stop()
    }
    if (!this.#isRunning) return
    for (const [uid, output] of wanted) {
      if (!this.#runs.has(uid)) this.#runs.set(uid, new OutputRun(this.#deps, output))
    }
  }
}

/** One output, from its start to its stop. */
class OutputRun {
  readonly #deps: OutputsDeps
  readonly #output: LiveOutput
  readonly #stopping = new AbortController()
  readonly #protocol: LiveProtocol
  readonly #running: Promise<void>
  #wasConnected = false
  #isFailing = false
  isConnected = false

  constructor(deps: OutputsDeps, output: LiveOutput) {
    this.#deps = deps
    this.#output = output
    this.#protocol = output.url.startsWith('srt:') ? 'srt' : 'rtmp'
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the output is stopped'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, statuses } = this.#deps
    const { signal } = this.#stopping
    let pauseMs = FIRST_PAUSE_MS
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs()
      try {
        const lost = await this.#sendOnce()
        if (lost !== undefined) this.#tell(lost, 'reconnecting')
      } catch (error) {
        if (!signal.aborted)
          this.#tell(error, this.#wasConnected ? 'failed_to_reconnect' : 'failed_to_connect')
      }
      if (signal.aborted) break
      if (clock.monotonicMs() - startedMs >= GOOD_MS) pauseMs = FIRST_PAUSE_MS
      await clock.sleep(pauseMs, signal)
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    }
    if (this.#wasConnected || this.#isFailing) {
      statuses.enter(this.#output.uid, {
        state: 'disconnected',
        reason: 'client_disconnect',
        protocol: this.#protocol,
      })
    }
  }

  /** Connects and sends until the connection is lost (answers why) or this run is stopped. */
  async #sendOnce(): Promise<Error | undefined> {
    const { fetcher, senders, statuses } = this.#deps
    const { url, streamKey, uid } = this.#output
    const { signal } = this.#stopping
    const { protocol, hostname } = new URL(url)
    const sender = senders.find(({ schemes }) => schemes.includes(protocol.slice(0, -1)))
    if (sender === undefined) {
      throw new HeadwaterError('fetch_failed', `This server cannot send by ${protocol.slice(0, -1)}.`)
    }
    const feed = this.#deps.feed()
    if (feed === undefined) {
      throw new HeadwaterError('fetch_failed', 'The broadcast cannot be had in H.264 and AAC.')
    }
    const [address] = await fetcher.findAddresses(hostname.replace(/^\[|\]$/g, ''), { signal })
    if (address === undefined) throw new HeadwaterError('fetch_failed', `${hostname} has no address.`)
    const lost = Promise.withResolvers<Error>()
    const connecting = new AbortController()
    const slow = new AbortController()
    void this.#deps.clock.sleep(CONNECT_MS, slow.signal).then(() => {
      if (!slow.signal.aborted) {
        connecting.abort(
          new HeadwaterError(
            'fetch_failed',
            `${hostname} did not take the stream within ${CONNECT_MS / 1000} seconds.`,
          ),
        )
      }
    })
    const connection = await sender
      .connect({
        url,
        streamKey,
        address,
        signal: AbortSignal.any([signal, connecting.signal]),
        onLost: lost.resolve,
      })
      .finally(() => slow.abort())
    // It was not wanted any more when it came about.
    if (signal.aborted) {
      await connection.close()
      return undefined
    }
    this.isConnected = true
    const reason = this.#wasConnected ? 'reconnected' : 'connected'
    this.#wasConnected = true
    this.#isFailing = false
    statuses.enter(uid, { state: 'connected', reason, protocol: this.#protocol })
    const leave = feed.listen(connection)
    const stopped = Promise.withResolvers<undefined>()
    const onStop = () => stopped.resolve(undefined)
    signal.addEventListener('abort', onStop, { once: true })
    if (signal.aborted) onStop()
    try {
      return await Promise.race([lost.promise, stopped.promise])
    } finally {
      signal.removeEventListener('abort', onStop)
      this.isConnected = false
      leave()
      await connection.close()
    }
  }

  /** Once per row of failures. The key is never in it: senders and the fetcher do not say it. */
  #tell(error: unknown, reason: 'reconnecting' | 'failed_to_connect' | 'failed_to_reconnect'): void {
    const { log, statuses } = this.#deps
    const { uid } = this.#output
    if (this.#isFailing) return
    this.#isFailing = reason !== 'reconnecting'
    log.warn(
      { err: error, outputUid: uid, reason },
      'an output is not connected; it is tried again and again',
    )
    statuses.enter(uid, { state: 'disconnected', reason, protocol: this.#protocol })
  }
}
