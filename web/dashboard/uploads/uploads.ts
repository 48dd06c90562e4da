/**
 * The uploads of this page: a queue of tus uploads that survives broken connections by itself and a closed page by the
 * addresses that tus-js-client keeps (drop the same file again, and it goes on where it was).
 */

import { DetailedError, Upload as TusUpload } from 'tus-js-client'
import { streamPath } from '../api/videos.ts'
import { Speed } from './speed.ts'

/** A multiple of 256 KiB, and what the API recommends on good lines. */
const CHUNK_BYTES = 52_428_800
const RETRY_DELAYS_MS = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000]
/** Uploads that send at a time; the rest wait their turn. */
const AT_A_TIME = 2
/** Between two announcements of progress. */
const ANNOUNCE_MS = 200

export type UploadState = 'waiting' | 'uploading' | 'paused' | 'done' | 'failed'

/** One upload as the page shows it. */
export type UploadItem = {
  readonly key: string
  readonly name: string
  readonly sizeBytes: number
  readonly state: UploadState
  readonly sentBytes: number
  readonly bytesPerSecond: number | null
  /** Known as soon as the server has answered the first request. */
  readonly uid: string | null
  /** Whether part of it was there already from an earlier try. */
  readonly resumed: boolean
  /** Its player, there since something of it could be played: the first starts by itself; a second must not play into it. */
  readonly player: 'none' | 'waits' | 'starts'
  /** What went wrong, when `failed`. */
  readonly problem: string | null
}

type Running = { item: UploadItem; readonly tus: TusUpload; readonly speed: Speed }

export class Uploads {
  readonly #accountId: string
  readonly #onDone: (uid: string) => void
  readonly #listeners = new Set<() => void>()
  #running: readonly Running[] = []
  #shown: readonly UploadItem[] = []
  #announceTimer: ReturnType<typeof setTimeout> | undefined
  #nextKey = 1

  /** `onDone` is told each video whose last byte is in. */
  constructor(accountId: string, onDone: (uid: string) => void) {
    this.#accountId = accountId
    this.#onDone = onDone
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The uploads, newest first. */
  readonly list = (): readonly UploadItem[] => this.#shown

  add(files: readonly File[]): void {
    const added = files.map((file) => this.#create(file))
    this.#running = [...added, ...this.#running]
    this.#announce()
    this.#startWaiting()
  }

  pause(key: string): void {
    const running = this.#find(key)
    if (!running || running.item.state === 'done') return
    running.tus.abort().catch(() => undefined)
    running.speed.reset()
    this.#change(running, { state: 'paused', bytesPerSecond: null })
    this.#startWaiting()
  }

  /** Goes on after a pause or a failure, from what the server has. */
  resume(key: string): void {
    const running = this.#find(key)
    if (!running || (running.item.state !== 'paused' && running.item.state !== 'failed')) return
    this.#change(running, { state: 'waiting', problem: null })
    this.#startWaiting()
  }

  /** Stops it and takes back what was sent. */
  cancel(key: string): void {
    const running = this.#find(key)
    if (!running) return
    // `true` also ends the upload on the server; if that fails, it expires there by itself.
    if (running.item.state !== 'done') running.tus.abort(true).catch(() => undefined)
    this.dismiss(key)
    this.#startWaiting()
  }

  /** Something of it can be played. */
  showPlayer(key: string): void {
    const running = this.#find(key)
    if (running?.item.player !== 'none') return
    const first = this.#running.every(({ item }) => item.player === 'none')
    this.#change(running, { player: first ? 'starts' : 'waits' })
    this.#announce()
  }

  /** Takes a finished one off the page. */
  dismiss(key: string): void {
    this.#running = this.#running.filter((running) => running.item.key !== key)
    this.#announce()
  }

  /** Stops sending, for when nobody is signed in any more; what arrived is kept. */
  pauseAll(): void {
    for (const { item } of this.#running) if (item.state !== 'done') this.pause(item.key)
  }

  /** Whether leaving the page would interrupt something. */
  get isBusy(): boolean {
    return this.#running.some(({ item }) => item.state === 'uploading' || item.state === 'waiting')
  }

  #create(file: File): Running {
    const tus = new TusUpload(file, {
      endpoint: `${location.origin}${streamPath(this.#accountId)}`,
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_DELAYS_MS,
      metadata: { name: file.name },
      removeFingerprintOnSuccess: true,
      // The address comes with the public host, which may not be the one this page was opened on; the cookie only
      // goes to this one.
      onUploadUrlAvailable: () => {
        if (tus.url === null) return
        const { pathname, search } = new URL(tus.url, location.href)
        tus.url = location.origin + pathname + search
        this.#change(running, { uid: /\/media\/([0-9a-f]{32})$/.exec(pathname)?.[1] ?? running.item.uid })
      },
      onAfterResponse: (_request, response) => {
        const uid = response.getHeader('stream-media-id')
        if (uid) this.#change(running, { uid })
      },
      onProgress: (sentBytes) => this.#onProgress(running, sentBytes),
      onSuccess: () => this.#onSuccess(running),
      onError: (error) => this.#onError(running, error),
    })
    const item: UploadItem = {
      key: String(this.#nextKey++),
      name: file.name,
      sizeBytes: file.size,
      state: 'waiting',
      sentBytes: 0,
      bytesPerSecond: null,
      uid: null,
      resumed: false,
      player: 'none',
      problem: null,
    }
    const running: Running = { item, tus, speed: new Speed() }
    return running
  }

  #startWaiting(): void {
    const active = this.#running.filter(({ item }) => item.state === 'uploading').length
    // The list shows the newest first; whoever came first goes first.
    const waiting = this.#running
      .filter(({ item }) => item.state === 'waiting')
      .sort((a, b) => Number(a.item.key) - Number(b.item.key))
    for (const running of waiting.slice(0, Math.max(0, AT_A_TIME - active))) {
      this.#change(running, { state: 'uploading' })
      this.#start(running).catch((error: unknown) => this.#onError(running, error))
    }
  }

  async #start(running: Running): Promise<void> {
    const { tus } = running
    if (tus.url === null) {
      const [previous] = await tus.findPreviousUploads()
      if (previous) {
        tus.resumeFromPreviousUpload(previous)
        this.#change(running, { resumed: true })
      }
    }
    if (running.item.state === 'uploading') tus.start()
  }

  #onProgress(running: Running, sentBytes: number): void {
    running.speed.note(sentBytes, performance.now())
    this.#change(running, { sentBytes, bytesPerSecond: running.speed.bytesPerSecond() })
  }

