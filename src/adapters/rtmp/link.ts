/** One RTMP connection: a socket with the protocol on it. Holds no timer; whoever made it looks at its times. */

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { OutgoingMessage } from '../../media/rtmp/chunk-writer.ts'
import { HANDSHAKE_RANDOM_BYTES } from '../../media/rtmp/handshake.ts'
import type { RtmpMessage } from '../../media/rtmp/message.ts'
import { RtmpPeer } from '../../media/rtmp/peer.ts'

/** Who does not read what we answer is gone. Before a stream is played nobody is sent more than some kilobytes. */
const MOST_UNREAD_BYTES = 1024 ** 2
/** What is written last has so long to leave. */
const FLUSH_MS = 1_000

/** Chunk streams that we send on; 2 is for control messages. */
export const CHUNK_STREAM = { command: 3, audio: 4, data: 5, video: 6 } as const

export type LinkOptions = {
  readonly role: 'server' | 'client'
  readonly maxMessageBytes: number
  readonly onReady: () => void
  readonly onMessage: (message: RtmpMessage) => void
  /** Once: the connection is gone. `error`: what the far end did wrong, or the network. */
  readonly onClosed: (error: Error | undefined) => void
}

/** A connection at work. */
export class RtmpLink {
  readonly #socket: Socket
  readonly #peer: RtmpPeer
  readonly #onClosed: LinkOptions['onClosed']
  #isEnding = false
  #isClosed = false
  #error: Error | undefined
  #mostUnread = MOST_UNREAD_BYTES
  /** For `stalledMs`. */
  #left = 0
  #leftMs = performance.now()

  constructor(socket: Socket, options: LinkOptions) {
    this.#socket = socket
    this.#onClosed = options.onClosed
    this.#peer = new RtmpPeer({
      role: options.role,
      random: randomBytes(HANDSHAKE_RANDOM_BYTES),
      maxMessageBytes: options.maxMessageBytes,
      write: (bytes) => this.#write(bytes),
      onReady: options.onReady,
      onMessage: (message) => {
        if (!this.#isEnding) options.onMessage(message)
      },
    })
    socket.setNoDelay(true)
    socket.on('data', (bytes: Uint8Array) => this.#receive(bytes))
    socket.on('error', (error) => {
      this.#error ??= error
    })
    socket.on('close', () => this.#close())
  }

  /** Bytes that have not left yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** A client speaks first. */
  begin(): void {
    this.#peer.begin()
  }

  send(message: OutgoingMessage): void {
    if (!this.#isEnding) this.#peer.send(message)
  }

  control(type: number, payload: Uint8Array): void {
    if (!this.#isEnding) this.#peer.control(type, payload)
  }

  event(event: number, value: number): void {
    if (!this.#isEnding) this.#peer.event(event, value)
  }

  setChunkSize(size: number): void {
    if (!this.#isEnding) this.#peer.setChunkSize(size)
  }

  /** Longest message taken, and most bytes that may wait for the far end to read them. */
  allow({ messageBytes, unreadBytes }: { messageBytes: number; unreadBytes: number }): void {
    this.#peer.limitMessages(messageBytes)
    this.#mostUnread = unreadBytes
  }

  /** Calls whenever everything has left that was written. */
  onDrain(listener: () => void): void {
    this.#socket.on('drain', listener)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Milliseconds since something left, while something waits; to be asked every second or so. */
  stalledMs(nowMs: number): number {
    const left = this.#socket.bytesWritten - this.#socket.writableLength
    if (this.#socket.writableLength === 0 || left !== this.#left) {
      this.#left = left
      this.#leftMs = nowMs
    }
    return nowMs - this.#leftMs
  }

  /** Sends what was written, then closes; nothing that still comes is looked at. */
  end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#socket.end()
    // What the far end still sends would otherwise keep it open.
    const timer = setTimeout(() => this.#socket.destroy(), FLUSH_MS)
    timer.unref()
    this.#socket.once('close', () => clearTimeout(timer))
    this.#socket.resume()
  }

  /** Closes at once. */
  cut(error?: Error): void {
    this.#error ??= error
    this.#isEnding = true
    this.#socket.destroy()
  }

  /** Breaks off as the far end broke the rules: what was sent by us still leaves, so that it can tell why. */
  fail(error: Error): void {
    this.#error ??= error
    this.end()
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isEnding) return
    try {
      this.#peer.receive(bytes)
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.destroyed || !this.#socket.writable) return
    this.#socket.write(bytes)
    if (this.#socket.writableLength > this.#mostUnread) this.cut(new Error('The far end reads nothing.'))
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isEnding = true
    this.#onClosed(this.#error)
  }
}
