/**
 * One player page: shows where the video stands, starts the engine as soon as there is something to play, and lets the
 * list of qualities grow while it plays.
 */

import type { PageStatus, PlayerPageConfig } from '../../src/http/page-status.ts'
import { findParentOrigin } from './config.ts'
import { buildControls, type Controls } from './controls.ts'
import { showDebugPanel } from './debug-panel.ts'
import { type Engine, type EngineOptions, type EngineTrouble, hasMediaSource } from './engine.ts'
import { find } from './find.ts'
import { LiveControls } from './live-controls.ts'
import { LivePart } from './live-part.ts'
import type { LiveWay } from './live-way.ts'
import { Notice, type NoticeContent } from './notice.ts'
import type { PlayerOptions } from './options.ts'
import type { Controlled } from './remote-control.ts'
import { showSeekPreviews } from './seek-preview.ts'
import { followStatus, type StatusAnswer } from './status.ts'
import { Storyboard } from './storyboard.ts'
import { fillTitleBar } from './title-bar.ts'
import { hasExpired } from './token.ts'
import { QualityList, SoundTrackList } from './track-lists.ts'
import { playSilently } from './unmute.ts'

export class PlayerPage implements Controlled {
  readonly #place: HTMLElement
  readonly #config: PlayerPageConfig
  #options: PlayerOptions
  readonly #controls: Controls
  readonly #notice: Notice
  readonly #qualities = new QualityList((quality) => this.#engine?.selectQuality(quality?.id ?? null))
  readonly #sounds = new SoundTrackList((id) => this.#engine?.selectSoundTrack(id))
  #engine: Engine | undefined
  #engineComing = false
  readonly #liveControls: LiveControls
  /** What the page does about a broadcast; undefined for a video. */
  #live: LivePart | undefined
  #wasLive = false
  #following = new AbortController()
  /** Whether the viewer was made to wait: then the video starts by itself. */
  #waited = false
  /** Whether there are thumbnails. */
  #hasPicture = false
  /** Whether the manifest that the engine read listed everything. */
  #everythingListed = false
  /** Why there is nothing to play; null while there may be. */
  #failure: DOMException | null = null
  readonly #failing = new EventTarget()

