/**
 * A player in a frame, as the page around it sees it: methods, properties and events of a media element (playback.md
 * §5.3). What is read is mirrored here; what is written is kept until the player says that it has seen it, so a page may
 * speak before the player has loaded, and while its frame goes from one video to another.
 */

import { initialState, readId, readOrigin, withId, withOptions } from './player-address.ts'
import type { Command, PlayerState, Report, Spans, WritableName } from './protocol.ts'

/** The read-only face of the DOM's `TimeRanges`. */
export type TimeSpans = {
  readonly length: number
  start(index: number): number
  end(index: number): number
}

type Numbered = Exclude<Command, { headwater: 'connect' }>
type Waiting = { resolve(): void; reject(error: DOMException): void }

const players = new WeakMap<HTMLIFrameElement, RemotePlayer>()
const all = new Set<WeakRef<RemotePlayer>>()

/** The player in `frame`, the same one each time. Throws a `TypeError` for anything that is no frame. */
export function remotePlayer(frame: HTMLIFrameElement): RemotePlayer {
  if (!(frame instanceof HTMLIFrameElement)) {
    throw new TypeError('Stream() takes the iframe element that the player is in.')
  }
  let player = players.get(frame)
  if (player === undefined) {
    player = new RemotePlayer(frame)
    players.set(frame, player)
    // One listener for all, which keeps none of them alive: pages come and go in one document.
    if (all.size === 0) addEventListener('message', hear)
    all.add(new WeakRef(player))
    player.connect()
  }
  return player
}

function hear(event: MessageEvent): void {
  for (const each of all) {
    const player = each.deref()
    if (player === undefined) all.delete(each)
    else player.receive(event)
  }
  if (all.size === 0) removeEventListener('message', hear)
}

export class RemotePlayer extends EventTarget {
  readonly #frame: HTMLIFrameElement
  #state: PlayerState
  /** Address of the frame when the present player was asked to connect, and whether it has answered. */
  #address = ''
  #connected = false
  #number = 0
  /** Commands that no player has seen yet, in order. */
  #unseen: Numbered[] = []
  /** Number of the last write to each property: older reports do not overwrite it. */
  readonly #written = new Map<string, number>()
  readonly #waiting = new Map<number, Waiting>()

  /** Only `remotePlayer` makes them. */
  constructor(frame: HTMLIFrameElement) {
    super()
    this.#frame = frame
    this.#state = initialState(frame.src)
  }

