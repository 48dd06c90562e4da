/**
 * One continuous programme of an input, over the connections of its publisher: it waits for him in its window, and is over
 * when that has passed. Everybody listens to its feed: recording, outputs, players.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { SteadyTimes } from '../../media/live/steady-times.ts'
import type { AccessUnit, LiveFormat } from '../../media/live/units.ts'
import type { Feed, LiveCaller, LiveProtocol } from '../../live-ports.ts'
import type { StartLadder } from '../live-conversion/index.ts'
import { type LiveInput, type LiveReason, recordErrored } from '../live-inputs/index.ts'
import type { LiveErrorCode } from '../webhooks/index.ts'
import { type Connection, type Intake, isSame } from './connection.ts'
import { LiveFeed } from './live-feed.ts'
import { LiveRecording, type LiveRecordingDeps, type LiveRecordingOptions } from './live-recording.ts'
import type { Outputs } from './outputs.ts'
import type { Statuses } from './statuses.ts'
import { StreamWatch } from './watch-stream.ts'

export type BroadcastDeps = LiveRecordingDeps & {
  readonly statuses: Statuses
  /** The feed in H.264 and AAC; undefined where it cannot be had. */
  readonly playable: (feed: LiveFeed) => Feed | undefined
  /** Makes lower rungs of it; absent or null where there are none. */
  readonly startLadder?: StartLadder | null
  readonly createOutputs: (broadcast: Broadcast) => Outputs
}

export type BroadcastOptions = {
  readonly input: LiveInput
  /** A recording has ended, or the whole broadcast with it: it is to be handed to its video. */
  readonly onRecorded: (recording: LiveRecording) => void
  /** Nobody publishes it any more, and nobody will. */
  readonly onOver: (broadcast: Broadcast) => void
  /** What a restart goes on with. */
  readonly restored?: NonNullable<LiveRecordingOptions['restored']> & {
    readonly formats: readonly LiveFormat[]
  }
  /** It ran before a restart, and nothing of it is recorded: only its window goes on. */
  readonly resumed?: { readonly protocol: LiveProtocol }
}

/** live.md §4: the window where the input says nothing. */
const DEFAULT_WINDOW_SECONDS = 60

/** How long a broadcast of such an input waits for its publisher. */
export function windowMs({ timeoutSeconds }: LiveInput['recording']): number {
  return (timeoutSeconds || DEFAULT_WINDOW_SECONDS) * 1000
}

/** Whether a broadcast of which the last run knew may still go on, so long after its publisher was heard. */
export function mayGoOn({ enabled, recording }: LiveInput, passedMs: number): boolean {
  return enabled && passedMs < windowMs(recording)
}

const CODEC_ERRORS: Readonly<Record<string, LiveErrorCode>> = {
  live_video_codec_unsupported: 'ERR_UNSUPPORTED_VIDEO_CODEC',
  live_audio_codec_unsupported: 'ERR_UNSUPPORTED_AUDIO_CODEC',
}
const CODEC_NAMES = { avc: 'h264', vp8: 'vp8', aac: 'aac', opus: 'opus' } as const

export class Broadcast implements Intake {
  readonly inputUid: string
  readonly feed: LiveFeed
  /** Those who watch it by a key, to be sent away with its publisher. */
  readonly players = new Players()
  readonly #deps: BroadcastDeps
  readonly #options: BroadcastOptions
  readonly #outputs: Outputs
  readonly #times: SteadyTimes
  #input: LiveInput
  #connection: Connection | null = null
  #protocol: LiveProtocol = 'rtmp'
  #recording: LiveRecording | null = null
  #leaveRecording: () => void = () => {}
  #watch: StreamWatch | null = null
  #window: AbortController | null = null
  #isOver = false
  /** It has been as long as one may be; the rest is only passed on. */
  #isRecorded = false
  /** Something of it has come, perhaps before a restart. */
  #hasUnits = false
  /** Its outputs have been started. */
  #isSentOn = false

  constructor(deps: BroadcastDeps, options: BroadcastOptions) {
    const { input, restored } = options
    this.#deps = deps
    this.#options = options
    this.#input = input
    this.inputUid = input.uid
    this.feed = new LiveFeed((err) =>
      deps.log.error({ err, inputUid: input.uid }, 'a listener of a broadcast failed'),
    )
    this.#times = new SteadyTimes(restored?.package.endTicks)
    this.#outputs = deps.createOutputs(this)
    const protocol = restored?.record.protocol ?? options.resumed?.protocol
    if (protocol === undefined) return
    this.#protocol = protocol
    this.#hasUnits = true
    if (restored === undefined) return
    for (const format of restored.formats) this.feed.format(format)
    this.#record(restored)
  }