  constructor(place: HTMLElement, config: PlayerPageConfig, options: PlayerOptions) {
    this.#place = place
    this.#config = config
    this.#options = options
    this.#controls = buildControls(place, (media, controller) => {
      const { durationSeconds } = config.status
      if (durationSeconds !== null) controller.setAttribute('defaultduration', String(durationSeconds))
      Object.defineProperty(media, 'videoRenditions', { value: this.#qualities })
      if (!('audioTracks' in media)) Object.defineProperty(media, 'audioTracks', { value: this.#sounds })
    })
    const storyboard = new Storyboard('headwater/storyboard.vtt')
    showSeekPreviews(this.#controls.controller, storyboard, () => this.#live === undefined)
    this.#liveControls = new LiveControls(place, this.#controls, () => this.#engine)
    this.#notice = new Notice(place)
    this.#dress()
    this.#listen()
    this.#show(config.status)
    const { complete, state, live } = config.status
    if (!complete && state !== 'error' && live === null) this.#follow()
  }

  get media(): HTMLVideoElement {
    return this.#controls.media
  }

  get failed(): boolean {
    return this.#failure !== null
  }

  onFailure(listener: () => void): void {
    this.#failing.addEventListener('failure', listener)
  }

  async play(): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const failing = new Promise<never>((_resolve, reject) => {
      this.onFailure(() => reject(this.#failure))
    })
    // Told to play before there is anything, the element waits for it.
    await Promise.race([this.media.play(), failing])
  }

  change(options: PlayerOptions): void {
    const { media } = this
    const before = this.#options
    this.#options = options
    this.#paint()
    if (options.preload !== before.preload) {
      media.preload = options.preload
      if (options.preload !== 'none') this.#engine?.start()
    }
    if (options.defaultTextTrack !== before.defaultTextTrack) showTextTrack(media, options.defaultTextTrack)
    const untouched = media.played.length === 0
    if (untouched && options.startTimeSeconds !== before.startTimeSeconds && media.readyState > 0) {
      media.currentTime = options.startTimeSeconds
    }
    if (untouched && media.paused && options.autoplay && !before.autoplay) {
      this.#play().catch((error: unknown) => reportError(error))
    }
  }

  #dress(): void {
    const { controller, media } = this.#controls
    const options = this.#options
    media.loop = options.loop
    media.muted = options.muted
    media.preload = options.preload
    if (this.#config.details.title !== null) controller.setAttribute('aria-label', this.#config.details.title)
    if (options.controls && this.#config.mode === 'watch') controller.focus({ preventScroll: true })
    fillTitleBar(controller, this.#config.details)
    this.#paint()
  }

  #paint(): void {
    const { controller, poster } = this.#controls
    const options = this.#options
    controller.classList.toggle('bare', !options.controls)
    paint(this.#place, '--accent', options.primaryColor)
    paint(this.#place, '--letterbox', options.letterboxColor)
    // There is none of a video that is still being uploaded.
    const own = this.#hasPicture ? 'thumbnails/thumbnail.jpg?height=720' : null
    const picture = options.poster ?? own
    if (picture === null) poster.removeAttribute('src')
    else if (poster.getAttribute('src') !== picture) poster.setAttribute('src', picture)
  }

  #listen(): void {
    const { controller, media } = this.#controls
    // With `preload` none, media is loaded from the viewer's first wish on, which may also be a jump.
    for (const wish of ['play', 'seeking'] as const) media.addEventListener(wish, () => this.#engine?.start())
    // Without media there is no `seeking`; the controls have told the element by now where to.
    controller.addEventListener('mediaseekrequest', () => this.#engine?.start())
    document.addEventListener('keydown', (event) => {
      if (event.shiftKey && event.key === 'D') showDebugPanel(() => this.#engine?.describe() ?? [])
    })
  }

  #follow(): void {
    this.#following.abort()
    this.#following = new AbortController()
    followStatus('headwater/status.json', (answer) => this.#onAnswer(answer), this.#following.signal).catch(
      (error: unknown) => reportError(error),
    )
  }

  #onAnswer(answer: StatusAnswer): void {
    if (answer === 'gone') this.#fail({ title: 'This video is gone', sentence: 'It may have been deleted.' })
    else if (answer === 'refused') this.#fail(this.#refusal())
    else this.#show(answer)
  }

  /** The page itself was let in, so what refuses it now has changed since. */
  #refusal(): Failure {
    const { id } = this.#config
    const sentence = 'Ask whoever gave you the link for a new one.'
    if (!id.includes('.'))
      return { title: 'This video is protected', sentence: 'It plays by a signed link only.' }
    return { title: hasExpired(id) ? 'This link has expired' : 'This link is not valid any more', sentence }
  }

  #show(status: PageStatus): void {
    if (status.state === 'error') {
      const sentence = status.advice === null ? status.sentence : `${status.sentence} ${status.advice}`
      this.#fail({ title: 'This video cannot be played', sentence })
      return
    }
    if (status.live !== null && !this.#wasLive) {
      this.#following.abort()
      this.#controls.controller.classList.add('idle')
      this.#live = new LivePart(this.#liveHost(), status.live)
      return
    }
    this.#controls.controller.classList.toggle('idle', !status.playable)
    // After a broadcast its notice stays until the recording is there, which is soon.
    if (status.state !== 'ready' && this.#wasLive) return
    if (!status.playable) {
      this.#waited = true
      this.#notice.show({
        tone: 'waiting',
        title: WAITING_TITLES[status.state] ?? 'In a moment',
        sentence: status.sentence,
        pct: status.state === 'inprogress' ? status.pctComplete : null,
      })
      return
    }
    this.#showMaking(status)
    if (!this.#engine) this.#begin(status).catch((error: unknown) => this.#onUnusable(error))
    else if (status.complete && !this.#everythingListed) {
      this.#everythingListed = true
      this.#engine.reload().catch((error: unknown) => reportError(error))
    }
  }

  /** Discreetly, beside the time: the rest of the video, or further qualities are on their way. */
  #showMaking(status: PageStatus): void {
    const note = find(this.#controls.controller, '.making', HTMLElement)
    note.hidden = status.complete || (status.state !== 'ready' && status.state !== 'pendingupload')
    const text =
      status.state === 'pendingupload'
        ? 'Still uploading'
        : `More qualities: ${Math.floor(status.pctComplete ?? 0)} %`
    if (!note.hidden && note.textContent !== text) note.textContent = text
  }

  async #begin(status: PageStatus): Promise<void> {
    this.#hasPicture = status.state === 'ready'
    this.#everythingListed = status.complete
    // Who has seen the end of a broadcast does not want it again from its beginning at once.
    const plays =
      !this.#wasLive && (this.#options.autoplay || (this.#waited && this.#config.mode === 'watch'))
    await this.#attach(
      { kind: 'hls', address: 'manifest/video.m3u8', lowLatency: false },
      { live: null, plays },
    )
  }

  /** Makes the engine. `plays`: then it starts by itself. */
  async #attach(
    way: LiveWay,
    { live, plays }: Pick<EngineOptions, 'live'> & { plays: boolean },
  ): Promise<void> {
    if (this.#engineComing) return
    this.#engineComing = true
    this.#notice.hide()
    const { media, controller } = this.#controls
    controller.classList.remove('idle')
    this.#paint()
    const options = () => this.#options
    const engine = await this.#createEngine(way, {
      media,
      manifestUrl: way.address,
      live,
      parentOrigin: findParentOrigin(),
      // The page around may still change them before the engine comes to read them.
      get startTimeSeconds() {
        return options().startTimeSeconds
      },
      get defaultTextTrack() {
        return options().defaultTextTrack
      },
    })
    this.#engine = engine
    this.#engineComing = false
    // The element may have been told to play before the engine was there.
    if (this.#options.preload !== 'none' || !media.paused) engine.start()
    if (plays) await this.#play()
  }

  #liveHost(): ConstructorParameters<typeof LivePart>[0] {
    const { media, controller } = this.#controls
    return {
      media,
      controls: this.#liveControls,
      options: () => this.#options,
      engine: () => this.#engine,
      begin: async (way, plays) => {
        // What is never over cannot begin again.
        media.loop = false
        const live = { dvr: this.#options.dvrEnabled, lowLatency: way.lowLatency }
        await this.#attach(way, { live, plays }).catch((error: unknown) => this.#onUnusable(error))
      },
      clear: () => this.#clear(),
      show: (notice) => this.#notice.show(notice),
      say: (sentence) => {
        find(controller, '.announcer', HTMLElement).textContent = sentence
      },
      onGone: () => this.#onAnswer('gone'),
      onRecorded: () => {
        this.#live = undefined
        this.#wasLive = true
        media.loop = this.#options.loop
        this.#follow()
      },
    }
  }

  async #createEngine(way: LiveWay, options: EngineOptions): Promise<Engine> {
    const callbacks = {
      onQualities: (qualities: Parameters<QualityList['replace']>[0]) => this.#qualities.replace(qualities),
      onSoundTracks: (tracks: Parameters<SoundTrackList['replace']>[0]) => this.#sounds.replace(tracks),
      onTrouble: (trouble: EngineTrouble) => this.#onTrouble(trouble),
      onRecovered: () => this.#notice.hide(),
      onOver: () => this.#live?.onOver(),
    }
    if (way.kind === 'webrtc') {
      const { createRealTimeEngine } = await import('./real-time.ts')
      return createRealTimeEngine(options, callbacks)
    }
    if (hasMediaSource()) {
      const { createAdaptiveEngine } = await import('./adaptive.ts')
      return createAdaptiveEngine(options, callbacks)
    }
    const { createNativeEngine } = await import('./native.ts')
    return createNativeEngine(options, callbacks)
  }

  /** Plays; where the browser wants a gesture before sound, silently. */
  async #play(): Promise<void> {
    const { media } = this.#controls
    try {
      await media.play()
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || media.muted) return
      playSilently(this.#controls.controller, media)
      await media.play().catch(() => undefined)
    }
  }