  #onSuccess(running: Running): void {
    this.#change(running, { state: 'done', sentBytes: running.item.sizeBytes, bytesPerSecond: null })
    this.showPlayer(running.item.key)
    if (running.item.uid !== null) this.#onDone(running.item.uid)
    this.#startWaiting()
  }

  #onError(running: Running, error: unknown): void {
    running.speed.reset()
    this.#change(running, { state: 'failed', bytesPerSecond: null, problem: describeUploadError(error) })
    this.#startWaiting()
  }

  #find(key: string): Running | undefined {
    return this.#running.find((running) => running.item.key === key)
  }

  #change(running: Running, changes: Partial<UploadItem>): void {
    const before = running.item.state
    running.item = { ...running.item, ...changes }
    if (running.item.state === before && changes.uid === undefined) this.#announceSoon()
    else this.#announce()
  }

  /** Progress comes with every packet; people read slower. */
  #announceSoon(): void {
    this.#announceTimer ??= setTimeout(() => this.#announce(), ANNOUNCE_MS)
  }

  #announce(): void {
    clearTimeout(this.#announceTimer)
    this.#announceTimer = undefined
    this.#shown = this.#running.map(({ item }) => item)
    for (const listener of this.#listeners) listener()
  }
}

/** The server's own sentence where there is one. */
function describeUploadError(error: unknown): string {
  if (!(error instanceof DetailedError)) {
    return error instanceof Error ? error.message : 'The upload stopped for an unknown reason.'
  }
  const response = error.originalResponse
  if (!response || response.getStatus() === 0) return 'The connection broke and did not come back.'
  if (response.getStatus() === 401) return 'You are no longer signed in. Reload the page and sign in again.'
  try {
    const { errors } = JSON.parse(response.getBody()) as { errors?: { message?: string }[] }
    const message = errors?.[0]?.message
    if (message) return message
  } catch {
    // Not our envelope: the body itself is the sentence.
  }
  return response.getBody().trim() || `The server refused it with status ${response.getStatus()}.`
}
