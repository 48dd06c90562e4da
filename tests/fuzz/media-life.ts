/** The whole life of a stranger's file on a real server: sent, looked at, encoded, watched, deleted. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { callApi } from '../harness/server.ts'

/** A server, and who asks. */
export type MediaServer = {
  readonly url: string
  readonly apiUrl: string
  readonly accountId: string
  readonly token: string
}

/** What is sent. */
export type SentFile = {
  readonly bytes: Uint8Array
  /** Pairs of `Upload-Metadata`; values as they are, not in Base64. */
  readonly metadata: Readonly<Record<string, string>>
}

/** How it ended. `reasonCode` is the vendor's, `code` our own, both empty for a video that plays. */
export type MediaEnd = {
  readonly uid: string
  readonly state: 'ready' | 'error' | 'refused' | 'hangs'
  readonly reasonCode: string
  readonly code: string
  /** The sentence for the owner; of a refusal its whole answer. */
  readonly sentence: string
  /** Answers of 500 and above, and whatever else no file may bring about. */
  readonly problems: readonly string[]
  /** Of a video that plays; else 0. */
  readonly seconds: number
  readonly ms: number
}

/** How long a file may take, and whether its video is played and deleted afterwards. */
export type LifeOptions = {
  readonly budgetMs: number
  readonly watch: boolean
  readonly remove: boolean
}

/** Sends a file in one tus request and follows it to its end. Throws only when the server cannot be reached. */
export async function liveOnServer(
  server: MediaServer,
  file: SentFile,
  options: LifeOptions,
): Promise<MediaEnd> {
  const startedMs = performance.now()
  const life = new Life(server, startedMs + options.budgetMs)
  const sent = await life.send(file)
  if (typeof sent !== 'string') return { ...sent, ms: performance.now() - startedMs }
  const end = await life.follow(sent)
  const ms = performance.now() - startedMs
  if (end.state === 'ready' && options.watch) await life.watch(sent)
  if (options.remove) await life.remove(sent)
  return { uid: sent, ...end, problems: life.problems, ms }
}

type End = Pick<MediaEnd, 'state' | 'reasonCode' | 'code' | 'sentence' | 'seconds'>

const NOTHING_SAID = { reasonCode: '', code: '', sentence: '', seconds: 0 } as const

type EventsAnswer = { events: { kind: string; detail: { code?: string } }[] }

class Life {
  readonly problems: string[] = []
  readonly #server: MediaServer
  readonly #deadlineMs: number

  constructor(server: MediaServer, deadlineMs: number) {
    this.#server = server
    this.#deadlineMs = deadlineMs
  }

  /** Answers the uid, or how it was refused. */
  async send({ bytes, metadata }: SentFile): Promise<string | Omit<MediaEnd, 'ms'>> {
    const { apiUrl, accountId, token } = this.#server
    const pairs = Object.entries(metadata).map(
      ([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`,
    )
    const response = await fetch(`${apiUrl}/accounts/${accountId}/stream`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'tus-resumable': '1.0.0',
        'upload-length': String(bytes.length),
        'content-type': 'application/offset+octet-stream',
        ...(pairs.length > 0 && { 'upload-metadata': pairs.join(',') }),
      },
      body: new Uint8Array(bytes),
    })
    const sentence = await response.text()
    const uid = response.headers.get('stream-media-id')
    if (response.status === 201 && uid !== null) return uid
    if (response.status >= 500 || response.status < 400) this.problems.push(`POST: ${response.status}`)
    return {
      uid: '',
      state: 'refused',
      reasonCode: String(response.status),
      code: '',
      sentence,
      seconds: 0,
      problems: this.problems,
    }
  }

  /** Until it has failed, or plays with everything made that will be made. */
  async follow(uid: string): Promise<End> {
    for (;;) {
      const { status, duration } = await callApi<PresentedVideo>(this.#server, `/stream/${uid}`)
      const isWhole = status.state === 'ready' && Number(status.pctComplete) >= 100
      if (isWhole) return { ...NOTHING_SAID, state: 'ready', seconds: duration }
      if (status.state === 'error') {
        const { errorReasonCode, errorReasonText } = status
        return {
          state: 'error',
          reasonCode: errorReasonCode,
          code: await this.#ownCode(uid),
          sentence: errorReasonText,
          seconds: 0,
        }
      }
      if (performance.now() > this.#deadlineMs) {
        this.problems.push(`still ${JSON.stringify(status)}`)
        return { ...NOTHING_SAID, state: 'hangs' }
      }
      await sleep(100)
    }
  }

  async #ownCode(uid: string): Promise<string> {
    const { events } = await callApi<EventsAnswer>(this.#server, `/headwater/videos/${uid}/events`)
    return events.findLast(({ kind }) => kind === 'error')?.detail.code ?? ''
  }

  /** Manifests, the first and the last segment of every rendition, sometimes a still. */
  async watch(uid: string): Promise<void> {
    const main = await this.#get(`${this.#server.url}/${uid}/manifest/video.m3u8`)
    for (const playlist of addressesIn(main)) {
      const media = await this.#get(playlist)
      const parts = addressesIn(media)
      // The init segment is named in a tag and comes first.
      for (const address of new Set([...parts.slice(0, 2), ...parts.slice(-1)])) await this.#get(address)
    }
    await this.#get(`${this.#server.url}/${uid}/manifest/video.mpd`)
    // A still is one more run of the decoder: of some.
    if (/^[0-3]/.test(uid)) await this.#get(`${this.#server.url}/${uid}/thumbnails/thumbnail.jpg`)
  }

  async remove(uid: string): Promise<void> {
    const { apiUrl, accountId, token } = this.#server
    const response = await fetch(`${apiUrl}/accounts/${accountId}/stream/${uid}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}` },
    })
    await response.arrayBuffer()
    if (response.status !== 200) this.problems.push(`DELETE ${uid}: ${response.status}`)
  }

  async #get(address: string): Promise<{ address: string; text: string }> {
    const response = await fetch(address)
    const text = Buffer.from(await response.arrayBuffer()).toString('latin1')
    if (response.status >= 500) {
      this.problems.push(`GET ${new URL(address).pathname}: ${response.status} ${text.slice(0, 300)}`)
    }
    return { address, text: response.ok ? text : '' }
  }
}

/** Whole addresses of what a playlist names, in its order. */
function addressesIn({ address, text }: { address: string; text: string }): string[] {
  return text.split('\n').flatMap((line) => {
    const named = line.startsWith('#') ? /URI="([^"]+)"/.exec(line)?.[1] : line.trim()
    return named ? [new URL(named, address).href] : []
  })
}
