/** tus spoken line by line, so that a test decides when each piece of a chunk leaves, and knows exactly what was acknowledged. */

import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server, and who asks. */
export type Access = { readonly url: string; readonly accountId: string; readonly token: string }

/** An upload as its client sees it. */
export type ClientUpload = {
  readonly uid: string
  /** Path of the Location; the port changes with each start. */
  readonly path: string
  readonly lengthBytes: number
  /** The last `Upload-Offset` that arrived: a promise of the server. */
  acknowledgedBytes: number
}

/** Status, the two headers that matter, and the text of the body. */
export type Answer = { readonly status: number; readonly offset: number; readonly text: string }

/** Between two pieces of a body. */
export type Pace = { readonly pieceBytes: number; readonly pauseMs: () => number }

const PIECE_BYTES = 2 ** 17

/** Creates an upload. Throws with status and text when it is refused. */
export async function createUpload(access: Access, name: string, lengthBytes: number): Promise<ClientUpload> {
  const response = await fetch(`${access.url}/client/v4/accounts/${access.accountId}/stream`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${access.token}`,
      'tus-resumable': '1.0.0',
      'upload-length': String(lengthBytes),
      'upload-metadata': `name ${Buffer.from(name).toString('base64')}`,
    },
  })
  const location = response.headers.get('location')
  const uid = response.headers.get('stream-media-id')
  if (response.status !== 201 || location === null || uid === null) {
    throw new Error(`creation was answered ${response.status}: ${await response.text()}`)
  }
  const { pathname, search } = new URL(location)
  return { uid, path: pathname + search, lengthBytes, acknowledgedBytes: 0 }
}

/** Asks for the offset (HEAD). */
export async function askOffset(access: Access, upload: ClientUpload): Promise<Answer> {
  const response = await fetch(access.url + upload.path, { method: 'HEAD', headers: headersOf(access) })
  return {
    status: response.status,
    offset: Number(response.headers.get('upload-offset') ?? Number.NaN),
    text: await response.text(),
  }
}

/**
 * Sends one chunk from `from` on, piece by piece, and notes what is acknowledged. Resolves with the answer; rejects when
 * the connection breaks, which a killed server makes it do.
 */
export async function sendChunk(
  access: Access,
  upload: ClientUpload,
  bytes: Uint8Array,
  from: number,
  pace: Pace = { pieceBytes: PIECE_BYTES, pauseMs: () => 0 },
): Promise<Answer> {
  const answered = Promise.withResolvers<Answer>()
  answered.promise.catch(() => {})
  const outgoing = request(access.url + upload.path, {
    method: 'PATCH',
    headers: {
      ...headersOf(access),
      'content-type': 'application/offset+octet-stream',
      'content-length': bytes.length,
      'upload-offset': from,
    },
  })
  const over = new AbortController()
  outgoing.on('error', (error) => {
    over.abort()
    answered.reject(error)
  })
  outgoing.on('response', (response) => {
    const texts: Buffer[] = []
    response.on('data', (text: Buffer) => texts.push(text))
    response.on('error', answered.reject)
    response.on('end', () => {
      over.abort()
      const offset = Number(response.headers['upload-offset'] ?? Number.NaN)
      const answer = { status: response.statusCode ?? 0, offset, text: Buffer.concat(texts).toString() }
      if (answer.status === 204) upload.acknowledgedBytes = Math.max(upload.acknowledgedBytes, offset)
      answered.resolve(answer)
    })
  })
  for (let at = 0; at < bytes.length && !over.signal.aborted; at += pace.pieceBytes) {
    outgoing.write(bytes.subarray(at, at + pace.pieceBytes))
    // At least a turn of the loop, so that an answer or a broken connection is noticed.
    await sleep(pace.pauseMs())
  }
  outgoing.end()
  return answered.promise
}

/** Uploads everything in chunks of 5 MiB; throws at the first answer that is not 204. */
export async function uploadBytes(access: Access, name: string, bytes: Uint8Array): Promise<ClientUpload> {
  const upload = await createUpload(access, name, bytes.length)
  for (let at = 0; at < bytes.length; at = upload.acknowledgedBytes) {
    const answer = await sendChunk(access, upload, bytes.subarray(at, at + 5 * 2 ** 20), at)
    if (answer.status !== 204) throw new Error(`PATCH at ${at} was answered ${answer.status}: ${answer.text}`)
  }
  return upload
}

function headersOf(access: Access): Record<string, string> {
  return { authorization: `Bearer ${access.token}`, 'tus-resumable': '1.0.0' }
}
