/**
 * What the clients of a server were told, and so what must be there and what may be there after it was killed. Pure: it
 * is the sum of events, which the driver keeps in a file, so that a long run can be interrupted and gone on with.
 *
 * Everything a client can change is a register: its value as last acknowledged, and beside it what was asked for since
 * without an answer, for then either may be found. What was found once stays.
 */

/** What a register holds; null = there is no such thing. */
export type Value = string | null

/** How a video came to be. */
export type Way = 'tus' | 'form' | 'copy' | 'clip'

/** What its client says of a video in the request that makes it. */
export type NewVideo = {
  /** Unique. */
  readonly name: string
  readonly way: Way
  /** Name of its source; of a clip, the uid of the video it is cut from. */
  readonly of: string
  /** Idempotency-Key of the request; null = none. */
  readonly key: string | null
}

/** One thing that happened. `what` names a register, times are of this machine's clock in milliseconds. */
export type ModelEvent =
  | {
      readonly is: 'asked' | 'acknowledged' | 'refused' | 'seen'
      readonly what: string
      readonly value: Value
    }
  | { readonly is: 'video asked for'; readonly video: NewVideo; readonly realMs: number }
  /** Its answer says so, or the list after a restart. */
  | { readonly is: 'video made'; readonly name: string; readonly uid: string; readonly by: 'answer' | 'list' }
  /** It was not answered, and after the restart it is not there. */
  | { readonly is: 'video lost'; readonly name: string }
  | {
      readonly is: 'upload made'
      readonly uid: string
      readonly path: string
      readonly lengthBytes: number
      readonly realMs: number
    }
  | { readonly is: 'received'; readonly uid: string; readonly bytes: number }
  | { readonly is: 'upload expired'; readonly uid: string }
  /** It is processed anew; what was made of it before is thrown away. */
  | { readonly is: 'retried'; readonly uid: string }
  | { readonly is: 'served'; readonly address: string; readonly hash: string }
  | { readonly is: 'chunk'; readonly key: string; readonly createdUs: number }
  | { readonly is: 'told'; readonly uid: string; readonly state: string }
  /** From now on the server's clock is `offsetMs` ahead of this machine's. */
  | { readonly is: 'clock'; readonly realMs: number; readonly offsetMs: number }
  /** `mayFail`: a job may have failed by a fault in this life of the server. */
  | { readonly is: 'life ended'; readonly realMs: number; readonly mayFail: boolean }

/** An upload that is under way. */
export type OpenUpload = {
  readonly uid: string
  readonly path: string
  readonly lengthBytes: number
  /** By the server's clock. */
  readonly createdMs: number
  acknowledgedBytes: number
}

/** A video that was asked for. */
export type KnownVideo = NewVideo & {
  /** By the server's clock, at the earliest. */
  askedMs: number
  /** Lives in which jobs may have failed, before it was asked for (or for another try). */
  failuresBefore: number
  /** null until it is known. */
  uid: string | null
  madeBy: 'answer' | 'list' | null
}

const HOUR_MS = 3_600_000
const UPLOAD_HOURS = 24
const KEY_HOURS = 6
/** A life burns two of a job's four tries at most: one at the fault, one when it is tried again a second later. */
const LIVES_TO_GIVE_UP = 2

/** The sum of all events so far. */
export class Model {
  readonly #registers = new Map<string, readonly Value[]>()
  readonly #videos = new Map<string, KnownVideo>()
  readonly #names = new Map<string, string>()
  readonly #uploads = new Map<string, OpenUpload>()
  readonly #served = new Map<string, string>()
  readonly #chunks = new Map<string, number>()
  readonly #told = new Map<string, Set<string>>()
  readonly #clock: { realMs: number; offsetMs: number }[] = []
  #latestMs = Number.NEGATIVE_INFINITY
  #failures = 0

  /** What a register may hold now; never empty. */
  may(what: string): readonly Value[] {
    return this.#registers.get(what) ?? [null]
  }

  /** Whether anything was ever said of a register. */
  knows(what: string): boolean {
    return this.#registers.has(what)
  }

