/**
 * What clients do in one life of the server, until it is killed: some send files by tus on slow lines, others do one
 * thing after another, drawn from the seed. Every request is written down before it is sent and when it is answered.
 */

import { createHash } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Origin } from '../../harness/origin.ts'
import type { Access } from '../tus-lines.ts'
import { Client, type Reply, resultOf, Violation } from './client.ts'
import type { Films } from './films.ts'
import type { Journal } from './journal.ts'
import type { KnownVideo, NewVideo } from './model.ts'
import { isOpen, Senders } from './senders.ts'

export type LoadOptions = {
  readonly access: Access
  readonly journal: Journal
  readonly films: Films
  /** Where copies come from, by name of the film. */
  readonly origins: ReadonlyMap<string, Origin>
  readonly random: () => number
  /** A fault of this life may fail requests. */
  readonly mayFail: boolean
  /** Begins the names of what is made. */
  readonly prefix: string
  /** Videos that play, as the server listed them after its start. */
  readonly playable: readonly string[]
  /** Videos that failed and should not have. */
  readonly failed: readonly string[]
}

const ACTORS = 2
/** Beyond so many, actors delete rather than make. */
const MOST_VIDEOS = 12

const WEIGHTS = {
  form: 2,
  copy: 2,
  clip: 3,
  caption: 3,
  'delete caption': 1,
  download: 2,
  'audio track': 2,
  edit: 3,
  key: 1,
  'delete key': 1,
  play: 5,
  'delete video': 2,
  'repeat a request': 2,
  'retry video': 2,
} as const
type Action = keyof typeof WEIGHTS

