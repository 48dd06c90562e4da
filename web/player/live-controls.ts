/**
 * What the controls show of a broadcast: the badge, red at its edge and grey behind it, which leads back there; how far
 * behind one is; how many watch. And what keeps the picture near the edge.
 */

import { chooseRate, isFarBehind, isLateStart } from './catch-up.ts'
import type { Controls } from './controls.ts'
import type { Engine, LiveEdge } from './engine.ts'
import { find } from './find.ts'
import { formatTime } from './format-time.ts'

const EVERY_MS = 250

export class LiveControls {
  readonly #controls: Controls
  readonly #engine: () => Engine | undefined
  readonly #badge: HTMLElement
  readonly #behind: HTMLElement
  readonly #viewers: HTMLElement
  readonly #note: HTMLElement
  #timer: ReturnType<typeof setInterval> | undefined
  #dvr = false
  /** Whether what is shown shall be as new as it can be; false for whoever has gone back in time. */
  #following = true
  /** The rate that was set here; another one is the viewer's own choice. */
  #rate = 1
  /** Nothing of the broadcast has been shown yet but its first picture, so that a jump is not seen. */
  #begins = false

  constructor(place: HTMLElement, controls: Controls, engine: () => Engine | undefined) {
    this.#controls = controls
    this.#engine = engine
    const { controller, media } = controls
    this.#badge = find(controller, '.live-badge', HTMLElement)
    this.#behind = find(controller, '.behind', HTMLElement)
    this.#viewers = find(controller, '.viewers', HTMLElement)
    this.#note = find(controller, '.live-note', HTMLElement)
    this.#badge.addEventListener('click', () => this.goLive())
    // Before the controls hear of it.
    place.addEventListener('mediaseekrequest', (event) => this.#onSeek(event), { capture: true })
    media.addEventListener('play', () => this.#onPlay())
    media.addEventListener('playing', () => this.#onPlaying())
  }

  /** A broadcast is shown from now on. `dvr`: one can go back in it. */
  show(dvr: boolean): void {
    this.#dvr = dvr
    this.#following = true
    this.#begins = true
    this.#setRate(1)
    this.#controls.controller.classList.add('live')
    this.#controls.controller.classList.toggle('dvr', dvr)
    this.#badge.hidden = false
    this.#timer ??= setInterval(() => this.#update(), EVERY_MS)
    this.#update()
  }

  /** Nothing new comes any more; the rest is shown. */
  over(): void {
    if (this.#dvr) this.hide()
    else this.#badge.hidden = true
  }

  /** What is shown is no broadcast any more. */
  hide(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#setRate(1)
    this.note(null)
    this.countViewers(null)
    this.#controls.controller.classList.remove('live', 'dvr')
  }

  /** Shows the newest there is, and plays. */
  goLive(): void {
    const { media } = this.#controls
    const edge = this.#engine()?.edge()
    this.#following = true
    if (edge && edge.syncSeconds - media.currentTime > edge.toleranceSeconds / 2) {
      media.currentTime = edge.syncSeconds
    }
    this.#engine()?.start()
    // Where the browser wants a gesture, this was one.
    media.play().catch(() => undefined)
    this.#update()
  }

  /** A sentence beside the picture, which stays; null takes it away. */
  note(sentence: string | null): void {
    this.#note.hidden = sentence === null
    if (sentence !== null) setText(this.#note, sentence)
  }

  /** null = not known, or not to be known. */
  countViewers(count: number | null): void {
    this.#viewers.hidden = count === null
    if (count === null) return
    const words = `${count} ${count === 1 ? 'viewer' : 'viewers'}`
    setText(find(this.#viewers, 'span', HTMLElement), String(count))
    setAttribute(this.#viewers, 'aria-label', words)
    setAttribute(this.#viewers, 'title', words)
  }

  #onSeek(event: Event): void {
    if (this.#timer === undefined) return
    const seconds: unknown = event instanceof CustomEvent ? event.detail : null
    // What little can be gone back to slides away at once: it would be a jump back, and then one forth.
    if (!this.#dvr) event.stopImmediatePropagation()
    const edge = this.#engine()?.edge()
    if (!this.#dvr || !edge || typeof seconds !== 'number') return
    this.#following = edge.syncSeconds - seconds <= edge.toleranceSeconds
    this.#setRate(1)
  }

  /** After a pause it goes on where it was if one may go back in time, else live. */
  #onPlay(): void {
    if (this.#timer === undefined) return
    const { media } = this.#controls
    const edge = this.#engine()?.edge()
    if (!edge || edge.syncSeconds - media.currentTime <= edge.toleranceSeconds) return
    if (this.#dvr && media.played.length > 0) this.#following = false
    else media.currentTime = edge.syncSeconds
  }

  /** What it took to load the first pictures is left out at once. */
  #onPlaying(): void {
    if (this.#timer === undefined || !this.#begins) return
    this.#begins = false
    const { media } = this.#controls
    const edge = this.#engine()?.edge()
    if (!edge || !this.#following) return
    const behindSeconds = edge.syncSeconds - media.currentTime
    if (isLateStart({ behindSeconds, loadedSeconds: loadedAhead(media) }))
      media.currentTime = edge.syncSeconds
  }

  #update(): void {
    const edge = this.#engine()?.edge() ?? null
    const { media } = this.#controls
    const behindSeconds = edge === null ? 0 : edge.syncSeconds - media.currentTime
    const isLive = edge === null || (behindSeconds <= edge.toleranceSeconds && !this.#hasPaused())
    this.#badge.dataset['at'] = isLive ? 'edge' : 'behind'
    setAttribute(this.#badge, 'aria-label', isLive ? 'Live' : 'Go to live')
    const delay = edge?.delaySeconds ?? null
    const title = delay === null ? '' : `${delay.toFixed(1)} s behind the broadcast`
    setAttribute(this.#badge, 'title', isLive ? title : `Go to live. ${title}`)
    this.#behind.hidden = isLive || !this.#dvr
    if (!this.#behind.hidden) setText(this.#behind, `−${formatTime(behindSeconds)}`)
    if (edge !== null) this.#keepUp(edge, behindSeconds)
  }

  /** Before the first play there is nothing that could be late. */
  #hasPaused(): boolean {
    const { media } = this.#controls
    return media.paused && media.played.length > 0
  }

  #keepUp(edge: LiveEdge, behindSeconds: number): void {
    const { media } = this.#controls
    const isOurs = media.playbackRate === this.#rate
    if (!this.#following || !isOurs || media.paused || media.seeking || media.readyState < 3) return
    if (isFarBehind(behindSeconds - edge.toleranceSeconds)) {
      media.currentTime = edge.syncSeconds
      return
    }
    this.#setRate(chooseRate({ behindSeconds, loadedSeconds: loadedAhead(media), rate: this.#rate }))
  }

  #setRate(rate: number): void {
    const { media } = this.#controls
    if (media.playbackRate === this.#rate && this.#rate !== rate) media.playbackRate = rate
    this.#rate = rate
  }
}

function loadedAhead({ buffered, currentTime }: HTMLMediaElement): number {
  const last = buffered.length - 1
  return last < 0 ? 0 : buffered.end(last) - currentTime
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}