  /** What follows `prefix` in the names of the registers that begin with it. */
  registers(prefix: string): readonly string[] {
    return [...this.#registers.keys()]
      .filter((what) => what.startsWith(prefix))
      .map((what) => what.slice(prefix.length))
  }

  /** Every video that was asked for and has not been seen gone. */
  get videos(): readonly KnownVideo[] {
    return [...this.#videos.values()]
  }

  videoOf(uid: string): KnownVideo | undefined {
    return this.#videos.get(this.#names.get(uid) ?? '')
  }

  videoNamed(name: string): KnownVideo | undefined {
    return this.#videos.get(name)
  }

  /** Whether somebody asked to delete it; or it was never acknowledged. */
  mayBeGone(uid: string): boolean {
    return this.may(`video ${uid}`).includes(null)
  }

  /** Uploads that have been made and not been seen whole. */
  get uploads(): readonly OpenUpload[] {
    return [...this.#uploads.values()]
  }

  /** Whether the clock has been nearly a day further since, so that its end may have come. */
  mayHaveExpired({ createdMs }: Pick<OpenUpload, 'createdMs'>): boolean {
    return this.#latestMs >= createdMs + (UPLOAD_HOURS - 1) * HOUR_MS
  }

  /** Whether the server must still know the Idempotency-Key of this video. */
  keyIsKept({ askedMs }: KnownVideo): boolean {
    return this.#latestMs < askedMs + (KEY_HOURS - 1) * HOUR_MS
  }

  /** Lives so far in which jobs may have failed. */
  get failures(): number {
    return this.#failures
  }

  /** Whether faults may have used up all tries of a job since there were only so many such lives. */
  mayBeGivenUp(failuresBefore: number): boolean {
    return this.#failures - failuresBefore >= LIVES_TO_GIVE_UP
  }

  /** When each finished chunk was recorded, by key (`<uid>/<rendition>/<first segment>`). */
  get chunks(): ReadonlyMap<string, number> {
    return this.#chunks
  }

  /** SHA-256 of what was served at an address before. */
  servedBefore(address: string): string | undefined {
    return this.#served.get(address)
  }

  /** The last `count` addresses that were served. */
  servedSample(count: number): readonly (readonly [address: string, hash: string])[] {
    return [...this.#served].slice(-count)
  }

  /** States that webhook calls told of a video. */
  toldOf(uid: string): ReadonlySet<string> {
    return this.#told.get(uid) ?? new Set()
  }

  /** Every move of the server's clock, oldest first. */
  get clock(): readonly { readonly realMs: number; readonly offsetMs: number }[] {
    return this.#clock
  }

  /** How far the server's clock is ahead now. */
  get offsetMs(): number {
    return this.#clock.at(-1)?.offsetMs ?? 0
  }

  apply(event: ModelEvent): void {
    switch (event.is) {
      case 'asked':
        this.#registers.set(event.what, [...this.may(event.what), event.value])
        return
      case 'acknowledged':
      case 'seen':
        this.#registers.set(event.what, [event.value])
        if (event.value === null && event.what.startsWith('video ')) this.#forget(event.what.slice(6))
        return
      case 'refused':
        this.#refuse(event.what, event.value)
        return
      case 'clock':
        this.#latestMs = Math.max(this.#latestMs, event.realMs + Math.max(event.offsetMs, this.offsetMs))
        this.#clock.push({ realMs: event.realMs, offsetMs: event.offsetMs })
        this.#askEarlier(event.realMs + event.offsetMs)
        return
      case 'life ended':
        this.#latestMs = Math.max(this.#latestMs, event.realMs + this.offsetMs)
        if (event.mayFail) this.#failures += 1
        return
      case 'served':
        this.#served.set(event.address, event.hash)
        return
      case 'chunk':
        this.#chunks.set(event.key, event.createdUs)
        return
      case 'told':
        this.#told.set(event.uid, new Set([...this.toldOf(event.uid), event.state]))
        return
      default:
        this.#applyToVideo(event)
    }
  }

  /** By a clock that was set back, a request that has no answer yet may come to be answered earlier than it was sent. */
  #askEarlier(shownMs: number): void {
    for (const video of this.#videos.values()) {
      if (video.uid === null) video.askedMs = Math.min(video.askedMs, shownMs)
    }
  }

  #applyToVideo(
    event: Extract<ModelEvent, { is: `video ${string}` | `upload ${string}` | 'received' | 'retried' }>,
  ): void {
    switch (event.is) {
      case 'video asked for': {
        const askedMs = event.realMs + this.offsetMs
        this.#videos.set(event.video.name, {
          ...event.video,
          askedMs,
          failuresBefore: this.#failures,
          uid: null,
          madeBy: null,
        })
        return
      }
      case 'video made': {
        const video = this.#videos.get(event.name)
        if (!video) return
        video.uid = event.uid
        video.madeBy = event.by
        this.#names.set(event.uid, event.name)
        this.#registers.set(`video ${event.uid}`, ['there'])
        return
      }
      case 'video lost':
        this.#videos.delete(event.name)
        return
      case 'upload made': {
        const { uid, path, lengthBytes, realMs } = event
        const createdMs = realMs + this.offsetMs
        this.#uploads.set(uid, { uid, path, lengthBytes, createdMs, acknowledgedBytes: 0 })
        return
      }
      case 'received': {
        const upload = this.#uploads.get(event.uid)
        if (!upload) return
        upload.acknowledgedBytes = Math.max(upload.acknowledgedBytes, event.bytes)
        return
      }
      case 'upload expired':
        this.#uploads.delete(event.uid)
        // Its video goes a day later.
        this.#registers.set(`video ${event.uid}`, ['there', null])
        return
      case 'retried': {
        const video = this.videoOf(event.uid)
        if (video) video.failuresBefore = this.#failures
        this.#forgetChunks(event.uid)
      }
    }
  }

  /** The request was answered with a refusal: it has changed nothing. */
  #refuse(what: string, value: Value): void {
    const values = this.may(what)
    const last = values.lastIndexOf(value)
    if (values.length > 1 && last !== -1) {
      this.#registers.set(
        what,
        values.filter((_, at) => at !== last),
      )
    }
  }

  #forgetChunks(uid: string): void {
    for (const key of this.#chunks.keys()) if (key.startsWith(`${uid}/`)) this.#chunks.delete(key)
  }

  /** Of a video that is gone nothing is left but that. */
  #forget(uid: string): void {
    this.#videos.delete(this.#names.get(uid) ?? '')
    this.#names.delete(uid)
    this.#uploads.delete(uid)
    this.#forgetChunks(uid)
    for (const what of this.#registers.keys()) if (what.startsWith(`of ${uid} `)) this.#registers.delete(what)
    for (const address of this.#served.keys())
      if (address.startsWith(`/${uid}/`)) this.#served.delete(address)
  }
}
