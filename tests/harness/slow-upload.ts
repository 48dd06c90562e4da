/** An upload whose bytes are sent when the test says so, in one PATCH: what a slow line looks like to the server. */

import { once } from 'node:events'
import { request } from 'node:http'
import type { TestServer } from './server.ts'

export type SlowUpload = {
  readonly uid: string
  /** Sends on until this many bytes of the file have left. */
  sendTo(bytes: number): Promise<void>
  /** Sends the rest; resolves with the status of the answer. */
  finish(): Promise<number>
  /** Breaks the connection. */
  cut(): void
}

/** Creates an upload of `bytes` (with `headers`) and begins its only PATCH (with `chunkHeaders`). */
export async function startSlowUpload(
  server: TestServer,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  chunkHeaders: Readonly<Record<string, string>> = {},
): Promise<SlowUpload> {
  const created = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream?direct_user=true`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.token}`,
      'tus-resumable': '1.0.0',
      'upload-length': String(bytes.byteLength),
      ...headers,
    },
  })
  if (created.status !== 201) throw new Error(`The upload was refused: ${await created.text()}`)
  const patch = request(created.headers.get('location') ?? '', {
    method: 'PATCH',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
      'content-length': bytes.byteLength,
      ...chunkHeaders,
    },
  })
  patch.flushHeaders()
  const answered = once(patch, 'response') as Promise<[{ statusCode?: number; resume(): void }]>
  answered.catch(() => undefined)
  let sent = 0
  const sendTo = async (end: number): Promise<void> => {
    const part = bytes.subarray(sent, end)
    sent = Math.max(sent, end)
    await new Promise<void>((resolve, reject) => {
      patch.write(part, (error) => (error ? reject(error) : resolve()))
    })
  }
  return {
    uid: created.headers.get('stream-media-id') ?? '',
    sendTo,
    async finish() {
      await sendTo(bytes.byteLength)
      patch.end()
      const [answer] = await answered
      answer.resume()
      return answer.statusCode ?? 0
    },
    cut: () => patch.destroy(),
  }
}
