/**
 * The player's end of the script API (playback.md §5.3): obeys the page it is framed by and tells it what happens. Only
 * that window is listened to, and nothing about the video is said before it has asked and its origin is known.
 */

import {
  type Command,
  EVENTS,
  type EventName,
  type PlayerState,
  type Problem,
  readOptionState,
  type Report,
  type Spans,
  WRITABLE,
  writeOption,
} from '../embed/protocol.ts'
import { type PlayerOptions, readOptions } from './options.ts'

/** What of a player page can be controlled. */
export type Controlled = {
  readonly media: HTMLVideoElement
  /** Whether there is nothing to play; told as the event `error`. */
  readonly failed: boolean
  onFailure(listener: () => void): void
  /** Rejects with a `DOMException` when the browser forbids it or the video cannot be played. */
  play(): Promise<void>
  /** Makes the page as if its address had said this. */
  change(options: PlayerOptions): void
}

/** Listens to the window around this page, if there is one; `origin`: its origin where it is known. */
export class RemoteControl {
  readonly #page: Controlled
  readonly #knownOrigin: string | null
  readonly #query: URLSearchParams
  /** Whom to tell; set by the first `connect`. */
  #origin: string | null = null
  #seen = 0
  #told: Partial<PlayerState> = {}

  constructor(page: Controlled, query: URLSearchParams, knownOrigin: string | null) {
    this.#page = page
    this.#query = new URLSearchParams(query)
    this.#knownOrigin = knownOrigin
    if (window.parent === window) return
    window.addEventListener('message', (event) => this.#hear(event))
    for (const name of EVENTS) page.media.addEventListener(name, () => this.tell(name))
    page.onFailure(() => this.tell('error'))
    page.media.addEventListener('play', () => this.#tellNoAdvertisement(), { once: true })
    window.parent.postMessage({ headwater: 'ready' } satisfies Report, '*')
  }

  /** Tells what has changed, and that `event` happened. */
  tell(event?: EventName): void {
    if (this.#origin === null) return
    const state = this.#read()
    const told = this.#told
    const news = Object.entries(state).filter(
      ([name, value]) => !isSame(value, told[name as keyof PlayerState]),
    )
    this.#told = state
    this.#post({ headwater: 'state', seen: this.#seen, state: Object.fromEntries(news), event })
  }

  #hear({ source, origin, data }: MessageEvent): void {
    if (source !== window.parent) return
    if (this.#knownOrigin !== null && origin !== this.#knownOrigin) return
    const command = data as Command | null
    if (command?.headwater === 'connect') {
      // A page without an origin of its own, such as a file, can only be written to as "whoever is there".
      this.#origin = origin === 'null' ? '*' : origin
      this.#told = {}
      this.tell(this.#page.failed ? 'error' : undefined)
    } else if (
      command?.headwater === 'set' ||
      command?.headwater === 'play' ||
      command?.headwater === 'pause'
    ) {
      this.#obey(command)
    }
  }

  #obey(command: Exclude<Command, { headwater: 'connect' }>): void {
    // The page around already shows what it has asked for: it is told what came of it, even if nothing did.
    const name = command.headwater === 'set' ? command.name : 'paused'
    this.#told = { ...this.#told, [name]: undefined }
    try {
      if (command.headwater === 'set') this.#set(command.name, command.value)
      else if (command.headwater === 'pause') this.#page.media.pause()
      else this.#play(command.number)
    } catch (error) {
      // A value that the media element refuses: the report below sets the page right.
      console.warn(error)
    }
    this.#seen = command.number
    this.tell()
  }

  #play(number: number): void {
    const answer = (problem?: Problem) => this.#post({ headwater: 'played', number, problem })
    this.#page.play().then(
      () => answer(),
      (error: unknown) =>
        answer(
          error instanceof DOMException
            ? { name: error.name, message: error.message }
            : { name: 'UnknownError', message: String(error) },
        ),
    )
  }

  #set(name: (typeof WRITABLE)[number], value: unknown): void {
    const { media } = this.#page
    if (name === 'currentTime' || name === 'volume') media[name] = Number(value)
    else if (WRITABLE.includes(name)) {
      if (name === 'loop' || name === 'muted') media[name] = Boolean(value)
      writeOption(this.#query, name, value)
      this.#page.change(readOptions(this.#query))
    }
  }

  #read(): PlayerState {
    const { media } = this.#page
    const { currentTime, volume, duration, ended, paused, loop, muted, videoHeight, videoWidth } = media
    return {
      ...readOptionState(this.#query),
      currentTime,
      volume,
      duration,
      ended,
      paused,
      loop,
      muted,
      videoHeight,
      videoWidth,
      buffered: readSpans(media.buffered),
      played: readSpans(media.played),
    }
  }

  /** No advertisement is ever loaded (compatibility.md); who waits for the end of one is told that none came. */
  #tellNoAdvertisement(): void {
    if (readOptionState(this.#query).adUrl !== '') this.tell('stream-adtimeout')
  }

  #post(report: Report): void {
    if (this.#origin !== null) window.parent.postMessage(report, this.#origin)
  }
}

function readSpans(ranges: TimeRanges): Spans {
  return Array.from({ length: ranges.length }, (_each, index) => [ranges.start(index), ranges.end(index)])
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.join() === b.join()
  return Object.is(a, b)
}