  get connection(): Connection | null {
    return this.#connection
  }

  get protocol(): LiveProtocol {
    return this.#protocol
  }

  /** What is watched by HLS and DASH and becomes a video; null where that is switched off, or nothing has come yet. */
  get recording(): LiveRecording | null {
    return this.#recording
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** What is sent on, for `touchStatuses`. */
  get outputs(): Outputs {
    return this.#outputs
  }

  /** A publisher comes, or comes back. To be called when there is no other. */
  join(connection: Connection): void {
    this.#window?.abort()
    this.#window = null
    const isBack = this.#connection !== null || this.#hasUnits
    this.#connection = connection
    this.#protocol = connection.protocol
    this.#watch = new StreamWatch({ asksForKeyFrames: connection.protocol === 'webrtc' })
    if (this.#hasUnits) this.#times.reconnect()
    connection.lead(this)
    this.#enter('connected', isBack ? 'reconnected' : 'connected')
    this.#recording?.publishBy(connection.protocol).catch((err: unknown) => {
      this.#deps.log.error({ err, inputUid: this.inputUid }, 'who publishes could not be recorded')
    })
  }

  takes(format: LiveFormat): boolean {
    const known = format.kind === 'video' ? this.feed.video : this.feed.audio
    if (known === null) return this.#recording?.takesNew(format.kind) ?? true
    return format.kind === 'video' ? known.codec === format.codec : isSame(format, known)
  }

