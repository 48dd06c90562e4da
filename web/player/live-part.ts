/**
 * What a player page does about a broadcast: it waits for it to begin, shows it, stays while the publisher is away, says
 * that it is over, and waits for the next one. One page may see many, without being loaded again.
 */

import type { PageLive, PageStatus } from '../../src/http/page-status.ts'
import type { Engine, EngineTrouble } from './engine.ts'
import { type LifecycleAnswer, LifecycleWatch } from './lifecycle.ts'
import type { LiveControls } from './live-controls.ts'
import { afterAnswer, type LiveStanding, NOT_STARTED } from './live-phase.ts'
import { chooseWay, type LiveWay } from './live-way.ts'
import type { NoticeContent } from './notice.ts'
import type { PlayerOptions } from './options.ts'
import { fetchStatus } from './status.ts'
import { followViewers } from './viewer-count.ts'

/** After an answer that there is nothing yet, though the broadcast runs: its first segment takes that long. */
const AGAIN_MS = 1_000
/** So often what is broadcast may be no matter for WebRTC before another way is taken. */
const MOST_REFUSALS = 3
/** A stop this long in a broadcast that runs is worth a question. */
const STALL_MS = 2_000

/** The page around it. */
export type LiveHost = {
  readonly media: HTMLVideoElement
  readonly controls: LiveControls
  readonly options: () => PlayerOptions
  readonly engine: () => Engine | undefined
  /** Attaches an engine in place of the present one. `plays`: it starts by itself. */
  begin(way: LiveWay, plays: boolean): Promise<void>
  /** Takes the engine away, and the controls. */
  clear(): void
  show(notice: NoticeContent): void
  /** Read aloud, for those who cannot see it. */
  say(sentence: string): void
  /** There is no such input or video any more. */
  onGone(): void
  /** The broadcast of a video is over; from now on it is a video like others. */
  onRecorded(): void
}

export class LivePart {
  readonly #host: LiveHost
  #live: PageLive
  #standing: LiveStanding = NOT_STARTED
  readonly #watch: LifecycleWatch
  /** Ends what belongs to one broadcast. */
  #broadcast = new AbortController()
  /** Whether the next broadcast starts by itself: for who has waited for it, or watched the one before. */
  #wanted: boolean
  #realTimeFailed = false
  #refusals = 0
  #way: LiveWay | null = null
  /** Whether anything has been shown. */
  #seen = false

  /** `live`: what is known of it when the page is loaded. */
  constructor(host: LiveHost, live: PageLive) {
    this.#host = host
    this.#live = live
    this.#wanted = host.options().autoplay
    const { media } = host
    media.addEventListener('ended', () => this.#onEnded())
    media.addEventListener('playing', () => {
      this.#refusals = 0
    })
    this.#askWhenStalled(media)
    if (live.running) host.show(STARTING)
    else this.#showIdle()
    this.#watch = new LifecycleWatch(
      'lifecycle',
      (answer) => this.#onAnswer(answer),
      () => this.#standing.phase === 'live' && !media.paused,
    )
  }

  /** Everything of the present broadcast has been shown. */
  onOver(): void {
    this.#end()
  }

