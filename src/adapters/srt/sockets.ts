/** Every SRT socket of the SRT process: the listener, callers that were let in, and connections to other servers. */

import { FRAME, type FrameKind } from './frames.ts'
import type { HandshakeAnswer } from './handshake.ts'
import { EVENT, type LibSrt, OPTION } from './libsrt.ts'
import { readSocketAddress, writeSocketAddress } from './socket-address.ts'

/** Live mode never has longer messages (SRT API, `SRTO_PAYLOADSIZE`). */
const MOST_MESSAGE_BYTES = 1_456
/** What we send: seven packets of a transport stream, which fit into a datagram. */
const SENT_MESSAGE_BYTES = 1_316
const WAIT_MS = 250
/** After something came: whatever comes within it is taken together, which halves the work of a stream. */
const GATHER_MS = 5
/** One turn's share of a connection; the others wait meanwhile. */
const MOST_TURN_BYTES = 128 * 1024
/** While the server does not keep up. */
const HELD_MS = 20
const CONNECT_MS = 5_000
/**
 * A peer that says goodbye breaks the connection at once; one that is gone is missed for five seconds
 * (`SRTO_PEERIDLETIMEO`) first. libsrt tells both alike.
 */
const MISSED_MS = 4_000

/** What the sockets need of the process. */
export type SocketsDeps = {
  ask(caller: { streamId: string; remote: string }): HandshakeAnswer
  say(kind: FrameKind, connection: number, value: unknown): void
  data(connection: number, pieces: readonly Uint8Array[]): void
  /** Whether the server keeps up with what it is sent. */
  hasRoom(): boolean
}

type Connection = {
  readonly id: number
  readonly socket: number
  state: 'dialling' | 'open' | 'receiving' | 'draining'
  lastHeardMs: number
}

/** Keeps the sockets and serves them, one turn after the other. */
export class SrtSockets {
  readonly #srt: LibSrt
  readonly #deps: SocketsDeps
  readonly #byId = new Map<number, Connection>()
  readonly #bySocket = new Map<number, Connection>()
  readonly #message = Buffer.alloc(MOST_MESSAGE_BYTES)
  #listener: number | undefined
  /** Callers have even numbers, connections to other servers the odd ones that the server gives them. */
  #nextId = 2
  #isStopping = false

  constructor(srt: LibSrt, deps: SocketsDeps) {
    this.#srt = srt
    this.#deps = deps
  }

