/**
 * What clients of other languages write on the wire (uploads.md §9), sent byte for byte. A transcript is a text in
 * `transcripts/`: `>` begins a line of a request, `<` what its answer must have (status, then headers), `---` ends the
 * connection, `=` tells the video's `meta`; `{location}` is the path of the address that was handed out.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { RawClient, sha256, startUploadServer, testBytes, type UploadServer } from './tus-fixture.ts'

const FOLDER = join(import.meta.dirname, 'transcripts')

let server: UploadServer

beforeAll(async () => {
  server = await startUploadServer()
})
afterAll(() => server.stop())

/** Both sides of one connection. */
class Replay {
  readonly #film: Buffer
  #client = new RawClient(server.port)
  #values: Record<string, string>
  #requestLines: string[] = []
  #answer: Awaited<ReturnType<RawClient['answer']>>
  uid = ''
  /** What the transcript says of the video. */
  meta: unknown

  constructor(film: Buffer) {
    this.#film = film
    const { pathname } = new URL(server.endpoint)
    this.#values = { host: `127.0.0.1:${server.port}`, endpoint: pathname, token: server.token }
  }

  async play(line: string): Promise<void> {
    if (line === '' || line.startsWith('#')) return
    if (line.startsWith('---')) return this.#reconnect()
    const [side, rest] = [line[0], line.slice(2)]
    const body = /^\[bytes (\d+) to (\d+)\]$/.exec(rest)
    if (side === '>' && body) return this.#client.bytes(this.#film.subarray(Number(body[1]), Number(body[2])))
    if (side === '>') return this.#ask(rest)
    if (side === '<' && /^\d{3}$/.test(rest)) return this.#expectStatus(Number(rest))
    if (side === '<') return this.#expectHeader(rest)
    if (side === '=') return this.#keepMeta(rest)
    throw new Error(`no line of a transcript: ${line}`)
  }

  /** Lines are collected up to the empty one that ends the head. */
  async #ask(line: string): Promise<void> {
    if (line !== '') {
      this.#requestLines.push(line.replaceAll(/\{(\w+)\}/g, (_, name: string) => this.#values[name] ?? ''))
      return
    }
    await this.#client.head(...this.#requestLines.splice(0))
  }

  async #expectStatus(status: number): Promise<void> {
    this.#answer = await this.#client.answer()
    expect(this.#answer?.status).toBe(status)
    this.uid = this.#answer?.headers.get('stream-media-id') ?? this.uid
  }

  #expectHeader(line: string): void {
    const [name = '', value] = line.split(': ')
    const found = this.#answer?.headers.get(name.toLowerCase())
    if (value !== '{location}') return expect(found).toBe(value)
    const { origin, pathname, search } = new URL(found ?? '')
    expect(origin).toBe(server.url)
    this.#values.location = `${pathname}${search}`
  }

  #keepMeta(json: string): void {
    this.meta = JSON.parse(json)
  }

  async #reconnect(): Promise<void> {
    this.#client.socket.end()
    await this.#client.ended()
    // The server has kept what came before the end, as it has when a client finds out that its line is broken.
    while (server.deps.locks.isHeld(`upload/${this.uid}`))
      await new Promise((resolve) => setTimeout(resolve, 2))
    this.#client = new RawClient(server.port)
  }
}

test.each(readdirSync(FOLDER))('%s', async (name) => {
  const film = testBytes(7_340_037, name.length)
  const replay = new Replay(film)
  for (const line of readFileSync(join(FOLDER, name), 'utf8').split('\n')) await replay.play(line)
  expect(await getVideo(server.deps.db, replay.uid)).toMatchObject({
    state: 'queued',
    sizeBytes: film.length,
    meta: replay.meta,
  })
  expect(await server.sourceHash(replay.uid)).toBe(sha256(film))
})
