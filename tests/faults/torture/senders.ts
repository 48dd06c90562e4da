/** Clients that send files by tus, several at once, until the server is killed; and go on with them in its next life. */

import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Finding, resumeFile } from '../resume-file.ts'
import { openSlowLine } from '../slow-line.ts'
import type { Access, ClientUpload } from '../tus-lines.ts'
import { type Client, Violation } from './client.ts'
import type { Films } from './films.ts'
import type { Journal } from './journal.ts'
import type { OpenUpload } from './model.ts'

export type SendersOptions = {
  readonly access: Access
  readonly client: Client
  readonly journal: Journal
  readonly films: Films
  readonly random: () => number
  /** Begins the names of their videos. */
  readonly prefix: string
}

const SENDERS = 2

export class Senders {
  readonly #options: SendersOptions
  readonly #busy = new Set<string>()
  #made = 0
  #stopped = false
  #cut = 0

  constructor(options: SendersOptions) {
    this.#options = options
  }

  /** How many were cut by a kill. */
  get cut(): number {
    return this.#cut
  }

  /** After the files at hand. */
  stop(): void {
    this.#stopped = true
  }

  /** Several senders at once, on a line slow enough that a kill meets the bodies of their requests. */
  async run(): Promise<void> {
    const { access, random } = this.#options
    const slowestMs = random() < 0.6 ? 30 : 3
    const line = await openSlowLine(access.url, () => random() * slowestMs)
    try {
      await Promise.all(
        Array.from({ length: SENDERS }, () => this.#sendOneAfterAnother({ ...access, url: line.url })),
      )
    } finally {
      await line.close()
    }
  }

  async #sendOneAfterAnother(access: Access): Promise<void> {
    while (!this.#stopped && this.#cut === 0) {
      const upload = this.#nextUpload() ?? (await this.#newUpload())
      if (upload === 'cut') return
      if (typeof upload === 'string') {
        await sleep(50)
        continue
      }
      this.#busy.add(upload.uid)
      if (!(await this.#sendRest(access, upload))) {
        this.#cut += 1
      }
      this.#busy.delete(upload.uid)
    }
  }

  #nextUpload(): OpenUpload | undefined {
    return this.#options.journal.model.uploads.find((each) => isOpen(each) && !this.#busy.has(each.uid))
  }

  async #newUpload(): Promise<OpenUpload | string> {
    const { films, journal, random, prefix } = this.#options
    const film = films.large[Math.floor(random() * films.large.length)] ?? films.sound
    const name = `${prefix} sent ${(this.#made += 1)}`
    const { size } = await stat(film.path)
    journal.write({
      is: 'video asked for',
      video: { name, way: 'tus', of: film.name, key: null },
      realMs: Date.now(),
    })
    const reply = await this.#options.client.change({ action: 'tus' }, '/stream', {
      method: 'POST',
      headers: {
        'tus-resumable': '1.0.0',
        'upload-length': String(size),
        'upload-metadata': `name ${Buffer.from(name).toString('base64')}`,
      },
    })
    if (typeof reply === 'string') return reply
    const { pathname, search } = new URL(reply.headers.get('location') ?? '')
    const uid = reply.headers.get('stream-media-id') ?? ''
    journal.write({ is: 'video made', name, uid, by: 'answer' })
    journal.write({ is: 'upload made', uid, path: pathname + search, lengthBytes: size, realMs: Date.now() })
    const made = journal.model.uploads.find((each) => each.uid === uid)
    if (!made) throw new Error('an upload that is made is known')
    return made
  }

  /** Sends what is left; answers false when the connection was cut. */
  async #sendRest(access: Access, upload: OpenUpload): Promise<boolean> {
    const { journal, films } = this.#options
    const film = films.byName(journal.model.videoOf(upload.uid)?.of ?? '')
    try {
      const whole = await resumeFile(access, asClientUpload(journal, upload), film.path)
      journal.write({ is: 'action', of: 'send a file', end: whole ? 'done' : 'cut' })
      return whole
    } catch (error) {
      if (!(error instanceof Finding)) throw error
      if ([404, 410].includes(error.status) && journal.model.mayHaveExpired(upload)) {
        journal.write({ is: 'upload expired', uid: upload.uid })
        return true
      }
      const end = this.#options.client.judge(`an upload (${upload.uid})`, {
        status: error.status,
        text: error.message,
      })
      if (end === 'refused') throw new Violation(`${upload.uid}: ${error.message}`)
      journal.write({ is: 'action', of: 'send a file', end })
      await sleep(100)
      return true
    }
  }
}

/** Bytes are missing. */
export function isOpen({ acknowledgedBytes, lengthBytes }: OpenUpload): boolean {
  return acknowledgedBytes < lengthBytes
}

/** An upload whose acknowledgements are written down. */
export function asClientUpload(journal: Journal, { uid, path, lengthBytes }: OpenUpload): ClientUpload {
  let acknowledged = 0
  return {
    uid,
    path,
    lengthBytes,
    get acknowledgedBytes() {
      return acknowledged
    },
    set acknowledgedBytes(bytes) {
      acknowledged = bytes
      journal.write({ is: 'received', uid, bytes })
    },
  }
}