  #onTrouble(trouble: EngineTrouble): void {
    if (this.#live?.onTrouble(trouble)) return
    if (trouble.kind === 'connection') {
      this.#notice.show({ tone: 'waiting', title: 'Connection lost', sentence: 'Trying again …', pct: null })
    } else if (trouble.kind === 'unauthorised') {
      this.#fail(this.#refusal())
    } else if (trouble.kind === 'refused') {
      this.#fail({ title: 'This video cannot be played here', sentence: trouble.sentence })
    } else {
      this.#engine?.destroy()
      this.#engine = undefined
      this.#follow()
    }
  }

  #onUnusable(error: unknown): void {
    this.#engineComing = false
    this.#fail({ title: 'The player could not be loaded', sentence: 'Reload the page to try again.' })
    reportError(error)
  }

  /** Ends playing and says why. */
  #fail(failure: Failure): void {
    this.#stop()
    this.#notice.show({ tone: 'wrong', ...failure })
    this.#failure = new DOMException([failure.title, failure.sentence].join('. '), 'NotSupportedError')
    this.#failing.dispatchEvent(new Event('failure'))
  }

  #stop(): void {
    this.#following.abort()
    this.#live?.stop()
    this.#clear()
  }

  /** Takes the engine and the controls away. */
  #clear(): void {
    this.#engine?.destroy()
    this.#engine = undefined
    this.#controls.controller.classList.add('idle')
  }
}

type Failure = Pick<NoticeContent, 'title' | 'sentence'>

const WAITING_TITLES: Partial<Record<PageStatus['state'], string>> = {
  pendingupload: 'The upload is on its way',
  downloading: 'The video is being fetched',
  queued: 'Next in line',
  inprogress: 'Nearly there',
}

/** Sets a colour property if the browser understands the value, which is a stranger's; else takes it away. */
function paint(element: HTMLElement, property: string, value: string | null): void {
  if (value !== null && CSS.supports('color', value)) element.style.setProperty(property, value)
  else element.style.removeProperty(property)
}

/** Switches on the captions of a language that the video has, and others off; null switches all off. */
function showTextTrack(media: HTMLVideoElement, language: string | null): void {
  const wanted = language?.toLowerCase()
  const shown = [...media.textTracks].filter(({ kind }) => kind === 'subtitles' || kind === 'captions')
  if (wanted !== undefined && !shown.some((track) => track.language.toLowerCase() === wanted)) return
  for (const track of shown) track.mode = track.language.toLowerCase() === wanted ? 'showing' : 'disabled'
}
