/**
 * Runs `worker.ts` in Node: `env.STREAM` is a `StreamBinding` of Headwater, everything else stays as it is.
 *
 *   npm install /path/to/headwater
 *   HEADWATER_PUBLIC_URL=… HEADWATER_ACCOUNT_ID=… HEADWATER_API_TOKEN=… PORT=8787 node node.ts
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { StreamBinding } from 'headwater/binding'
import worker, { type Env } from './worker.ts'

const {
  HEADWATER_PUBLIC_URL = '',
  HEADWATER_ACCOUNT_ID = '',
  HEADWATER_API_TOKEN = '',
  PORT = '8787',
} = process.env

const env: Env = {
  STREAM: new StreamBinding({
    baseURL: HEADWATER_PUBLIC_URL,
    accountId: HEADWATER_ACCOUNT_ID,
    apiToken: HEADWATER_API_TOKEN,
  }),
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error: unknown) => {
    console.error(error)
    outgoing.destroy()
  })
})

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`The Worker answers at http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await worker.fetch(toRequest(incoming), env)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.end(Buffer.from(await response.arrayBuffer()))
}

function toRequest(incoming: IncomingMessage): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(`http://${headers.host ?? 'localhost'}${url}`, {
    method,
    headers: { 'content-type': headers['content-type'] ?? 'application/octet-stream' },
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' } : {}),
  })
}
