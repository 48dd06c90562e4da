/** One life of the SRT process (`process-main.ts`), as the server sees it: started, spoken to, and over at some time. */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { HeadwaterError } from '../../lib/failure.ts'
import { Connection } from './connection.ts'
import {
  FRAME,
  type Frame,
  type FrameKind,
  FrameReader,
  readJsonBody,
  writeFrameHead,
  writeJsonFrame,
} from './frames.ts'
import type { HandshakeAnswer } from './handshake.ts'

const MAIN = fileURLToPath(new URL('./process-main.ts', import.meta.url))
/** What may wait to be taken by the process; what is sent beyond it is dropped by its connection. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024
/** After it was told to stop. */
const GRACE_MS = 2_000
const MOST_WORDS = 2_048

/** Who calls: the stream id as it came, and the address. */
export type SrtCaller = { readonly streamId: string; readonly remote: string }

/** A server that is to be connected to. */
export type SrtTarget = {
  readonly address: string
  readonly port: number
  readonly streamId: string
  readonly passphrase?: string
  readonly latencyMs?: number
}

/** What the server does about callers. */
export type SrtCallers = {
  /** Answers a handshake, soon: everything of SRT waits meanwhile. */
  ask(caller: SrtCaller): Promise<HandshakeAnswer>
  /** One came in. */
  opened(connection: Connection, caller: SrtCaller): void
}

/** What the process found at its start. */
export type SrtFound = { readonly version: string; readonly library: string } | { readonly missing: string }

/** A running process. */
export class SrtLife {
  readonly #child: ChildProcess
  readonly #talk: Socket
  readonly #callers: SrtCallers
  readonly #connections = new Map<number, Connection>()
  readonly #found = Promise.withResolvers<SrtFound>()
  readonly #listening = Promise.withResolvers<number>()
  readonly #ended = Promise.withResolvers<void>()
  #nextDial = 1
  #hasEnded = false
  /** The last it said before it ended. */
  words = ''

  constructor(callers: SrtCallers, environment: Readonly<Record<string, string>>) {
    this.#callers = callers
    this.#child = spawn(process.execPath, [MAIN], {
      env: { ...environment },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    })
    const [, , stderr, talk, asking] = this.#child.stdio as (Socket | null)[]
    if (!stderr || !talk || !asking) throw new HeadwaterError('internal', 'A process has no pipes.')
    this.#talk = talk
    for (const promise of [this.#found.promise, this.#listening.promise]) promise.catch(() => undefined)
    stderr.on('data', (bytes: Buffer) => {
      this.words = `${this.words}${bytes.toString()}`.slice(-MOST_WORDS)
    })
    this.#read(talk, (frame) => this.#take(frame))
    this.#read(asking, (frame) => void this.#answer(asking, frame))
    this.#child.on('error', () => this.#end())
    this.#child.on('exit', () => this.#end())
  }

  /** What it found. Rejects with `fetch_failed` if it ends before it says so. */
  get found(): Promise<SrtFound> {
    return this.#found.promise
  }

  /** Resolves when it is over, and every connection with it. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Of the process, for tests that kill it. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Listens; answers the port. Throws `setting_invalid` when it cannot be had. */
  async listen(host: string, port: number): Promise<number> {
    this.#say(FRAME.listen, 0, { host, port })
    return await this.#listening.promise
  }

  /** Connects to another server. Throws `fetch_failed`, or the abort reason. */
  async dial(target: SrtTarget, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted()
    const id = this.#nextDial
    this.#nextDial += 2
    const connection = this.#connect(id)
    const hangUp = () => connection.hangUp()
    signal.addEventListener('abort', hangUp, { once: true })
    try {
      this.#say(FRAME.dial, id, target)
      await connection.opened
      return connection
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', hangUp)
    }
  }

  /** Has every far end told goodbye, and ends the process: at the latest after two seconds. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return
    this.#say(FRAME.stop, 0, {})
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS)
    await this.#ended.promise
    clearTimeout(timer)
  }

  #read(pipe: Socket, take: (frame: Frame) => void): void {
    const reader = new FrameReader()
    pipe.on('data', (bytes: Buffer) => {
      try {
        for (const frame of reader.push(bytes)) take(frame)
      } catch (error) {
        // It does not speak as it should: whatever it is now, it is not ours any more.
        this.words = String(error)
        this.#child.kill('SIGKILL')
      }
    })
    // Its end is what is looked at.
    pipe.on('error', () => undefined)
  }

  #take({ kind, connection: id, body }: Frame): void {
    const connection = this.#connections.get(id)
    switch (kind) {
      case FRAME.ready:
        return this.#found.resolve(readJsonBody(body) as SrtFound)
      case FRAME.listening: {
        const { port, error } = readJsonBody(body)
        if (typeof port === 'number') return this.#listening.resolve(port)
        const sentence = `SRT could not listen: ${String(error)}. Choose another HEADWATER_SRT_PORT, or end what has it.`
        return this.#listening.reject(new HeadwaterError('setting_invalid', sentence))
      }
      case FRAME.opened: {
        if (connection !== undefined) return connection.tellOpened()
        const { streamId, remote } = readJsonBody(body)
        return this.#callers.opened(this.#connect(id), { streamId: String(streamId), remote: String(remote) })
      }
      case FRAME.data:
        return connection?.tellData(body)
      case FRAME.full:
        return connection?.tellFull()
      case FRAME.closed:
        return connection?.tellClosed(readJsonBody(body))
      default:
        throw new HeadwaterError('live_stream_broken', `SRT sends a frame of kind ${kind}.`)
    }
  }

  async #answer(pipe: Socket, { body }: Frame): Promise<void> {
    const { streamId, remote } = readJsonBody(body)
    const answer = await this.#callers.ask({ streamId: String(streamId), remote: String(remote) })
    pipe.write(writeJsonFrame(FRAME.answer, 0, answer))
  }

  #connect(id: number): Connection {
    const connection = new Connection({
      receive: () => this.#say(FRAME.receive, id, {}),
      send: (bytes) => this.#send(id, bytes),
      hangUp: () => this.#say(FRAME.hangUp, id, {}),
      forget: () => void this.#connections.delete(id),
    })
    this.#connections.set(id, connection)
    return connection
  }

  /** Whether there was room for it. */
  #send(id: number, bytes: Uint8Array): boolean {
    if (this.#hasEnded || this.#talk.writableLength > MOST_WAITING_BYTES) return false
    this.#talk.write(Buffer.concat([writeFrameHead(FRAME.send, id, bytes.byteLength), bytes]))
    return true
  }

  #say(kind: FrameKind, id: number, value: unknown): void {
    if (!this.#hasEnded) this.#talk.write(writeJsonFrame(kind, id, value))
  }

  #end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const gone = new HeadwaterError('fetch_failed', 'The SRT process has ended; it is started again.', {
      facts: { mayPass: true },
    })
    this.#found.reject(gone)
    this.#listening.reject(gone)
    for (const connection of this.#connections.values()) connection.tellClosed({ how: 'lost' })
    this.#ended.resolve()
  }
}