  /** Starts to play; rejected when the browser forbids it, or the video cannot be played. */
  play(): Promise<void> {
    const number = this.#write('paused', false)
    const answer = new Promise<void>((resolve, reject) => this.#waiting.set(number, { resolve, reject }))
    this.#send({ headwater: 'play', number })
    return answer
  }

  pause(): void {
    this.#send({ headwater: 'pause', number: this.#write('paused', true) })
  }

  get autoplay(): boolean {
    return this.#state.autoplay
  }
  set autoplay(value: boolean) {
    this.#set('autoplay', asFlag(value))
  }
  get controls(): boolean {
    return this.#state.controls
  }
  set controls(value: boolean) {
    this.#set('controls', asFlag(value))
  }
  get loop(): boolean {
    return this.#state.loop
  }
  set loop(value: boolean) {
    this.#set('loop', asFlag(value))
  }
  get muted(): boolean {
    return this.#state.muted
  }
  set muted(value: boolean) {
    this.#set('muted', asFlag(value))
  }
  /** Seconds. Throws a `TypeError` for what is no finite number. */
  get currentTime(): number {
    return this.#state.currentTime
  }
  set currentTime(value: number) {
    this.#set('currentTime', finite('currentTime', value))
  }
  /** From 0 to 1. Throws an `IndexSizeError` beyond, as a media element does. */
  get volume(): number {
    return this.#state.volume
  }
  set volume(value: number) {
    const volume = finite('volume', value)
    if (volume < 0 || volume > 1) {
      throw new DOMException(`volume goes from 0 to 1, not to ${volume}.`, 'IndexSizeError')
    }
    this.#set('volume', volume)
  }
  /** `none`, `metadata` or `auto`. */
  get preload(): string {
    return this.#state.preload
  }
  set preload(value: string) {
    this.#set('preload', asText(value))
  }
  /** Tag of the captions that are on. */
  get defaultTextTrack(): string {
    return this.#state.defaultTextTrack
  }
  set defaultTextTrack(value: string) {
    this.#set('defaultTextTrack', asText(value))
  }
  get letterboxColor(): string {
    return this.#state.letterboxColor
  }
  set letterboxColor(value: string) {
    this.#set('letterboxColor', asText(value))
  }
  get primaryColor(): string {
    return this.#state.primaryColor
  }
  set primaryColor(value: string) {
    this.#set('primaryColor', asText(value))
  }
  /** Seconds or `1h2m3s`; has an effect until the video has been started. */
  get startTime(): string {
    return this.#state.startTime
  }
  set startTime(value: string) {
    this.#set('startTime', asText(value))
  }
  get adUrl(): string {
    return this.#state.adUrl
  }
  set adUrl(value: string) {
    this.#set('adUrl', asText(value))
  }
  /** Address of a picture; has an effect until the video has been started. */
  get poster(): string {
    return this.#state.poster
  }
  set poster(value: string) {
    const poster = asText(value)
    const { src } = this.#frame
    if (poster === '' || readOrigin(poster, src) === readOrigin(src)) {
      this.#set('poster', poster)
    } else if (this.#state.played.length === 0) {
      // The policy of the player page admits pictures of the one origin that its address names.
      this.#state = { ...this.#state, poster }
      this.#frame.src = withOptions(src, this.#state)
    }
  }
  /** Uid or token. Another one loads another video with the same options. */
  get src(): string {
    return readId(this.#frame.src)
  }
  set src(value: string) {
    const id = asText(value)
    if (id === this.src) return
    const { volume } = this.#state
    this.#frame.src = withId(withOptions(this.#frame.src, this.#state), id)
    this.#state = initialState(this.#frame.src)
    if (volume !== 1) this.volume = volume
  }

  get buffered(): TimeSpans {
    return timeSpans(this.#state.buffered)
  }
  get played(): TimeSpans {
    return timeSpans(this.#state.played)
  }
  /** Seconds; `NaN` until known. */
  get duration(): number {
    return this.#state.duration
  }
  get ended(): boolean {
    return this.#state.ended
  }
  get paused(): boolean {
    return this.#state.paused
  }
  get videoHeight(): number {
    return this.#state.videoHeight
  }
  get videoWidth(): number {
    return this.#state.videoWidth
  }

  /** Asks whoever is in the frame whether it is a player. Says nothing, so anybody may hear it. */
  connect(): void {
    this.#address = this.#frame.src
    this.#connected = false
    this.#frame.contentWindow?.postMessage({ headwater: 'connect' } satisfies Command, '*')
  }

  /** Takes what a window says; ignores everything but this frame's player, from the origin of its address. */
  receive(event: MessageEvent): void {
    if (event.source === null || event.source !== this.#frame.contentWindow) return
    if (event.origin !== readOrigin(this.#frame.src)) return
    const report = event.data as Report | null
    if (report?.headwater === 'ready') this.#meet()
    // After the address was changed, the player that was there before may still be talking.
    else if (this.#address !== this.#frame.src) return
    else if (report?.headwater === 'state') this.#mirror(report)
    else if (report?.headwater === 'played') this.#settle(report)
  }

  /** Another player page has loaded: it has seen nothing yet. */
  #meet(): void {
    const unseen = new Set(this.#unseen.map(({ number }) => number))
    for (const [number, waiting] of this.#waiting) {
      if (unseen.has(number)) continue
      this.#waiting.delete(number)
      waiting.reject(new DOMException('The player was replaced by another one.', 'AbortError'))
    }
    for (const name of ['played', 'buffered'] as const) this.#state = { ...this.#state, [name]: [] }
    this.connect()
  }

  #mirror({ seen, state, event }: Extract<Report, { headwater: 'state' }>): void {
    this.#unseen = this.#unseen.filter(({ number }) => number > seen)
    const news = Object.entries(state).filter(
      ([name]) => !this.#unseen.some(({ number }) => number === this.#written.get(name)),
    )
    this.#state = { ...this.#state, ...Object.fromEntries(news) }
    if (!this.#connected) {
      this.#connected = true
      for (const command of this.#unseen) this.#post(command)
    }
    if (event !== undefined) this.dispatchEvent(new Event(event))
  }

  #settle({ number, problem }: Extract<Report, { headwater: 'played' }>): void {
    const waiting = this.#waiting.get(number)
    this.#waiting.delete(number)
    if (problem === undefined) waiting?.resolve()
    else waiting?.reject(new DOMException(problem.message, problem.name))
  }

  #set(name: WritableName, value: string | number | boolean): void {
    this.#send({ headwater: 'set', number: this.#write(name, value), name, value })
  }

  /** What is written is read back at once. Answers the number of the command that carries it. */
  #write(name: keyof PlayerState, value: unknown): number {
    this.#state = { ...this.#state, [name]: value }
    this.#number += 1
    this.#written.set(name, this.#number)
    return this.#number
  }

  #send(command: Numbered): void {
    this.#unseen.push(command)
    if (this.#connected && this.#address === this.#frame.src) this.#post(command)
  }

  #post(command: Numbered): void {
    const origin = readOrigin(this.#frame.src)
    if (origin !== null) this.#frame.contentWindow?.postMessage(command, origin)
  }
}

// Pages in JavaScript write anything; what a media element would make of it is made of it here.
function asFlag(value: unknown): boolean {
  return Boolean(value)
}
function asText(value: unknown): string {
  return String(value)
}

function finite(name: string, value: unknown): number {
  const number = Number(value)
  if (!Number.isFinite(number)) throw new TypeError(`${name} must be a finite number, not ${String(value)}.`)
  return number
}

function timeSpans(spans: Spans): TimeSpans {
  const at = (index: number) => {
    const span = spans[index]
    if (span === undefined)
      throw new DOMException(`There are ${spans.length} spans, no ${index}.`, 'IndexSizeError')
    return span
  }
  return { length: spans.length, start: (index) => at(index)[0], end: (index) => at(index)[1] }
}