  format(format: LiveFormat): void {
    const known = format.kind === 'video' ? this.feed.video : this.feed.audio
    if (isSame(format, known)) return
    this.feed.format(format)
    if (known !== null && this.#connection !== null) this.#enter('connected', 'new_configuration_accepted')
  }

  unit(unit: AccessUnit): void {
    if (this.feed[unit.kind] === null) return
    for (const steady of this.#times.take(unit)) {
      if (this.#isOver || this.#connection === null) return
      this.#take(steady)
    }
  }

  leave(connection: Connection, how: 'clean' | 'lost', why?: HeadwaterError): void {
    if (this.#connection !== connection) return
    this.#connection = null
    const code = why && CODEC_ERRORS[why.code]
    if (why !== undefined)
      this.#deps.log.info({ err: why, inputUid: this.inputUid }, 'a publisher was sent away')
    if (code !== undefined) this.#report(code, why?.message, why?.facts)
    if (code !== undefined && !this.#hasUnits) {
      this.#enter('disconnected', 'failed_to_connect')
      return this.#over()
    }
    this.#enter('disconnected', reasonOf(how, code !== undefined))
    // Tells everybody, and finishes the part that was being made.
    this.feed.gap()
    this.#recording?.flush().catch((err: unknown) => {
      this.#deps.log.error({ err, inputUid: this.inputUid }, 'a recording could not be synced')
    })
    this.waitInWindow(0)
  }

  /** Waits for the publisher; `passedMs` of the window have passed already. */
  waitInWindow(passedMs: number): void {
    const waiting = new AbortController()
    this.#window = waiting
    const leftMs = Math.max(0, windowMs(this.#input.recording) - passedMs)
    void this.#deps.clock.sleep(leftMs, waiting.signal).then(() => {
      if (waiting.signal.aborted || this.#isOver) return
      this.#enter('disconnected', 'ttl_exceeded')
      this.#over()
    })
  }

  /** The input was edited. */
  change(input: LiveInput): void {
    this.#input = input
    if (this.#recording !== null) this.#recording.input = input
    if (this.#connection !== null) this.#enter('connected', 'new_configuration_accepted')
    if (input.recording.mode === 'off') this.#endRecording()
    // Else it begins with the next sync picture.
  }

  /** Ends at once, without a window: its input is not there for it any more. `reason` is what its publisher is told. */
  cut(reason: HeadwaterError): void {
    if (this.#isOver) return
    const connection = this.#connection
    this.#connection = null
    if (connection !== null || this.#window !== null) this.#enter('disconnected', 'ttl_exceeded')
    this.#over()
    connection?.cut(reason)
    this.players.cut(reason)
  }

  /** Another broadcast of the same connection follows at once: nothing is told of the connection. */
  giveWay(): void {
    this.#connection = null
    this.#over()
  }

  /** The server ends: what is recorded waits for the next start. */
  async putDown(): Promise<void> {
    this.#isOver = true
    this.#window?.abort()
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) this.#enter('disconnected', 'reconnecting')
    this.#leaveRecording()
    this.feed.end()
    connection?.cut(
      new HeadwaterError('live_not_started', 'The server is being stopped; connect again in a moment.'),
    )
    await this.#outputs.stop()
    const recording = this.#recording
    this.#recording = null
    await recording?.putDown()
  }

  #take(unit: AccessUnit): void {
    const finding = this.#watch?.look(unit)
    if (finding !== undefined && finding.code !== null) this.#report(finding.code, finding.sentence)
    if (finding?.isFatal === true) {
      return this.#connection?.cut(new HeadwaterError('live_stream_broken', finding.sentence))
    }
    this.#hasUnits = true
    if (!this.#isSentOn) {
      this.#isSentOn = true
      this.#outputs.start()
    }
    const isBegin = unit.isSync && (unit.kind === 'video' || this.feed.video === null)
    // Another one goes on with this very picture.
    if (isBegin && this.#recording?.isFull) this.#endRecording()
    this.feed.unit(unit)
    const mayBegin = isBegin && !this.#isRecorded
    if (mayBegin && this.#recording === null && this.#input.recording.mode === 'automatic') this.#record()
  }

  #record(restored?: BroadcastOptions['restored']): void {
    const playable = this.#deps.playable(this.feed)
    if (playable === undefined) {
      this.#isRecorded = true
      this.#deps.log.warn(
        { inputUid: this.inputUid, video: this.feed.video?.codec, audio: this.feed.audio?.codec },
        'a broadcast is not recorded: there is no way from its codecs to H.264 and AAC',
      )
      return
    }
    this.#recording = new LiveRecording(this.#deps, {
      input: this.#input,
      protocol: this.#protocol,
      onHole: (cause) => this.#reportHole(cause),
      onTooLong: () => {
        this.#isRecorded = true
        this.#endRecording()
      },
      ...(restored && { restored }),
    })
    const recording = this.#recording
    const leave = playable.listen(recording.listener)
    const ladder = this.#deps.startLadder?.({
      label: this.inputUid,
      source: playable,
      addRung: (name) => recording.addRung(name),
    })
    this.#leaveRecording = () => {
      ladder?.stop()
      leave()
    }
  }

  #endRecording(): void {
    const recording = this.#recording
    if (recording === null) return
    this.#recording = null
    this.#leaveRecording()
    this.#options.onRecorded(recording)
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#window?.abort()
    this.#endRecording()
    this.feed.end()
    void this.#outputs.stop()
    this.#options.onOver(this)
  }

  #enter(state: 'connected' | 'disconnected', reason: LiveReason): void {
    this.#deps.statuses.enter(this.inputUid, { state, reason, protocol: this.#protocol })
  }

  #reportHole(cause: unknown): void {
    this.#deps.log.error(
      { err: cause, inputUid: this.inputUid },
      'a recording has a hole: the disk did not take it',
    )
    this.#report(
      'ERR_STORAGE_QUOTA_EXHAUSTED',
      'The disk does not take the recording; the broadcast goes on.',
    )
  }

  #report(code: LiveErrorCode, message?: string, facts: HeadwaterError['facts'] = {}): void {
    const nameOf = (fact: unknown, format: LiveFormat | null): string =>
      typeof fact === 'string' ? fact : format === null ? '' : CODEC_NAMES[format.codec]
    const error = {
      code,
      ...(message !== undefined && { message }),
      videoCodec: nameOf(facts.videoCodec, this.feed.video),
      audioCodec: nameOf(facts.audioCodec, this.feed.audio),
    }
    this.#deps.statuses.write((trx) => recordErrored(trx, this.#deps, this.inputUid, error))
  }
}

/** Players by their callers. */
class Players {
  readonly #callers = new Set<LiveCaller>()

  /** Answers how to forget it. */
  add(caller: LiveCaller): () => void {
    this.#callers.add(caller)
    return () => this.#callers.delete(caller)
  }

  cut(reason: HeadwaterError): void {
    const callers = [...this.#callers]
    this.#callers.clear()
    for (const caller of callers) caller.onCut(reason)
  }
}

function reasonOf(how: 'clean' | 'lost', wasRefused: boolean): LiveReason {
  if (wasRefused) return 'failed_to_reconnect'
  return how === 'clean' ? 'client_disconnect' : 'reconnecting'
}
