/**
 * One end of an RTMP connection, without the connection: handshake, chunks in both directions, and the messages that only
 * keep it going (acknowledgements, pings).
 */

import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter, type OutgoingMessage } from './chunk-writer.ts'
import { Handshake } from './handshake.ts'
import { CONTROL, MESSAGE, readU32, type RtmpMessage, u32 } from './message.ts'

export type RtmpPeerOptions = {
  readonly role: 'server' | 'client'
  /** 1,528 random bytes. */
  readonly random: Uint8Array
  /** Longest message that is taken, in bytes; see `limitMessages`. */
  readonly maxMessageBytes: number
  /** Bytes for the far end. */
  readonly write: (bytes: Uint8Array) => void
  /** The handshake is over. */
  readonly onReady: () => void
  /** Commands, data, sound and pictures. */
  readonly onMessage: (message: RtmpMessage) => void
}

/** Where a peer does not say how often it wants to hear what has arrived; also what we ask for (§5.4.4). */
export const ACKNOWLEDGEMENT_WINDOW = 2_500_000

/** Reads and writes one connection. */
export class RtmpPeer {
  readonly #options: RtmpPeerOptions
  readonly #reader: ChunkReader
  readonly #writer = new ChunkWriter()
  /** Until it is over. */
  #handshake: Handshake | undefined
  #window = ACKNOWLEDGEMENT_WINDOW
  #receivedBytes = 0
  #acknowledgedBytes = 0

  constructor(options: RtmpPeerOptions) {
    this.#options = options
    this.#handshake = new Handshake(options.role, options.random)
    this.#reader = new ChunkReader({
      maxMessageBytes: options.maxMessageBytes,
      onMessage: (message) => this.#take(message),
    })
  }

  /** A client speaks first. */
  begin(): void {
    if (this.#handshake !== undefined) this.#options.write(this.#handshake.begin())
  }

  /** Messages of up to so many bytes from now on. */
  limitMessages(bytes: number): void {
    this.#reader.maxMessageBytes = bytes
  }

  /** Takes what the far end sent. Throws `live_stream_broken`, after which nothing may be given any more. */
  receive(bytes: Uint8Array): void {
    const rest = this.#handshake === undefined ? bytes : this.#shakeHands(this.#handshake, bytes)
    if (rest === undefined || rest.byteLength === 0) return
    this.#receivedBytes += rest.byteLength
    this.#reader.push(rest)
    this.#acknowledge()
  }

  send(message: OutgoingMessage): void {
    this.#options.write(this.#writer.write(message))
  }

  /** Chunks of `size` bytes from now on. */
  setChunkSize(size: number): void {
    this.#options.write(this.#writer.setChunkSize(size))
  }

  /** A control message (§5.4). */
  control(type: number, payload: Uint8Array): void {
    this.send({ chunkStreamId: 2, type, streamId: 0, timestamp: 0, payload })
  }

  /** A user control event with its one number. */
  event(event: number, value: number): void {
    this.control(MESSAGE.userControl, Uint8Array.of(event >> 8, event & 0xff, ...u32(value)))
  }

  #shakeHands(handshake: Handshake, bytes: Uint8Array): Uint8Array | undefined {
    const { send, rest } = handshake.receive(bytes)
    if (send !== undefined) this.#options.write(send)
    if (rest === undefined) return undefined
    this.#handshake = undefined
    this.#options.onReady()
    return rest
  }

  #take(message: RtmpMessage): void {
    switch (message.type) {
      case MESSAGE.acknowledgement:
        // What is under way is known from the socket.
        return
      case MESSAGE.windowAcknowledgementSize:
        this.#window = readU32(message.payload)
        return
      case MESSAGE.setPeerBandwidth:
        // §5.4.5 wants it answered with the window that we use.
        this.control(MESSAGE.windowAcknowledgementSize, u32(ACKNOWLEDGEMENT_WINDOW))
        return
      case MESSAGE.userControl:
        this.#takeEvent(message.payload)
        return
      default:
        this.#options.onMessage(message)
    }
  }

  #takeEvent(payload: Uint8Array): void {
    const isPing = payload[0] === 0 && payload[1] === CONTROL.pingRequest
    if (isPing) this.event(CONTROL.pingResponse, readU32(payload, 2))
  }

  /** At most once for what came at once, however small a window was asked for. */
  #acknowledge(): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#window) return
    this.#acknowledgedBytes = this.#receivedBytes
    this.control(MESSAGE.acknowledgement, u32(this.#receivedBytes % 2 ** 32))
  }
}