export class Load {
  readonly #options: LoadOptions
  readonly #client: Client
  readonly #senders: Senders
  readonly #busy = new Set<string>()
  readonly #playable: string[]
  #made = 0
  #stopped = false
  #cut = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: LoadOptions) {
    this.#options = options
    this.#client = new Client(options.access, options.journal, options.mayFail)
    this.#senders = new Senders({ ...options, client: this.#client })
    this.#playable = [...options.playable]
  }

  /** Begins. A violation is thrown by `end`. */
  start(): void {
    this.#running = Promise.all([this.#senders.run(), ...Array.from({ length: ACTORS }, () => this.#act())])
    this.#running.catch(() => {})
  }

  /** Once the server is killed, or after the actions at hand: how many senders a kill has cut. */
  async end(): Promise<number> {
    this.#stopped = true
    this.#senders.stop()
    await this.#running
    return this.#senders.cut
  }

  async #act(): Promise<void> {
    const { random } = this.#options
    while (!this.#stopped && !this.#cut) {
      await sleep(random() * 80)
      const reply = await this.#do(this.#draw())
      if (reply === 'cut') this.#cut = true
    }
  }

  #draw(): Action {
    const { random, journal } = this.#options
    const present = journal.model.videos.filter(({ uid }) => uid !== null).length
    if (present > MOST_VIDEOS && random() < 0.5) return 'delete video'
    const entries = Object.entries(WEIGHTS) as [Action, number][]
    let left = random() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [action, weight] of entries) {
      left -= weight
      if (left < 0) return action
    }
    return 'play'
  }

  async #do(action: Action): Promise<Reply | string | undefined> {
    switch (action) {
      case 'form':
        return await this.#form()
      case 'copy':
        return await this.#copy()
      case 'key':
        return await this.#makeKey()
      case 'delete key':
        return await this.#deleteKey()
      case 'repeat a request':
        return await this.#repeat()
      case 'retry video':
        return await this.#withOne(this.#options.failed, (uid) => this.#retry(uid))
      case 'delete video':
        return await this.#withOne(this.#deletable(), (uid) => this.#deleteVideo(uid))
      default:
        return await this.#withOne(this.#playable, (uid) => this.#doWith(action, uid))
    }
  }

  async #doWith(action: Action, uid: string): Promise<Reply | string | undefined> {
    const client = this.#client
    const value = this.#newName()
    switch (action) {
      case 'clip':
        // One of a clip would have to be shorter still.
        if (client.journal.model.videoOf(uid)?.way === 'clip') return undefined
        return await this.#make({ name: value, way: 'clip', of: uid, key: this.#maybeKey(value) })
      case 'caption': {
        const form = new FormData()
        form.append('file', new Blob([`WEBVTT\n\n00:00.000 --> 00:02.000\n${value}\n`]), 'captions.vtt')
        const language = this.#pick(['en', 'de'])
        const what = `of ${uid} captions ${language}`
        return await client.change({ action, what, value }, `/stream/${uid}/captions/${language}`, {
          method: 'PUT',
          body: form,
        })
      }
      case 'delete caption': {
        const language = this.#pick(['en', 'de'])
        const what = `of ${uid} captions ${language}`
        if (client.journal.model.may(what).every((each) => each === null)) return undefined
        return await client.change({ action, what }, `/stream/${uid}/captions/${language}`, {
          method: 'DELETE',
        })
      }
      case 'download': {
        const type = this.#pick(['default', 'audio'])
        const what = `of ${uid} download ${type}`
        return await client.change({ action, what, value: 'asked for' }, `/stream/${uid}/downloads/${type}`, {
          method: 'POST',
        })
      }
      case 'audio track': {
        const what = `of ${uid} track ${value}`
        // A few are enough.
        if (client.journal.model.registers(`of ${uid} track `).length > 1) return undefined
        const url = this.#options.origins.get(this.#options.films.sound.name)?.url ?? ''
        return await client.change({ action, what, value: 'asked for' }, `/stream/${uid}/audio/copy`, {
          method: 'POST',
          body: { label: value, url },
        })
      }
      case 'edit':
        return await client.change({ action, what: `of ${uid} creator`, value }, `/stream/${uid}`, {
          method: 'POST',
          body: { creator: value },
        })
      default:
        return await this.#play(uid)
    }
  }

  async #form(): Promise<Reply | string> {
    const film = this.#pick(this.#options.films.small)
    return await this.#make({ name: this.#newName(), way: 'form', of: film.name, key: null })
  }

  async #copy(): Promise<Reply | string> {
    const film = this.#pick(this.#options.films.small.filter(({ ends }) => ends === 'ready'))
    const name = this.#newName()
    return await this.#make({ name, way: 'copy', of: film.name, key: this.#maybeKey(name) })
  }

  async #make(video: NewVideo): Promise<Reply | string> {
    this.#options.journal.write({ is: 'video asked for', video, realMs: Date.now() })
    return await this.#ask(video)
  }

  /** Sends the request of a video that is written down. */
  async #ask(video: NewVideo): Promise<Reply | string> {
    const headers: Record<string, string> = video.key === null ? {} : { 'idempotency-key': video.key }
    const [path, body] = await this.#requestOf(video)
    const reply = await this.#client.change({ action: video.way }, path, { method: 'POST', body, headers })
    if (typeof reply === 'string') return reply
    const { uid } = resultOf(reply) as { uid: string }
    const known = this.#options.journal.model.videoNamed(video.name)?.uid ?? uid
    if (known !== uid) throw new Violation(`${video.name}: the repeated request made ${uid} beside ${known}`)
    this.#options.journal.write({ is: 'video made', name: video.name, uid, by: 'answer' })
    return reply
  }

  async #requestOf({ way, name, of }: NewVideo): Promise<[string, object | FormData]> {
    if (way === 'clip') {
      return [
        '/stream/clip',
        { clippedFromVideoUID: of, startTimeSeconds: 1, endTimeSeconds: 4, meta: { name } },
      ]
    }
    if (way === 'copy') return ['/stream/copy', { url: this.#options.origins.get(of)?.url, meta: { name } }]
    const form = new FormData()
    form.append('file', await openAsBlob(this.#options.films.byName(of).path), name)
    return ['/stream', form]
  }

  /** A client whose connection broke sends its request again, with the same Idempotency-Key. */
  async #repeat(): Promise<Reply | string | undefined> {
    const { model } = this.#options.journal
    const video = this.#pick(model.videos.filter((each) => each.key !== null && model.keyIsKept(each)))
    if (video === undefined) return undefined
    const reply = await this.#ask(video)
    this.#options.journal.write({
      is: 'action',
      of: 'repeat a request',
      end: typeof reply === 'string' ? 'refused' : 'done',
    })
    if (reply === 'refused') this.#checkRefusal(video)
    return reply
  }

  /** Once answered, a key gives the same answer again as long as what it tells of is there. */
  #checkRefusal(video: KnownVideo): void {
    const { model } = this.#options.journal
    const { uid, madeBy, way } = video
    // The address that copies come from is another one after the driver was interrupted.
    if (uid === null || madeBy !== 'answer' || way === 'copy' || model.mayBeGone(uid)) return
    throw new Violation(
      `${video.name}: its Idempotency-Key is refused, though its request was answered with ${uid}`,
    )
  }

  async #makeKey(): Promise<Reply | string> {
    const what = `new key ${this.#newName()}`
    const reply = await this.#client.change({ action: 'key', what, value: 'asked for' }, '/stream/keys', {
      method: 'POST',
      body: {},
    })
    if (typeof reply === 'string') return reply
    const { id } = resultOf(reply) as { id: string }
    this.#options.journal.write({ is: 'acknowledged', what: `key ${id}`, value: 'there' })
    this.#options.journal.write({ is: 'acknowledged', what, value: null })
    return reply
  }

  async #deleteKey(): Promise<Reply | string | undefined> {
    const { model } = this.#options.journal
    const ids = model.registers('key ').filter((id) => !model.may(`key ${id}`).includes(null))
    return await this.#withOne(ids, (id) =>
      this.#client.change({ action: 'delete key', what: `key ${id}` }, `/stream/keys/${id}`, {
        method: 'DELETE',
      }),
    )
  }

  async #retry(uid: string): Promise<Reply | string> {
    const reply = await this.#client.change({ action: 'retry video' }, `/headwater/videos/${uid}/retry`, {
      method: 'POST',
    })
    // Unless it was refused: what is made of it begins anew.
    if (reply !== 'refused') this.#options.journal.write({ is: 'retried', uid })
    return reply
  }

  async #deleteVideo(uid: string): Promise<Reply | string> {
    const at = this.#playable.indexOf(uid)
    if (at !== -1) this.#playable.splice(at, 1)
    return await this.#client.change({ action: 'delete video', what: `video ${uid}` }, `/stream/${uid}`, {
      method: 'DELETE',
    })
  }

  #deletable(): readonly string[] {
    const { model } = this.#options.journal
    const open = new Set(model.uploads.filter(isOpen).map(({ uid }) => uid))
    return model.videos.flatMap(({ uid }) =>
      uid !== null && !open.has(uid) && !model.mayBeGone(uid) ? [uid] : [],
    )
  }

  /** A manifest, a playlist of it, a segment of that: bytes that were served once are served so for ever. */
  async #play(uid: string): Promise<Reply | string | undefined> {
    let address = `/${uid}/manifest/video.m3u8`
    for (let step = 0; step < 3; step += 1) {
      const reply = await this.#client.change({ action: 'play' }, address)
      if (typeof reply === 'string') return reply
      if (step === 2) {
        this.#options.journal.write({
          is: 'served',
          address,
          hash: checkServed(this.#options.journal, address, reply),
        })
        return reply
      }
      const lines = reply.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      const next = this.#pick(lines)
      if (next === undefined) return reply
      const { pathname, search } = new URL(next, `http://server${address}`)
      address = pathname + search
    }
    return undefined
  }

  async #withOne<T>(uids: readonly string[], use: (uid: string) => Promise<T>): Promise<T | undefined> {
    const uid = this.#pick(uids.filter((each) => !this.#busy.has(each)))
    if (uid === undefined) return undefined
    this.#busy.add(uid)
    try {
      return await use(uid)
    } finally {
      this.#busy.delete(uid)
    }
  }

  #pick<T>(choices: readonly [T, ...T[]]): T
  #pick<T>(choices: readonly T[]): T
  #pick<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.#options.random() * choices.length)]
  }

  #newName(): string {
    return `${this.#options.prefix} ${(this.#made += 1)}`
  }

  /** Half of the requests that make something can be sent again. */
  #maybeKey(name: string): string | null {
    return this.#options.random() < 0.5 ? `key of ${name}` : null
  }
}

/** SHA-256 of what was served. Throws when the same address has served something else before. */
export function checkServed({ model }: Journal, address: string, { text }: Pick<Reply, 'text'>): string {
  const hash = createHash('sha256').update(text, 'latin1').digest('hex')
  const before = model.servedBefore(address)
  if (before !== undefined && before !== hash)
    throw new Violation(`${address} serves other bytes than before`)
  return hash
}
