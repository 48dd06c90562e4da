/**
 * Manifests are asked for in the same words again and again: by one player that reloads them, by many of one make. A
 * request whose every byte is that of one answered a moment ago gets the same answer, without being parsed a second
 * time: that is several times quicker than the quickest way through node's HTTP.
 *
 * Nothing here reads HTTP. Words count as known once node's own parser has taken exactly them for one whole GET without
 * a body, and it was answered with 200; where on a connection a request begins is known because the parser found exactly
 * one in the bytes before, which ended with its end (`Connection`). Whatever is not as simple as that goes to the parser, and
 * all that follows on that connection, too: a body that looks like a request is never taken for one.
 *
 * An answer stands until the next commit, and for a second at most; one that was given to a token, until it ends.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { BoundedCache } from '../lib/bounded-cache.ts'
import { commitCount } from '../lib/commit-signal.ts'
import type { Clock } from '../ports.ts'

export type RepeatedRequestsDeps = {
  /** Whose commits end what is known. */
  readonly db: object
  readonly clock: Clock
  /** Whether the same words of another peer mean something else: some peers are trusted as proxies. */
  readonly peersDiffer: boolean
  /** Called for each request that is answered here, with its route. */
  readonly onAnswered: (route: string) => void
}

/** An answer as it is sent, but for what differs each time. */
type Known = {
  readonly head: string
  readonly body: string
  readonly route: string
  readonly commits: number
  readonly untilMs: number
}

type Listener = (bytes: Buffer) => void

/** What is known of a request while it is answered the long way. */
type Begun = { readonly connection: Connection; readonly commits: number | undefined }

export class RepeatedRequests {
  readonly #deps: RepeatedRequestsDeps
  readonly #known = new BoundedCache<string, Known>({
    maxWeight: MOST_KEPT_BYTES,
    weigh: ({ head, body }) => head.length + body.length + EACH_BYTES,
  })
  readonly #connections = new WeakMap<Socket, Connection>()
  readonly #begun = new WeakMap<IncomingMessage, Begun>()
  #stopped = false
  #date = ''
  #dateUntilMs = 0

  constructor(deps: RepeatedRequestsDeps) {
    this.#deps = deps
  }

  /** From now on every request goes to the parser. */
  stop(): void {
    this.#stopped = true
    this.#known.clear()
  }

  /** To be told of every request that the parser has found. */
  begin(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#connections.get(incoming.socket)
    if (connection === undefined) return
    connection.begin(incoming)
    this.#begun.set(incoming, { connection, commits: commitCount(this.#deps.db) })
    outgoing.once('close', () => connection.end(incoming))
  }

  /**
   * Tells that `body` (latin1) is the whole answer, with status 200 and the headers that are set, and depends on nothing
   * but the words of the request and the database; for `secondsLeft` at most. From then on the connection is watched.
   */
  keep(
    { incoming, outgoing }: { incoming: IncomingMessage; outgoing: ServerResponse },
    answer: { readonly route: string; readonly body: string; readonly secondsLeft: number | null },
  ): void {
    if (this.#stopped || !isSimple(incoming)) return
    const begun = this.#begun.get(incoming)
    if (begun === undefined) {
      outgoing.once('close', () => this.#watch(incoming.socket))
      return
    }
    const { words } = begun.connection
    if (words === undefined || begun.commits === undefined) return
    const lifeMs = Math.min(LONGEST_KEPT_MS, (answer.secondsLeft ?? Infinity) * 1_000)
    this.#known.set(this.#nameOf(begun.connection, words), {
      head: writeHead(outgoing),
      body: answer.body,
      route: answer.route,
      commits: begun.commits,
      untilMs: this.#deps.clock.monotonicMs() + lifeMs,
    })
  }

  #watch(socket: Socket): void {
    if (socket.destroyed || this.#connections.has(socket)) return
    const connection = Connection.take(socket, (words) => this.#answer(connection, words))
    if (connection !== undefined) this.#connections.set(socket, connection)
  }

  /** What to send in answer to these words; undefined leaves them to the parser. */
  #answer(connection: Connection | undefined, words: string): string | undefined {
    if (connection === undefined || this.#stopped) return undefined
    const known = this.#known.peek(this.#nameOf(connection, words))
    if (known === undefined || known.commits !== commitCount(this.#deps.db)) return undefined
    const nowMs = this.#deps.clock.monotonicMs()
    if (nowMs >= known.untilMs) return undefined
    this.#deps.onAnswered(known.route)
    return `${known.head}x-request-id: ${this.#deps.clock.newUid()}\r\ndate: ${this.#dateAt(nowMs)}\r\n\r\n${known.body}`
  }

  #nameOf({ peer }: Connection, words: string): string {
    return this.#deps.peersDiffer ? `${peer}\n${words}` : words
  }

  /** RFC 9110 §6.6.1, to the second. */
  #dateAt(nowMs: number): string {
    if (nowMs >= this.#dateUntilMs) {
      const wallMs = this.#deps.clock.nowUs() / 1_000
      this.#date = new Date(wallMs).toUTCString()
      this.#dateUntilMs = nowMs + 1_000 - (wallMs % 1_000)
    }
    return this.#date
  }
}

