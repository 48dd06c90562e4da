/**
 * A small tus 1.0.0 client for files on disk. The server's offset is the truth: after anything unexpected it is asked
 * for (HEAD), and sending goes on there. Owns one open socket and one open file at a time; a crash leaves nothing here.
 */

import { createReadStream } from 'node:fs'
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiClient, parseEnvelope, refusal, unreachable } from './api-client.ts'
import { CommandFailure } from './command-failure.ts'
import type { UploadRecord } from './upload-record.ts'

/** A multiple of 256 KiB between the server's bounds, and what the vendor recommends. */
const CHUNK_BYTES = 50 * 2 ** 20
/** Without a byte of progress in so many tries, give up. */
const MAX_FRUITLESS_TRIES = 12
/** A server that says nothing for so long is not there any more. It may well wait for its disk. */
const SILENCE_MS = 120_000
const TUS = { 'tus-resumable': '1.0.0' } as const

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }

/** What is sent, and who wants to know how far it is. */
export type Transfer = {
  readonly path: string
  readonly sizeBytes: number
  /** Called with the position reached, often; may step back after an interruption. */
  readonly onProgress: (sentBytes: number) => void
  /** Called with one sentence whenever a try failed and another follows. */
  readonly onRetry: (sentence: string) => void
  /** Default 50 MiB. */
  readonly chunkBytes?: number
}

/** Makes the upload (tus creation). Throws a `CommandFailure` with the server's reason. */
export async function createUpload(
  client: ApiClient,
  file: { name: string; sizeBytes: number },
): Promise<UploadRecord> {
  const answer = await send(client, {
    method: 'POST',
    url: `${client.accountUrl}/stream`,
    headers: {
      'upload-length': file.sizeBytes,
      'upload-metadata': `name ${Buffer.from(file.name).toString('base64')}`,
    },
  })
  const { location } = answer.headers
  const uid = answer.headers['stream-media-id']
  if (answer.status !== 201 || location === undefined || typeof uid !== 'string') throw refused(answer)
  return { location: new URL(location, client.accountUrl).href, uid }
}

/** How far the upload is (tus HEAD); undefined when the server does not know it, or no longer. */
export async function findOffset(client: ApiClient, location: string): Promise<number | undefined> {
  const answer = await send(client, { method: 'HEAD', url: location })
  if (answer.status === 404 || answer.status === 410) return undefined
  const offset = Number(answer.headers['upload-offset'])
  if (answer.status !== 200 || !Number.isSafeInteger(offset)) throw refused(answer)
  return offset
}

/** Sends everything from `offset` on, through interruptions. Throws a `CommandFailure` when there is no way on. */
export async function sendFrom(
  client: ApiClient,
  location: string,
  startOffset: number,
  transfer: Transfer,
): Promise<void> {
  let offset = startOffset
  let fruitless = 0
  while (offset < transfer.sizeBytes) {
    const outcome = await sendChunk(client, location, offset, transfer)
    if (outcome.offset > offset) fruitless = 0
    offset = outcome.offset
    if (outcome.problem === undefined) continue
    fruitless += 1
    if (fruitless > MAX_FRUITLESS_TRIES) throw outcome.problem
    transfer.onRetry(`${outcome.problem.message} Trying again …`)
    // 0.5 s, 1 s, 2 s … 15 s: a server that restarts is back in a second, a network in a while.
    await sleep(Math.min(500 * 2 ** (fruitless - 1), 15_000))
    offset = await askOffset(client, location, offset)
  }
}

type ChunkOutcome = { readonly offset: number; readonly problem?: CommandFailure }

async function sendChunk(
  client: ApiClient,
  location: string,
  offset: number,
  transfer: Transfer,
): Promise<ChunkOutcome> {
  const end = Math.min(offset + (transfer.chunkBytes ?? CHUNK_BYTES), transfer.sizeBytes)
  try {
    const answer = await send(client, {
      method: 'PATCH',
      url: location,
      headers: {
        'upload-offset': offset,
        'content-type': 'application/offset+octet-stream',
        'content-length': end - offset,
      },
      body: readRange(transfer, offset, end),
    })
    if (answer.status === 204) return { offset: Number(answer.headers['upload-offset'] ?? end) }
    const problem = refused(answer)
    // 409 and 423: somebody else's PATCH is ending; 5xx: the server's trouble. Everything else stays wrong.
    const passing = answer.status === 409 || answer.status === 423 || answer.status >= 500
    if (!passing || answer.status === 507) throw problem
    return { offset, problem }
  } catch (error) {
    if (error instanceof CommandFailure && error.status !== undefined) throw error
    return { offset, problem: unreachable(client.serverUrl, error) }
  }
}

async function askOffset(client: ApiClient, location: string, before: number): Promise<number> {
  const offset = await findOffset(client, location).catch((error: unknown) => {
    if (error instanceof CommandFailure && (error.status ?? 500) < 500) throw error
    return before
  })
  if (offset !== undefined) return offset
  throw new CommandFailure('The server no longer knows this upload: run the command again to begin anew.')
}

/** The bytes `[start, end)` of the file, counted as they leave. */
function readRange(transfer: Transfer, start: number, end: number): Readable {
  async function* counted() {
    let position = start
    for await (const bytes of createReadStream(transfer.path, {
      start,
      end: end - 1,
      highWaterMark: 2 ** 20,
    })) {
      yield bytes as Buffer
      position += (bytes as Buffer).length
      transfer.onProgress(position)
    }
  }
  return Readable.from(counted(), { objectMode: false, highWaterMark: 2 ** 20 })
}

function refused(answer: Answer): CommandFailure {
  const envelope = parseEnvelope(answer.text)
  if (envelope?.errors) return refusal(answer.status, envelope)
  const words = answer.text.trim().split('\n')[0]
  return new CommandFailure(`The server answered ${answer.status}: ${words || 'without a reason'}`, {
    status: answer.status,
  })
}

async function send(
  client: ApiClient,
  request: { method: string; url: string; headers?: OutgoingHttpHeaders; body?: Readable },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const url = new URL(request.url)
  const open = url.protocol === 'https:' ? requestHttps : requestHttp
  const outgoing = open(url, {
    method: request.method,
    headers: { authorization: `Bearer ${client.token}`, ...TUS, ...request.headers },
    timeout: SILENCE_MS,
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`)))
  const fail = (error: Error) => reject(unreachable(client.serverUrl, error))
  outgoing.on('error', fail)
  outgoing.on('response', (response) => {
    const parts: Buffer[] = []
    response.on('data', (bytes: Buffer) => parts.push(bytes))
    response.on('error', fail)
    response.on('end', () => {
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(parts).toString(),
      })
    })
  })
  if (request.body === undefined) outgoing.end()
  // An early refusal ends the body's way, but its answer is the news.
  else pipeline(request.body, outgoing).catch((error: unknown) => setImmediate(reject, error))
  return promise
}
