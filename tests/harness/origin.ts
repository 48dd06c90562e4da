/** A web server with one file, as downloads meet them: it knows ranges and validators (RFC 9110), unless told otherwise. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type OriginFile = {
  readonly bytes: Buffer
  /** With its quotation marks. */
  readonly etag?: string
  readonly lastModified?: string
}

/** What was asked; `sentBytes` grows while the answer goes out. */
export type OriginRequest = {
  readonly method: string
  readonly url: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly authorization: string | undefined
  sentBytes: number
  /** The connection has ended. */
  ended: boolean
}

export type Behaviour = {
  /** Does something else instead of answering; true when it did. `nth` counts requests of this method from 1. */
  readonly instead?: (incoming: IncomingMessage, outgoing: ServerResponse, nth: number) => boolean
  /** Ends the connection after so many bytes of the `nth` GET; `undefined` = does not. */
  readonly cutAfter?: (nth: number) => number | undefined
  /** Falls silent instead of ending the connection. */
  readonly silent?: boolean
  readonly ignoreRange?: boolean
  readonly ignoreIfRange?: boolean
  /** Longest range that is given at a time. */
  readonly mostBytes?: number
  /** Bytes per second, about. */
  readonly rate?: number
}

export type Origin = AsyncDisposable & {
  readonly port: number
  /** Address of the file. */
  readonly url: string
  readonly requests: readonly OriginRequest[]
  file: OriginFile
  behaviour: Behaviour
  /** Resolves once `enough` holds; it is asked whenever something was sent. */
  until(enough: (origin: Origin) => boolean): Promise<void>
  stop(): Promise<void>
}

const PIECE_BYTES = 65_536

/** Starts it on a free port of 127.0.0.1, or of another of this machine's addresses. */
export async function startOrigin(
  file: OriginFile,
  options: { host?: string; path?: string; behaviour?: Behaviour } = {},
): Promise<Origin> {
  const { host = '127.0.0.1', path = '/video.mp4' } = options
  const requests: OriginRequest[] = []
  const waiting = new Set<() => void>()
  const tell = () => {
    for (const look of waiting) look()
  }
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const request: OriginRequest = {
      method,
      url,
      range: headers.range,
      ifRange: typeof headers['if-range'] === 'string' ? headers['if-range'] : undefined,
      authorization: headers.authorization,
      sentBytes: 0,
      ended: false,
    }
    requests.push(request)
    outgoing.once('close', () => {
      request.ended = true
      tell()
    })
    tell()
    const nth = requests.filter((one) => one.method === method).length
    if (origin.behaviour.instead?.(incoming, outgoing, nth) === true) return
    void answer(origin, request, outgoing, { nth, tell })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin: Origin = {
    port,
    url: `http://${host}:${port}${path}`,
    requests,
    file,
    behaviour: options.behaviour ?? {},
    until: async (enough) => {
      if (enough(origin)) return
      await new Promise<void>((resolve) => {
        const look = () => {
          if (!enough(origin)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
      })
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
    },
    [Symbol.asyncDispose]: () => origin.stop(),
  }
  return origin
}

async function answer(
  origin: Origin,
  request: OriginRequest,
  outgoing: ServerResponse,
  { nth, tell }: { nth: number; tell: () => void },
): Promise<void> {
  const { file, behaviour } = origin
  const total = file.bytes.length
  const headers: Record<string, string | number> = { 'accept-ranges': 'bytes' }
  if (file.etag !== undefined) headers.etag = file.etag
  if (file.lastModified !== undefined) headers['last-modified'] = file.lastModified
  const asked = behaviour.ignoreRange ? null : /^bytes=(\d+)-$/.exec(request.range ?? '')
  const isSame =
    request.ifRange === undefined ||
    behaviour.ignoreIfRange === true ||
    request.ifRange === file.etag ||
    request.ifRange === file.lastModified
  const start = asked && isSame ? Number(asked[1]) : null
  if (start !== null && start >= total) {
    outgoing.writeHead(416, { ...headers, 'content-range': `bytes */${total}` }).end()
    return
  }
  const end = start === null ? total : Math.min(total, start + (behaviour.mostBytes ?? total))
  const body = file.bytes.subarray(start ?? 0, end)
  headers['content-length'] = body.length
  if (start !== null) headers['content-range'] = `bytes ${start}-${end - 1}/${total}`
  outgoing.writeHead(start === null ? 200 : 206, headers)
  if (request.method === 'HEAD') {
    outgoing.end()
    return
  }
  const cut = behaviour.cutAfter?.(nth)
  const sendable = body.subarray(0, cut ?? body.length)
  for (let at = 0; at < sendable.length && !outgoing.destroyed; at += PIECE_BYTES) {
    const piece = sendable.subarray(at, at + PIECE_BYTES)
    const isFree = outgoing.write(piece)
    request.sentBytes += piece.length
    tell()
    if (!isFree) await drained(outgoing)
    if (behaviour.rate !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, (piece.length / (behaviour.rate ?? 1)) * 1_000))
    }
  }
  if (cut === undefined) outgoing.end()
  // Not `destroy` at once: what was written is to arrive first.
  else if (!behaviour.silent) outgoing.socket?.end(() => outgoing.destroy())
}

/** Resolves when more can be written, or nothing ever again. */
async function drained(outgoing: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      outgoing.off('drain', end).off('close', end)
      resolve()
    }
    outgoing.once('drain', end).once('close', end)
  })
}

/** Goes on with an answer for as long as anybody reads it, at some megabytes a second. */
export function endless(outgoing: ServerResponse): void {
  const piece = Buffer.alloc(PIECE_BYTES, 'endless')
  const timer = setInterval(() => outgoing.write(piece), 10)
  outgoing.once('close', () => clearInterval(timer))
}