/** Stands between a socket and node's parser, and knows when the next byte is certainly the first of a request. */
class Connection {
  readonly peer: string
  readonly #socket: Socket
  readonly #toParser: Listener
  readonly #answer: (words: string) => string | undefined
  #running: IncomingMessage | undefined
  #words: string | undefined
  #found = 0
  #wasWhole = false
  #atStart = false

  /** Undefined where node does not hand bytes over in the way it did when this was written. */
  static take(socket: Socket, answer: (words: string) => string | undefined): Connection | undefined {
    const [listener, ...others] = socket.listeners('data')
    if (listener === undefined || others.length > 0) return undefined
    return new Connection(socket, (bytes) => void Reflect.apply(listener, socket, [bytes]), answer)
  }

  private constructor(socket: Socket, toParser: Listener, answer: (words: string) => string | undefined) {
    this.peer = socket.remoteAddress ?? ''
    this.#socket = socket
    this.#toParser = toParser
    this.#answer = answer
    // Before the other is removed, or nobody would listen. To node, whoever listens wants the bytes that its parser
    // otherwise takes straight from the system.
    socket.on('data', this.#onData)
    for (const listener of socket.listeners('data')) {
      if (listener !== this.#onData) socket.off('data', listener as Listener)
    }
  }

  /** The very bytes of the request that the parser is answering, where they are certain. */
  get words(): string | undefined {
    return this.#words
  }

  /** The parser has found a request. */
  begin(incoming: IncomingMessage): void {
    this.#found += 1
    this.#running = incoming
  }

  /** The answer to a request has been sent. */
  end(incoming: IncomingMessage): void {
    if (this.#running !== incoming) return
    this.#running = undefined
    this.#words = undefined
    this.#atStart = this.#wasWhole && incoming.complete && isSimple(incoming)
  }

  readonly #onData = (bytes: Buffer): void => {
    const words = readWords(bytes)
    if (words === undefined) {
      this.#leave()
      this.#toParser(bytes)
      return
    }
    const { writable, writableLength } = this.#socket
    const answer = this.#atStart && writable && writableLength === 0 ? this.#answer(words) : undefined
    if (answer !== undefined) {
      this.#socket.write(answer, 'latin1')
      return
    }
    // Behind bytes that the parser still holds the same words would be part of another request.
    this.#words = this.#atStart ? words : undefined
    this.#atStart = false
    this.#wasWhole = true
    this.#found = 0
    this.#toParser(bytes)
    // It calls back while it reads. One request found, in words that end where a head can end and nowhere before: the
    // parser has no byte left over. None or several: it is somewhere else.
    if (this.#found !== 1) this.#leave()
  }

  /** Leaves the connection to the parser, for good. */
  #leave(): void {
    this.#wasWhole = false
    this.#words = undefined
    this.#atStart = false
    this.#socket.on('data', this.#toParser)
    this.#socket.off('data', this.#onData)
  }
}

/** The bytes as text, if they may be one whole request of the simplest kind and nothing else. */
function readWords(bytes: Buffer): string | undefined {
  if (bytes.byteLength > LONGEST_WORDS_BYTES) return undefined
  const words = bytes.toString('latin1')
  return words.startsWith('GET ') && words.indexOf(END) === words.length - END.length ? words : undefined
}

/** Whether the parser has found a GET that has no body and asks nothing of the connection. */
function isSimple({ method, httpVersion, headers }: IncomingMessage): boolean {
  const connection = headers.connection
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    headers.upgrade === undefined &&
    headers.expect === undefined &&
    (connection === undefined || connection.toLowerCase() === 'keep-alive')
  )
}

/** Status line and the headers that are set, but for those that differ each time. */
function writeHead(outgoing: ServerResponse): string {
  const lines = Object.entries(outgoing.getHeaders()).flatMap(([name, value]) =>
    name === 'x-request-id' || name === 'date' || value === undefined
      ? []
      : [value].flat().map((each) => `${name}: ${each}`),
  )
  return ['HTTP/1.1 200 OK', ...lines, 'connection: keep-alive', ''].join('\r\n')
}

const END = '\r\n\r\n'
/** Longer ones come in several pieces anyway. */
const LONGEST_WORDS_BYTES = 8_192
/** Should somebody write behind the program's back, it shows this late. */
const LONGEST_KEPT_MS = 1_000
const MOST_KEPT_BYTES = 16 * 1024 ** 2
/** What an entry takes beside its texts; the words, which are its name, among them. */
const EACH_BYTES = 1_000
