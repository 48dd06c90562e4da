/** The client's side of one connection: from the handshake to the permission to publish, as ffmpeg asks for it. */

import type { Socket } from 'node:net'
import { HeadwaterError } from '../../lib/failure.ts'
import type { AmfValue } from '../../media/rtmp/amf-bytes.ts'
import { amfObject } from '../../media/rtmp/amf0.ts'
import { type Command, readCommand, textOf, writeCommand } from '../../media/rtmp/command.ts'
import { MESSAGE, type RtmpMessage } from '../../media/rtmp/message.ts'
import { CHUNK_STREAM, RtmpLink } from './link.ts'
import { CHUNK_BYTES } from './stream-writer.ts'
import type { RtmpTarget } from './target.ts'

/** Servers answer with commands only. */
const LONGEST_MESSAGE_BYTES = 65_536
/** What waits for a server on a slow line; beyond that units wait in their queue. */
const MOST_UNREAD_BYTES = 16 * 1024 ** 2
const LONGEST_DESCRIPTION = 300

/** Answers of the server are told apart by these. */
const TRANSACTION = { connect: 1, releaseStream: 2, fcPublish: 3, createStream: 4, publish: 5 } as const

export type ClientEvents = {
  /** The server takes the stream. */
  readonly onPublished: () => void
  /** Once, and last: the connection is over. */
  readonly onClosed: (error: Error) => void
}

/** Asks one server to take one stream. */
export class ClientSession {
  readonly link: RtmpLink
  readonly #target: RtmpTarget
  readonly #events: ClientEvents
  #streamId = 0
  #isPublished = false

  constructor(socket: Socket, target: RtmpTarget, events: ClientEvents) {
    this.#target = target
    this.#events = events
    this.link = new RtmpLink(socket, {
      role: 'client',
      maxMessageBytes: LONGEST_MESSAGE_BYTES,
      onReady: () => this.#connect(),
      onMessage: (message) => this.#take(message),
      onClosed: (error) =>
        events.onClosed(
          error ??
            failed(this.#isPublished ? 'closed the connection' : 'closed the connection without a word'),
        ),
    })
    this.link.allow({ messageBytes: LONGEST_MESSAGE_BYTES, unreadBytes: MOST_UNREAD_BYTES })
  }

  /** The stream to send on, once it was published. */
  get streamId(): number {
    return this.#streamId
  }

  /** Says that the stream ends, and closes. */
  end(): void {
    if (this.#isPublished) {
      this.#call('FCUnpublish', 6, null, this.#target.streamName)
      this.#call('deleteStream', 7, null, this.#streamId)
    }
    this.link.end()
  }

  #connect(): void {
    const { app, url } = this.#target
    this.link.setChunkSize(CHUNK_BYTES)
    const facts = { app, type: 'nonprivate', flashVer: 'FMLE/3.0 (compatible; Headwater)', tcUrl: url }
    this.#call('connect', TRANSACTION.connect, amfObject(facts))
  }

  #take(message: RtmpMessage): void {
    if (message.type !== MESSAGE.command && message.type !== MESSAGE.commandAmf3) return
    const command = readCommand(message)
    if (command.name === '_result') this.#goOn(command)
    else if (command.name === '_error') this.#takeError(command)
    else if (command.name === 'onStatus') this.#takeStatus(command)
    else if (command.name === 'close') this.link.fail(failed('closed the connection'))
  }

  #goOn({ transaction, args }: Command): void {
    const { streamName } = this.#target
    if (transaction === TRANSACTION.connect) {
      this.#call('releaseStream', TRANSACTION.releaseStream, null, streamName)
      this.#call('FCPublish', TRANSACTION.fcPublish, null, streamName)
      this.#call('createStream', TRANSACTION.createStream, null)
    } else if (transaction === TRANSACTION.createStream) {
      const [id] = args
      this.#streamId = typeof id === 'number' ? id >>> 0 : 1
      this.#call('publish', TRANSACTION.publish, null, streamName, 'live')
    }
  }

  /** Some servers do not know the two calls that nothing depends on. */
  #takeError({ transaction, object, args }: Command): void {
    if (transaction === TRANSACTION.releaseStream || transaction === TRANSACTION.fcPublish) return
    this.#refused(textOf(args[0], 'code') === '' ? object : args[0])
  }

  #takeStatus({ args }: Command): void {
    const [info] = args
    if (textOf(info, 'code') === 'NetStream.Publish.Start') {
      if (this.#isPublished) return
      this.#isPublished = true
      this.#events.onPublished()
    } else if (textOf(info, 'level') === 'error') {
      this.#refused(info)
    }
  }

  #refused(info: AmfValue): void {
    const words = [textOf(info, 'code'), textOf(info, 'description')].map(shown).filter((text) => text !== '')
    this.link.fail(failed(`refused the stream${words.length === 0 ? '' : ` (${words.join(': ')})`}`))
  }

  #call(name: string, transaction: number, object: AmfValue, ...args: readonly AmfValue[]): void {
    this.link.send({
      chunkStreamId: CHUNK_STREAM.command,
      type: MESSAGE.command,
      streamId: name === 'publish' ? this.#streamId : 0,
      timestamp: 0,
      payload: writeCommand(name, transaction, object, ...args),
    })
  }
}

/** `fetch_failed` about the other server. */
export function failed(what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('fetch_failed', `The server of the output ${what}.`, {
    facts: { mayPass: true },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Words of a stranger in a sentence of ours. */
function shown(text: string): string {
  return text
    .replaceAll(/[^\P{C}]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_DESCRIPTION)
}
