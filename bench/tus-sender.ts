/** A tus client that costs next to nothing: the same bytes again and again, one connection per upload. */

import { Agent, type IncomingMessage, request } from 'node:http'

/** Where uploads are made, and the token that may. */
export type Endpoint = { readonly url: string; readonly token: string }

/** An upload that has been made. */
export type MadeUpload = { readonly location: string; readonly uid: string }

const BYTES = Buffer.alloc(50 * 1_048_576, 'headwater ')

/** Makes an upload. Throws when it is refused. */
export async function createUpload(
  endpoint: Endpoint,
  lengthBytes: number,
  agent?: Agent,
): Promise<MadeUpload> {
  const headers = { ...sharedHeaders(endpoint), 'upload-length': String(lengthBytes) }
  const made = await send('POST', endpoint.url, { headers, agent })
  if (made.statusCode !== 201) throw new Error(`creation answered ${made.statusCode}`)
  return {
    location: new URL(made.headers.location ?? '', endpoint.url).href,
    uid: String(made.headers['stream-media-id'] ?? ''),
  }
}

/** Sends one chunk from `offset` on. Throws when it is refused. */
export async function sendChunk(
  endpoint: Endpoint,
  upload: MadeUpload,
  chunk: { offset: number; bytes: number; agent?: Agent },
): Promise<void> {
  const headers = {
    ...sharedHeaders(endpoint),
    'content-type': 'application/offset+octet-stream',
    'content-length': String(chunk.bytes),
    'upload-offset': String(chunk.offset),
  }
  const body = BYTES.subarray(0, chunk.bytes)
  const patched = await send('PATCH', upload.location, { headers, agent: chunk.agent, body })
  if (patched.statusCode !== 204) throw new Error(`PATCH answered ${patched.statusCode}`)
}

/** Asks for the offset. Throws when it is refused. */
export async function askOffset(endpoint: Endpoint, upload: MadeUpload): Promise<number> {
  const asked = await send('HEAD', upload.location, { headers: sharedHeaders(endpoint) })
  if (asked.statusCode !== 200) throw new Error(`HEAD answered ${asked.statusCode}`)
  return Number(asked.headers['upload-offset'])
}

/** A whole upload of `lengthBytes`, in chunks of at most `chunkBytes` (up to 50 MiB), on one connection. */
export async function sendUpload(endpoint: Endpoint, lengthBytes: number, chunkBytes: number): Promise<void> {
  const made = await createUpload(endpoint, lengthBytes)
  await sendChunks(endpoint, made, lengthBytes, chunkBytes)
}

/** As many bytes of an upload that would have more, and is given up then: nothing of it stays. */
export async function sendInVain(endpoint: Endpoint, bytes: number, chunkBytes: number): Promise<void> {
  const made = await createUpload(endpoint, bytes + chunkBytes)
  await sendChunks(endpoint, made, bytes, chunkBytes)
  const ended = await send('DELETE', made.location, { headers: sharedHeaders(endpoint) })
  if (ended.statusCode !== 204) throw new Error(`DELETE answered ${ended.statusCode}`)
}

async function sendChunks(
  endpoint: Endpoint,
  upload: MadeUpload,
  bytes: number,
  chunkBytes: number,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    for (let offset = 0; offset < bytes; offset += chunkBytes) {
      await sendChunk(endpoint, upload, { offset, bytes: Math.min(chunkBytes, bytes - offset), agent })
    }
  } finally {
    agent.destroy()
  }
}

function sharedHeaders({ token }: Endpoint): Record<string, string> {
  return { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' }
}

function send(
  method: string,
  url: string,
  options: { headers: Readonly<Record<string, string>>; agent?: Agent | undefined; body?: Uint8Array },
): Promise<IncomingMessage> {
  const { headers, agent, body } = options
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, (answer) => {
      answer.resume().once('end', () => resolve(answer))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}
