/**
 * The server's side of one connection: the commands by which clients publish and play (RTMP 1.0 §7.2, and what OBS, ffmpeg
 * and GStreamer call besides), from `connect` to the end.
 */

import { type HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { AmfValue } from '../../media/rtmp/amf-bytes.ts'
import { amfObject } from '../../media/rtmp/amf0.ts'
import { type Command, findStreamKey, readCommand, textOf, writeCommand } from '../../media/rtmp/command.ts'
import { broken, CONTROL, MESSAGE, type RtmpMessage, u32 } from '../../media/rtmp/message.ts'
import { ACKNOWLEDGEMENT_WINDOW } from '../../media/rtmp/peer.ts'
import type { LiveCaller, LiveDoor } from '../../live-ports.ts'
import { CHUNK_STREAM, RtmpLink } from './link.ts'
import { asFailure, Publisher } from './publisher.ts'
import { Player } from './player.ts'
import { CHUNK_BYTES } from './stream-writer.ts'
import { playCode, publishCode, sentenceOf, statusOf } from './status.ts'
import type { QueueLimits } from './unit-queue.ts'

/** What commands need, and nothing before somebody was let in. */
const SMALL_MESSAGE_BYTES = 65_536
/** A key frame of 20 Mbit/s has one, perhaps two. */
const LONGEST_MESSAGE_BYTES = 8 * 1024 ** 2
const MOST_UNREAD_BYTES = 16 * 1024 ** 2
/** Before anybody is known: a client sends seven or eight, and each costs time to read. */
const MOST_STRANGERS_MESSAGES = 100
/** A client makes one or two. */
const MOST_STREAMS = 16

/** Milliseconds that each step may take. */
export type SessionLimits = {
  readonly handshakeMs: number
  /** From the connection until somebody publishes or plays. */
  readonly firstStreamMs: number
  /** Without sound or picture: the publisher is lost. */
  readonly silenceMs: number
  /** A player takes nothing at all. */
  readonly stalledMs: number
  /** A player is behind all this time. */
  readonly behindMs: number
  readonly queue: Partial<QueueLimits>
}

/** As clients on slow lines need them. */
export const SESSION_LIMITS: SessionLimits = {
  handshakeMs: 5_000,
  firstStreamMs: 10_000,
  silenceMs: 12_000,
  stalledMs: 10_000,
  behindMs: 30_000,
  queue: {},
}

export type SessionDeps = {
  readonly door: LiveDoor
  readonly log: Log
  readonly remote: string
  readonly limits: SessionLimits
  /** It publishes or plays, so it is known. */
  readonly onAccepted: () => void
}

/** What the connection is for, so far. */
type Activity =
  | { readonly is: 'idle' }
  /** The door is being asked; what comes meanwhile waits. */
  | { readonly is: 'asking'; readonly held: RtmpMessage[] }
  | { readonly is: 'publishing'; readonly publisher: Publisher; readonly streamId: number }
  | { readonly is: 'playing'; readonly player: Player; readonly streamId: number }
  | { readonly is: 'closed' }

/** One client. */
export class Session {
  readonly #deps: SessionDeps
  readonly #link: RtmpLink
  #activity: Activity = { is: 'idle' }
  #app: string | undefined
  #streams = 0
  #isReady = false
  #isAccepted = false
  #strangersMessages = 0
  readonly #startedMs = performance.now()
  /** When it began to do nothing. */
  #idleMs = this.#startedMs
  #lastMediaMs = 0

  /** `socket`: what came in, before its first byte was read. */
  constructor(socket: ConstructorParameters<typeof RtmpLink>[0], deps: SessionDeps) {
    this.#deps = deps
    this.#link = new RtmpLink(socket, {
      role: 'server',
      maxMessageBytes: SMALL_MESSAGE_BYTES,
      onReady: () => {
        this.#isReady = true
      },
      onMessage: (message) => this.#take(message),
      onClosed: (error) => this.#close(error),
    })
  }

  /** To be called every second or so: ends who takes too long. */
  checkTime(nowMs: number): void {
    const { limits } = this.#deps
    const { is } = this.#activity
    if (!this.#isReady && nowMs - this.#startedMs > limits.handshakeMs) {
      this.#link.cut(new Error('The handshake took too long.'))
    } else if (is === 'idle' && nowMs - this.#idleMs > limits.firstStreamMs) {
      this.#link.cut(new Error('Nothing was published or played.'))
    } else if (is === 'publishing' && nowMs - this.#lastMediaMs > limits.silenceMs) {
      this.#link.cut(new Error('The publisher fell silent.'))
    } else if (this.#activity.is === 'playing') {
      const isStalled = this.#link.stalledMs(nowMs) > limits.stalledMs
      if (isStalled || this.#activity.player.behindMs > limits.behindMs) {
        this.#link.cut(new Error('The player is too slow for the stream.'))
      }
    }
  }

  /** The server stops. */
  stop(): void {
    this.#endActivity('lost')
    this.#link.cut()
  }

  #take(message: RtmpMessage): void {
    const activity = this.#activity
    if (!this.#isAccepted) this.#strangersMessages += 1
    if (this.#strangersMessages > MOST_STRANGERS_MESSAGES) {
      throw broken(
        `More than ${MOST_STRANGERS_MESSAGES} messages came before anything was published or played.`,
      )
    }
    if (activity.is === 'asking') {
      activity.held.push(message)
      return
    }
    if (message.type === MESSAGE.command || message.type === MESSAGE.commandAmf3) {
      this.#call(readCommand(message), message.streamId)
    } else if (activity.is === 'publishing') {
      this.#lastMediaMs = performance.now()
      try {
        activity.publisher.take(message)
      } catch (error) {
        this.#refusePublisher(activity, asFailure(error))
      }
    }
  }

  #call(command: Command, streamId: number): void {
    const { name, transaction } = command
    if (name === 'connect') return this.#connect(command)
    if (this.#app === undefined)
      throw broken(`The first command was "${name.slice(0, 40)}", expected "connect".`)
    switch (name) {
      case 'createStream':
        return this.#createStream(transaction)
      case 'publish':
        return this.#begin(streamId, command, (key) => this.#publish(key, streamId))
      case 'play':
        return this.#begin(streamId, command, (key) => this.#play(key, streamId))
      case 'FCUnpublish':
      case 'closeStream':
      case 'deleteStream':
        return this.#endStream()
      case 'FCPublish':
        this.#answer(transaction, undefined)
        return this.#tell(0, 'onFCPublish', 'NetStream.Publish.Start')
      case 'FCSubscribe':
        return this.#tell(0, 'onFCSubscribe', 'NetStream.Play.Start')
      case 'getStreamLength':
        // It has none.
        return this.#answer(transaction, 0)
      case 'releaseStream':
      case '_checkbw':
        return this.#answer(transaction, undefined)
      default:
      // Whatever else clients call is news of theirs that needs no answer.
    }
  }

  #connect({ transaction, object }: Command): void {
    if (this.#app !== undefined) throw broken('The client connected twice on one connection.')
    this.#app = textOf(object, 'app')
    this.#link.control(MESSAGE.windowAcknowledgementSize, u32(ACKNOWLEDGEMENT_WINDOW))
    // §5.4.5: 2, the limit may be exceeded where it was before.
    this.#link.control(MESSAGE.setPeerBandwidth, Uint8Array.of(...u32(ACKNOWLEDGEMENT_WINDOW), 2))
    this.#link.setChunkSize(CHUNK_BYTES)
    const asksCodecs = object instanceof Map && object.has('fourCcList')
    this.#command(
      0,
      '_result',
      transaction,
      amfObject({ fmsVer: 'FMS/3,5,7,7009', capabilities: 31, mode: 1 }),
      [
        amfObject({
          level: 'status',
          code: 'NetConnection.Connect.Success',
          description: 'Connected.',
          // AMF 0, whatever was offered.
          objectEncoding: 0,
          // Enhanced RTMP, "Enhancing NetConnection connect": what is understood of what was asked for.
          ...(asksCodecs && { fourCcList: ['avc1', 'mp4a'] }),
        }),
      ],
    )
  }

  #createStream(transaction: number): void {
    if (this.#streams >= MOST_STREAMS) throw broken(`More than ${MOST_STREAMS} streams were created.`)
    this.#streams += 1
    this.#answer(transaction, this.#streams)
  }

  /** Asks the door, and holds what comes until it has answered. */
  #begin(streamId: number, { args }: Command, ask: (key: string) => Promise<void>): void {
    if (this.#activity.is !== 'idle') throw broken('A second stream was begun on one connection.')
    if (streamId === 0) throw broken('A stream was begun that was not created.')
    const [name] = args
    const key = findStreamKey(this.#app ?? '', typeof name === 'string' ? name : '')
    const held: RtmpMessage[] = []
    this.#activity = { is: 'asking', held }
    this.#link.pause()
    ask(key)
      .then(() => {
        this.#link.resume()
        for (const message of held) this.#take(message)
      })
      .catch((error: unknown) => this.#link.fail(asFailure(error)))
  }

  async #publish(key: string, streamId: number): Promise<void> {
    const { door, log } = this.#deps
    try {
      const publishing = await door.publish(this.#caller(key, streamId, publishCode))
      const publisher = new Publisher(publishing, log)
      if (this.#activity.is !== 'asking') return publisher.end('lost')
      this.#lastMediaMs = performance.now()
      this.#activity = { is: 'publishing', publisher, streamId }
    } catch (error) {
      return this.#refuse(streamId, publishCode(error), error)
    }
    this.#accept(LONGEST_MESSAGE_BYTES)
    this.#link.event(CONTROL.streamBegin, streamId)
    this.#tell(streamId, 'onStatus', 'NetStream.Publish.Start')
  }

  async #play(key: string, streamId: number): Promise<void> {
    const { door, limits } = this.#deps
    try {
      const caller = this.#caller(key, streamId, playCode)
      const feed = await door.play(caller, { video: ['avc'], audio: ['aac'] })
      if (this.#activity.is !== 'asking') return
      this.#accept(SMALL_MESSAGE_BYTES)
      this.#link.event(CONTROL.streamBegin, streamId)
      this.#tell(streamId, 'onStatus', 'NetStream.Play.Reset')
      this.#tell(streamId, 'onStatus', 'NetStream.Play.Start')
      const onEnd = () => this.#endPlaying(streamId)
      const player = new Player(this.#link, feed, { streamId, onEnd, queue: limits.queue })
      // It may have ended while it was told what there was.
      if (this.#activity.is === 'asking') this.#activity = { is: 'playing', player, streamId }
      else player.stop()
    } catch (error) {
      this.#refuse(streamId, playCode(error), error)
    }
  }

  #caller(key: string, streamId: number, codeOf: (error: unknown) => string): LiveCaller {
    return {
      protocol: 'rtmp',
      key,
      remote: this.#deps.remote,
      onCut: (reason) => {
        this.#endActivity('lost')
        this.#refuse(streamId, codeOf(reason), reason)
      },
    }
  }

  #accept(messageBytes: number): void {
    this.#isAccepted = true
    this.#strangersMessages = 0
    this.#link.allow({ messageBytes, unreadBytes: MOST_UNREAD_BYTES })
    this.#deps.onAccepted()
  }

  #refuse(streamId: number, code: string, error: unknown): void {
    this.#command(streamId, 'onStatus', 0, null, [statusOf('error', code, sentenceOf(error))])
    this.#link.fail(asFailure(error))
  }

  #refusePublisher(
    { publisher, streamId }: { publisher: Publisher; streamId: number },
    error: HeadwaterError,
  ): void {
    publisher.end('lost', error)
    this.#refuse(streamId, 'NetStream.Publish.Denied', error)
  }

  /** The client says that it is done; it may begin again. */
  #endStream(): void {
    const activity = this.#activity
    if (activity.is === 'publishing') {
      this.#endActivity('clean')
      this.#tell(activity.streamId, 'onStatus', 'NetStream.Unpublish.Success')
    } else if (activity.is === 'playing') {
      this.#endActivity('clean')
      this.#tell(activity.streamId, 'onStatus', 'NetStream.Play.Stop')
    }
  }

  /** The broadcast is over. */
  #endPlaying(streamId: number): void {
    this.#activity = { is: 'closed' }
    this.#link.event(CONTROL.streamEnd, streamId)
    this.#tell(streamId, 'onStatus', 'NetStream.Play.UnpublishNotify')
    this.#tell(streamId, 'onStatus', 'NetStream.Play.Stop')
    this.#link.end()
  }

  #endActivity(how: 'clean' | 'lost', why?: HeadwaterError): void {
    const activity = this.#activity
    this.#activity = { is: 'idle' }
    this.#idleMs = performance.now()
    if (activity.is === 'publishing') activity.publisher.end(how, why)
    if (activity.is === 'playing') activity.player.stop()
  }

  #close(error: Error | undefined): void {
    const { log, remote } = this.#deps
    if (isFailure(error) && error.kind === 'bug')
      log.error({ remote, err: error }, 'an rtmp connection failed')
    const dropped = this.#activity.is === 'playing' ? { dropped: this.#activity.player.dropped } : {}
    const was = this.#activity.is
    this.#endActivity('lost', isFailure(error) ? error : undefined)
    this.#activity = { is: 'closed' }
    log.debug({ remote, was, ...dropped, ...(error && { reason: error.message }) }, 'rtmp connection closed')
  }

  #answer(transaction: number, value: AmfValue): void {
    if (transaction !== 0) this.#command(0, '_result', transaction, null, [value])
  }

  #tell(streamId: number, name: string, code: string): void {
    this.#command(streamId, name, 0, null, [statusOf('status', code, '')])
  }

  #command(
    streamId: number,
    name: string,
    transaction: number,
    object: AmfValue,
    args: readonly AmfValue[],
  ): void {
    this.#link.send({
      chunkStreamId: CHUNK_STREAM.command,
      type: MESSAGE.command,
      streamId,
      timestamp: 0,
      payload: writeCommand(name, transaction, object, ...args),
    })
  }
}