  /** Opens the listener and says its port, or why not. */
  listen({ host, port }: Readonly<Record<string, unknown>>): void {
    try {
      const address = writeSocketAddress(String(host), Number(port))
      if (address === undefined) throw new Error(`${String(host)} is no address`)
      const socket = this.#srt.createSocket()
      this.#makeAsync(socket)
      // The caller chooses how long packets are waited for.
      this.#srt.setInteger(socket, OPTION.latencyMs, 0)
      if (address.byteLength > 16) this.#srt.setInteger(socket, OPTION.ipv6Only, 0)
      this.#srt.onHandshake(socket, (caller) =>
        this.#deps.ask({ streamId: caller.streamId, remote: readSocketAddress(caller.address).text }),
      )
      this.#srt.listen(socket, address)
      this.#listener = socket
      this.#deps.say(FRAME.listening, 0, { port: readSocketAddress(this.#srt.localAddress(socket)).port })
    } catch (error) {
      this.#deps.say(FRAME.listening, 0, { error: sentenceOf(error) })
    }
  }

  /** Connects to another server; `opened` or `closed` follows. */
  dial(id: number, target: Readonly<Record<string, unknown>>): void {
    const { address, port, streamId, passphrase, latencyMs } = target
    try {
      const bytes = writeSocketAddress(String(address), Number(port))
      if (bytes === undefined) throw new Error(`${String(address)} is no address`)
      const socket = this.#srt.createSocket()
      this.#makeAsync(socket)
      this.#srt.setInteger(socket, OPTION.connectTimeoutMs, CONNECT_MS)
      if (typeof latencyMs === 'number') this.#srt.setInteger(socket, OPTION.latencyMs, latencyMs)
      if (typeof streamId === 'string' && streamId !== '') {
        this.#srt.setText(socket, OPTION.streamId, streamId)
      }
      if (typeof passphrase === 'string') this.#srt.setText(socket, OPTION.passphrase, passphrase)
      this.#srt.watch(socket, EVENT.writable | EVENT.broken)
      this.#add({ id, socket, state: 'dialling' })
      this.#srt.connect(socket, bytes)
    } catch (error) {
      this.#drop(id)
      this.#deps.say(FRAME.closed, id, { how: 'lost', reason: sentenceOf(error) })
    }
  }

  /** What a caller sends is wanted from now on. */
  receive(id: number): void {
    const connection = this.#byId.get(id)
    if (connection === undefined) return
    connection.state = 'receiving'
    this.#srt.watch(connection.socket, EVENT.readable | EVENT.broken)
  }

  /** Sends packets in groups of seven; says so when there is no room for them. */
  send(id: number, bytes: Uint8Array): void {
    const connection = this.#byId.get(id)
    if (connection === undefined) return
    for (let at = 0; at < bytes.byteLength; at += SENT_MESSAGE_BYTES) {
      const outcome = this.#srt.send(connection.socket, bytes.subarray(at, at + SENT_MESSAGE_BYTES))
      if (outcome === 'sent') continue
      // A broken one is found by the next turn.
      if (outcome === 'full') this.#deps.say(FRAME.full, id, {})
      return
    }
  }

  /** Closes a connection; the far end is told. */
  hangUp(id: number): void {
    this.#drop(id)
  }

  /** Serves the sockets until they are stopped. */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      const events = await this.#srt.wait(WAIT_MS)
      for (const { socket, events: what } of events) {
        if (socket === this.#listener) this.#acceptAll(socket)
        else this.#serve(socket, what)
      }
      const pause = this.#deps.hasRoom() ? GATHER_MS : HELD_MS
      if (events.length > 0) await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  /** Says goodbye to everybody. The listener goes last, in a thread of its own: see `libsrt.ts`. */
  async stop(): Promise<void> {
    this.#isStopping = true
    for (const id of this.#byId.keys()) this.#drop(id)
    const listener = this.#listener
    this.#listener = undefined
    if (listener !== undefined) await this.#srt.closeListener(listener)
  }

  #acceptAll(listener: number): void {
    for (;;) {
      const accepted = this.#srt.accept(listener)
      if (accepted === undefined) return
      const { socket } = accepted
      const id = this.#nextId
      this.#nextId += 2
      this.#makeAsync(socket)
      this.#srt.watch(socket, EVENT.broken)
      this.#add({ id, socket, state: 'open' })
      const remote = readSocketAddress(accepted.address).text
      this.#deps.say(FRAME.opened, id, { streamId: this.#srt.readText(socket, OPTION.streamId), remote })
    }
  }

  #serve(socket: number, events: number): void {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) return
    if (connection.state === 'dialling' && (events & EVENT.broken) === 0) {
      connection.state = 'open'
      this.#srt.watch(socket, EVENT.broken)
      this.#deps.say(FRAME.opened, connection.id, {})
      return
    }
    if (connection.state === 'receiving') this.#receiveAll(connection, events)
    else if ((events & EVENT.broken) !== 0) this.#end(connection)
  }

  #receiveAll(connection: Connection, events: number): void {
    if (!this.#deps.hasRoom()) return
    const { length, isGone } = this.#receive(connection, MOST_TURN_BYTES)
    if (length > 0) connection.lastHeardMs = performance.now()
    if (isGone || (length === 0 && (events & EVENT.broken) !== 0)) this.#drain(connection)
  }

  #receive(connection: Connection, mostBytes: number): { length: number; isGone: boolean } {
    const pieces: Uint8Array[] = []
    let length = 0
    let count = 0
    while (length < mostBytes) {
      count = this.#srt.receive(connection.socket, this.#message)
      if (count <= 0) break
      pieces.push(Uint8Array.prototype.slice.call(this.#message, 0, count))
      length += count
    }
    if (length > 0) this.#deps.data(connection.id, pieces)
    return { length, isGone: count < 0 }
  }

  /**
   * The far end has gone, but what it sent lately is not due before its latency has passed. libsrt keeps a broken connection
   * for as long as something of it waits to be read: so nothing is read until everything is due.
   */
  #drain(connection: Connection): void {
    connection.state = 'draining'
    this.#srt.unwatch(connection.socket)
    const end = this.#endOf(connection)
    const dueMs = this.#srt.readInteger(connection.socket, OPTION.receiveLatencyMs) + GATHER_MS
    setTimeout(() => {
      if (this.#byId.get(connection.id) !== connection) return
      while (this.#receive(connection, MOST_TURN_BYTES).length > 0);
      this.#drop(connection.id)
      this.#deps.say(FRAME.closed, connection.id, end)
    }, dueMs)
  }

  #end(connection: Connection): void {
    const end = this.#endOf(connection)
    this.#drop(connection.id)
    this.#deps.say(FRAME.closed, connection.id, end)
  }

  #endOf(connection: Connection) {
    const wasMissed = performance.now() - connection.lastHeardMs >= MISSED_MS
    const isDial = connection.state === 'dialling'
    return {
      how: wasMissed || isDial ? 'lost' : 'clean',
      reason: isDial ? this.#srt.rejectReason(connection.socket) : '',
      statistics: this.#srt.statistics(connection.socket),
    }
  }

  #makeAsync(socket: number): void {
    this.#srt.setInteger(socket, OPTION.sendSynchronously, 0)
    this.#srt.setInteger(socket, OPTION.receiveSynchronously, 0)
  }

  #add(opened: Pick<Connection, 'id' | 'socket' | 'state'>): void {
    const connection = { ...opened, lastHeardMs: performance.now() }
    this.#byId.set(connection.id, connection)
    this.#bySocket.set(connection.socket, connection)
  }

  #drop(id: number): void {
    const connection = this.#byId.get(id)
    if (connection === undefined) return
    this.#byId.delete(id)
    this.#bySocket.delete(connection.socket)
    this.#srt.close(connection.socket)
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
