/** Requests as they go over the wire, for what `fetch` would tidy up or refuse to send. */

import { request } from 'node:http'
import { connect } from 'node:net'

export type RawAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The text as JSON; throws when it is none. */
  readonly json: () => Envelope
}

export type Envelope = {
  readonly result: unknown
  readonly success: boolean
  readonly errors: readonly { code: number; message: string; source?: { pointer: string } }[]
  readonly messages: readonly { code: number; message: string }[] | null
  readonly total?: number
  readonly range?: number
}

/** Sends one request; the path goes out exactly as given. */
export function send(
  url: string,
  path: string,
  options: { method?: string; headers?: Readonly<Record<string, string>>; body?: string | Uint8Array } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, path, method: options.method ?? 'GET', headers: options.headers, agent: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8')
          const headers = Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
          )
          resolve({ status: response.statusCode ?? 0, headers, text, json: () => JSON.parse(text) })
        })
      },
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}

/** Writes bytes to a socket and answers everything that comes back until the server closes or `quietMs` pass. */
export function converse(url: string, bytes: string | Uint8Array, quietMs = 400): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.setTimeout(quietMs, () => socket.destroy())
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    socket.on('error', (error) => (text === '' ? reject(error) : undefined))
    socket.on('close', () => resolve(text))
  })
}
