/** The other end of a webhook: a real HTTP server that keeps what it is sent and answers as a test wants. */

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request, with its whole body. */
export type Received = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Receiver = AsyncDisposable & {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** Requests that wait for their answer, and the most that ever did. */
  readonly open: () => number
  readonly mostOpen: () => number
  /** Called for every request, its body read; default: 204. */
  answer: (outgoing: ServerResponse, incoming: IncomingMessage) => void
  /** Resolves when so many requests have come. */
  until(count: number): Promise<void>
  stop(): Promise<void>
}

/** Leaves a request without an answer. */
export const HANG = (): void => undefined

/** Answers with this status. */
export function status(code: number, headers: Record<string, string> = {}) {
  return (outgoing: ServerResponse): void => {
    outgoing.writeHead(code, headers).end('some words that nobody reads')
  }
}

/** Starts it on 127.0.0.1; port 0 picks a free one. */
export async function startReceiver(answer: Receiver['answer'] = status(204), port = 0): Promise<Receiver> {
  const received: Received[] = []
  const waiting = new Set<() => void>()
  let open = 0
  let mostOpen = 0
  const server = createServer((incoming, outgoing) => {
    open += 1
    mostOpen = Math.max(mostOpen, open)
    outgoing.once('close', () => (open -= 1))
    const pieces: Buffer[] = []
    incoming.on('data', (piece: Buffer) => pieces.push(piece))
    incoming.once('end', () => {
      const { method = '', url = '', headers } = incoming
      received.push({ method, path: url, headers, body: Buffer.concat(pieces).toString() })
      receiver.answer(outgoing, incoming)
      for (const look of waiting) look()
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const receiver: Receiver = {
    url: `http://127.0.0.1:${bound}/hook`,
    port: bound,
    received,
    open: () => open,
    mostOpen: () => mostOpen,
    answer,
    until: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
  return receiver
}