  /** Answers whether the trouble is one of broadcasts, which is dealt with here. */
  onTrouble(trouble: EngineTrouble): boolean {
    if (trouble.kind !== 'unreachable' && trouble.kind !== 'status') return false
    if (this.#way?.kind === 'webrtc') this.#refusals += 1
    if (trouble.kind === 'unreachable' || this.#refusals >= MOST_REFUSALS) this.#realTimeFailed = true
    // What is loaded is of no use without more to come, except at the end.
    if (this.#standing.phase === 'ending') {
      this.#end()
      return true
    }
    this.#beginAnew()
    return true
  }

  stop(): void {
    this.#watch.stop()
    this.#broadcast.abort()
    this.#host.controls.hide()
  }

  #onAnswer(answer: LifecycleAnswer): void {
    if (answer === 'gone') {
      this.stop()
      this.#host.onGone()
      return
    }
    const before = this.#standing
    const { standing, begins } = afterAnswer(before, answer)
    this.#standing = standing
    if (begins) this.#begin().catch((error: unknown) => reportError(error))
    else if (standing.phase === before.phase) {
      if (standing.phase === 'idle') this.#onNothing()
      return
    }
    const host = this.#host
    const away = standing.phase === 'away'
    host.controls.note(away ? AWAY : null)
    if (before.phase === 'away' && standing.phase === 'live' && !begins) host.say('The broadcaster is back')
    if (standing.phase === 'ending') this.#finish()
  }

  /** Nobody is on air, though somebody was when the page was loaded or its engine gave up. */
  #onNothing(): void {
    if (!this.#live.running) return
    this.#live = { ...this.#live, running: false }
    if (this.#live.isInput && !this.#seen) this.#showIdle()
    else this.#end()
  }

  /** By the next answer. */
  #beginAnew(): void {
    this.#host.show(STARTING)
    this.#live = { ...this.#live, running: true }
    this.#standing = { ...this.#standing, phase: 'idle' }
    this.#wanted ||= !this.#host.media.paused
    this.#host.clear()
    setTimeout(() => this.#watch.ask(), AGAIN_MS)
  }

  async #begin(): Promise<void> {
    const host = this.#host
    this.#broadcast.abort()
    const broadcast = new AbortController()
    this.#broadcast = broadcast
    const { media, controls } = host
    if (host.engine() !== undefined) {
      this.#wanted ||= !media.paused
      host.clear()
    }
    await this.#refresh()
    if (broadcast.signal.aborted) return
    const { dvrEnabled } = host.options()
    const canRealTime = typeof RTCPeerConnection === 'function' && !this.#realTimeFailed
    const way = chooseWay(this.#live, host.options(), canRealTime)
    this.#way = way
    // In real time there is nothing to see of a publisher who is away.
    if (way === null || (way.kind === 'webrtc' && this.#standing.phase === 'away')) {
      host.show(way === null ? NO_WAY : AWAY_NOTICE)
      this.#standing = { ...this.#standing, phase: 'idle' }
      // Another try may find a better network.
      this.#realTimeFailed = false
      return
    }
    this.#seen = true
    controls.show(dvrEnabled && way.kind === 'hls')
    await host.begin(way, this.#wanted)
    if (this.#wanted) host.say('The stream has started')
    await followViewers('views', (count) => controls.countViewers(count), broadcast.signal)
  }

  /** How it is published may have changed since the page was loaded, or its owner has changed how it is watched. */
  async #refresh(): Promise<void> {
    const status = await fetchStatus('headwater/status.json').catch(() => undefined)
    if (isLiveStatus(status)) this.#live = status.live
  }

  #finish(): void {
    const { media } = this.#host
    this.#wanted = !media.paused
    // Who has paused sees the end, too, unless there is something to go back to.
    const isWatching = !media.paused || (this.#host.options().dvrEnabled && media.played.length > 0)
    const engine = this.#host.engine()
    if (engine === undefined || !isWatching) this.#end()
    else {
      this.#host.controls.over()
      engine.finish()
    }
  }

  #onEnded(): void {
    // A connection has ended; what of it the broadcast has is asked.
    if (this.#way?.kind === 'webrtc' && this.#standing.phase !== 'ending') this.#beginAnew()
    else this.#end()
  }

  #end(): void {
    if (this.#standing.phase === 'ended') return
    // An element that has ended is paused, too.
    this.#wanted = this.#host.media.ended || !this.#host.media.paused
    this.#standing = { ...this.#standing, phase: 'ended' }
    this.#broadcast.abort()
    this.#realTimeFailed = false
    const host = this.#host
    host.controls.hide()
    host.clear()
    host.show(this.#live.isInput ? ENDED : RECORDING)
    if (this.#live.isInput) return
    this.stop()
    host.onRecorded()
  }

  #showIdle(): void {
    this.#wanted = true
    this.#host.show(IDLE)
  }

  /** When the pictures stop, the publisher may have: then that is said at once, and not with the next question. */
  #askWhenStalled(media: HTMLVideoElement): void {
    let timer: ReturnType<typeof setTimeout> | undefined
    media.addEventListener('waiting', () => {
      clearTimeout(timer)
      timer = setTimeout(() => this.#watch.ask(), STALL_MS)
    })
    for (const type of ['playing', 'pause'] as const) media.addEventListener(type, () => clearTimeout(timer))
  }
}

function isLiveStatus(status: unknown): status is PageStatus & { readonly live: PageLive } {
  return typeof status === 'object' && status !== null && 'live' in status && status.live !== null
}

const AWAY = 'The broadcaster is away. It goes on by itself.'

const IDLE: NoticeContent = {
  tone: 'calm',
  title: 'Stream has not started yet',
  sentence: 'It will begin here by itself.',
}
const STARTING: NoticeContent = { tone: 'waiting', title: 'The stream is starting' }
const ENDED: NoticeContent = {
  tone: 'calm',
  title: 'The stream has ended',
  sentence: 'The next one will begin here by itself.',
}
const RECORDING: NoticeContent = {
  tone: 'calm',
  title: 'The stream has ended',
  sentence: 'Its recording will be here in a moment.',
}
const AWAY_NOTICE: NoticeContent = {
  tone: 'calm',
  title: 'The broadcaster is away',
  sentence: 'The stream goes on here by itself.',
}
const NO_WAY: NoticeContent = {
  tone: 'wrong',
  title: 'The stream does not get through',
  sentence:
    'It is sent in real time only, and this browser or its network does not let that in. Trying again …',
}
