/** Playback through hls.js; a chunk of its own, loaded only where it is used. */

// oxlint-disable-next-line import/no-named-as-default -- its declarations know the class as the default only
import Hls, { type ErrorData, ErrorTypes, Events, type HlsConfig, type Level, type LoadPolicy } from 'hls.js'
import type { DebugFacts, Engine, EngineCallbacks, EngineOptions, EngineTrouble, LiveEdge } from './engine.ts'
import { distanceConfig, returnWhenCalm } from './live-distance.ts'

/** How long a connection that broke is left alone before the next try. */
const RETRY_MS = 3_000
/** Buffers end up to a frame early or late; a position this much before their end is still inside. */
const EDGE_SECONDS = 0.1
/** Browsers wait when there is less than this left to play. */
const LAST_SECONDS = 0.5
/** Whoever is this near to where he could be sees it live, even where segments are short. */
const TOLERANCE_SECONDS = 1.5
/** After a stop in a broadcast that is over: as long as a segment may still be on its way. */
const OVER_MS = 3_000
/** Answers that no other try will change. */
const REFUSALS: Readonly<Record<number, EngineTrouble>> = {
  401: { kind: 'unauthorised' },
  403: { kind: 'refused', sentence: 'This video may not be played on this site.' },
}
/** Answers that its status explains; 204: nobody is on air. */
const NOTHING_THERE = new Set([204, 404, 409, 410, 424])
/** Decoder failures after which hls.js may start over, within `MEDIA_RETRY_MS`. */
const MEDIA_RETRIES = 3
const MEDIA_RETRY_MS = 20_000

/**
 * A segment that is not made yet is held by the server for up to 8 s and then answered with 503: wait longer than that
 * for the first byte, and come back often, soon. Two hours of such waiting would still be a working video.
 */
const SEGMENTS: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 15_000,
    maxLoadTimeMs: 120_000,
    timeoutRetry: { maxNumRetry: 8, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 24, retryDelayMs: 500, maxRetryDelayMs: 3_000, backoff: 'linear' },
  },
}

const PLAYLISTS: LoadPolicy = {
  default: {
    maxTimeToFirstByteMs: 10_000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 6, retryDelayMs: 500, maxRetryDelayMs: 4_000 },
  },
}

/** Attaches hls.js to the element and reads the manifest; media is loaded from `start()` on. */
export function createAdaptiveEngine(options: EngineOptions, callbacks: EngineCallbacks): Engine {
  return new AdaptiveEngine(options, callbacks)
}

class AdaptiveEngine implements Engine {
  readonly #options: EngineOptions
  readonly #callbacks: EngineCallbacks
  #hls: Hls
  #started = false
  #troubled = false
  #qualityId: string | null = null
  /** Up to here the buffers hold what an earlier hls.js loaded, of which the present one knows nothing. */
  #inheritedUntilSeconds = 0
  #textTrackChosen = false
  #mediaFailures: number[] = []
  #finishing = false
  /** Aborted when the end has been told, or the engine has gone. */
  readonly #ending = new AbortController()
  #retryTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: EngineOptions, callbacks: EngineCallbacks) {
    this.#options = options
    this.#callbacks = callbacks
    this.#hls = this.#create()
    this.#hls.loadSource(options.manifestUrl)
    this.#hls.attachMedia(options.media)
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    const { media, live, startTimeSeconds } = this.#options
    // What can be gone back to in a broadcast begins with it only where all of it is listed.
    const wanted = media.currentTime || (live?.dvr === false ? 0 : startTimeSeconds)
    const startPosition = wanted > 0 ? wanted : -1
    // Before the manifest is there, hls.js only notes the wish to load, not from where.
    this.#hls.config.startPosition = startPosition
    this.#hls.startLoad(startPosition)
  }

  /**
   * A second hls.js reads the manifest while the first plays on, then takes over the media source with everything that
   * is buffered in it, so that nothing is loaded twice and no frame is lost.
   */
  async reload(): Promise<void> {
    const next = this.#create()
    try {
      await readManifest(next, this.#options.manifestUrl)
    } catch {
      next.destroy()
      return
    }
    const previous = this.#hls
    const media = this.#options.media
    this.#inheritedUntilSeconds = 0
    next.startLevel = findSimilarLevel(next.levels, previous.levels[previous.loadLevel], next.firstLevel)
    const { bandwidthEstimate } = previous
    if (Number.isFinite(bandwidthEstimate)) next.bandwidthEstimate = bandwidthEstimate
    const soundName = previous.audioTracks[previous.audioTrack]?.name
    const text = previous.subtitleTracks[previous.subtitleTrack]
    if (text !== undefined) next.config.subtitlePreference = { lang: text.lang, name: text.name }
    const taken = previous.transferMedia()
    previous.destroy()
    // It leaves its text tracks with the element it hands on, and the next one makes its own.
    for (const node of media.querySelectorAll('track')) node.remove()
    this.#hls = next
    next.attachMedia(taken ?? media)
    const sound = next.audioTracks.findIndex((track) => track.name === soundName)
    if (sound >= 0) next.audioTrack = sound
    this.#offer(next)
    if (this.#qualityId !== null) this.selectQuality(this.#qualityId)
    this.#inheritedUntilSeconds = media.currentTime + bufferedAhead(media)
    // It must see one segment before it takes over the buffers; beginning behind them makes that a new one.
    if (this.#started)
      next.startLoad(Math.max(media.currentTime, this.#inheritedUntilSeconds - EDGE_SECONDS), true)
  }

  selectQuality(id: string | null): void {
    this.#qualityId = id
    const hls = this.#hls
    const level = id === null ? -1 : hls.levels.findIndex((each) => renditionId(each) === id)
    // `nextLevel` lets the segment that is playing end and replaces what is buffered after it, but only what hls.js
    // itself has loaded; what was inherited has to be thrown away as a whole, or the choice would show much later.
    if (level >= 0 && this.#options.media.currentTime < this.#inheritedUntilSeconds) hls.currentLevel = level
    else hls.nextLevel = level
  }

  selectSoundTrack(id: string): void {
    this.#hls.audioTrack = Number(id)
  }

  describe(): DebugFacts {
    const hls = this.#hls
    const { media } = this.#options
    const level = hls.levels[hls.currentLevel]
    const frames = media.getVideoPlaybackQuality()
    return [
      ['engine', `hls.js ${Hls.version}`],
      [
        'quality',
        level ? `${level.width} × ${level.height}, ${Math.round(level.bitrate / 1000)} kbit/s` : '–',
      ],
      ['chosen by', this.#qualityId === null ? 'the player' : 'the viewer'],
      ['bandwidth', `${(hls.bandwidthEstimate / 1e6).toFixed(1)} Mbit/s`],
      ['buffered', `${bufferedAhead(media).toFixed(1)} s`],
      ['frames', `${frames.totalVideoFrames} shown, ${frames.droppedVideoFrames} dropped`],
      ['qualities', hls.levels.map((each) => `${Math.min(each.width, each.height)}p`).join(' ')],
      ...this.#describeLive(),
    ]
  }

  edge(): LiveEdge | null {
    const { liveSyncPosition, latestLevelDetails, latency } = this.#hls
    if (this.#options.live === null || liveSyncPosition === null || !latestLevelDetails?.live) return null
    const { partTarget, targetduration } = latestLevelDetails
    return {
      syncSeconds: liveSyncPosition,
      delaySeconds: latency > 0 ? latency : null,
      toleranceSeconds: Math.max(TOLERANCE_SECONDS, partTarget > 0 ? 0 : targetduration),
    }
  }

  finish(): void {
    if (this.#finishing) return
    this.#finishing = true
    const { media } = this.#options
    const { signal } = this.#ending
    let timer: ReturnType<typeof setTimeout> | undefined
    // A playlist with its end mark leads to `ended`. Where there is none any more, what is loaded runs out.
    const look = (): void => {
      clearTimeout(timer)
      if (media.ended || bufferedAhead(media) > LAST_SECONDS) return
      timer = setTimeout(() => {
        if (!signal.aborted && bufferedAhead(media) <= LAST_SECONDS) this.#callbacks.onOver()
      }, OVER_MS)
    }
    media.addEventListener('waiting', look, { signal })
    look()
  }

  destroy(): void {
    clearTimeout(this.#retryTimer)
    this.#ending.abort()
    this.#hls.destroy()
  }

  #describeLive(): DebugFacts {
    const edge = this.edge()
    const { lowLatencyMode, targetLatency, playingDate, latestLevelDetails } = this.#hls
    if (edge === null) return []
    const seconds = (value: number | null) => (value === null ? '–' : `${value.toFixed(1)} s`)
    const parts = lowLatencyMode && (latestLevelDetails?.partTarget ?? 0) > 0
    return [
      ['delay', `${seconds(edge.delaySeconds)}, ${seconds(targetLatency)} wanted`],
      // Only as true as the clock here is.
      ['by the clocks', seconds(playingDate && (Date.now() - playingDate.getTime()) / 1000)],
      ['loads', parts ? 'parts (low latency)' : 'segments'],
      ['speed', `${this.#options.media.playbackRate}`],
    ]
  }

  #create(): Hls {
    const hls = new Hls(this.#config())
    const { live } = this.#options
    if (live !== null) returnWhenCalm(hls, live.lowLatency, this.#ending.signal)
    hls.on(Events.MANIFEST_PARSED, () => {
      // The playlist lists the quality to start with first.
      hls.startLevel = hls.firstLevel
      this.#chooseTextTrack(hls)
      if (hls === this.#hls) this.#offer(hls)
    })
    hls.on(Events.AUDIO_TRACKS_UPDATED, () => this.#offerSound(hls))
    hls.on(Events.AUDIO_TRACK_SWITCHED, () => this.#offerSound(hls))
    hls.on(Events.FRAG_BUFFERED, () => this.#recovered())
    hls.on(Events.ERROR, (_event, data) => {
      if (hls !== this.#hls) return
      const refusal = REFUSALS[data.response?.code ?? 0]
      // Trying other qualities, as hls.js would for some seconds, leads to the same answer.
      if (refusal !== undefined) this.#endWithBuffer(refusal)
      // A media playlist without a body: the input has no broadcast any more (live.md §6).
      else if (data.response?.code === 204 && !data.fatal) this.finish()
      else if (data.fatal) this.#onFatal(hls, data)
    })
    return hls
  }

  #config(): Partial<HlsConfig> {
    const { parentOrigin, live } = this.#options
    return {
      autoStartLoad: false,
      // Fragmented MP4 needs no repackaging, so a worker would only cost a start-up (and a looser page policy).
      enableWorker: false,
      startFragPrefetch: true,
      capLevelToPlayerSize: true,
      maxBufferLength: 20,
      maxMaxBufferLength: 60,
      backBufferLength: 60,
      // As browsers have it for broadcasts (HTML §4.8.11.6), and what pages around the player are told.
      liveDurationInfinity: true,
      ...(live && distanceConfig(live.lowLatency)),
      abrEwmaDefaultEstimate: 3_000_000,
      fragLoadPolicy: SEGMENTS,
      playlistLoadPolicy: PLAYLISTS,
      manifestLoadPolicy: PLAYLISTS,
      ...(parentOrigin === null
        ? {}
        : {
            // The origin rule looks at who embeds the player, which the browser tells only the page itself.
            xhrSetup: (xhr, url) => {
              const address = new URL(url, location.href)
              if (!address.pathname.endsWith('.m3u8')) return
              address.searchParams.set('parentOrigin', parentOrigin)
              xhr.open('GET', address.href, true)
            },
          }),
    }
  }

  #offer(hls: Hls): void {
    this.#callbacks.onQualities(
      hls.levels.map((level) => ({
        id: renditionId(level),
        width: level.width,
        height: level.height,
        bitrate: level.bitrate,
      })),
    )
    this.#offerSound(hls)
  }

  #offerSound(hls: Hls): void {
    if (hls !== this.#hls) return
    this.#callbacks.onSoundTracks(
      hls.audioTracks.map((track, index) => ({
        id: String(index),
        label: track.name,
        language: track.lang ?? '',
        enabled: index === hls.audioTrack,
      })),
    )
  }

  /** Before hls.js sorts the tracks by their groups, which is when it chooses one. */
  #chooseTextTrack(hls: Hls): void {
    const wanted = this.#options.defaultTextTrack?.toLowerCase()
    if (wanted === undefined || this.#textTrackChosen) return
    const track = hls.allSubtitleTracks.find(({ lang }) => lang?.toLowerCase() === wanted)
    if (track === undefined) return
    this.#textTrackChosen = true
    // With the name, since by the language alone `en-GB` would also be found in `en`.
    hls.config.subtitlePreference = { lang: track.lang, name: track.name }
  }

  #onFatal(hls: Hls, data: ErrorData): void {
    const status = data.response?.code ?? 0
    if (NOTHING_THERE.has(status)) {
      this.#callbacks.onTrouble({ kind: 'status' })
    } else if (data.type === ErrorTypes.MEDIA_ERROR && this.#mayRecoverMedia()) {
      hls.recoverMediaError()
    } else if (data.type === ErrorTypes.NETWORK_ERROR) {
      this.#retryLater(hls)
    } else {
      this.#callbacks.onTrouble({ kind: 'refused', sentence: 'This browser could not decode the video.' })
    }
  }

  /** What is loaded is still played; then the viewer is told. */
  #endWithBuffer(trouble: EngineTrouble): void {
    this.#hls.stopLoad()
    if (this.#ending.signal.aborted) return
    const { media } = this.#options
    const { signal } = this.#ending
    // A jump waits for a moment, too, where everything is loaded.
    const tellAtEdge = () => {
      if (bufferedAhead(media) <= LAST_SECONDS) this.#tellEnd(trouble)
    }
    media.addEventListener('waiting', tellAtEdge, { signal })
    tellAtEdge()
  }

  #tellEnd(trouble: EngineTrouble): void {
    this.#ending.abort()
    this.#callbacks.onTrouble(trouble)
  }

  #mayRecoverMedia(): boolean {
    const now = performance.now()
    this.#mediaFailures = this.#mediaFailures.filter((at) => now - at < MEDIA_RETRY_MS)
    this.#mediaFailures.push(now)
    return this.#mediaFailures.length <= MEDIA_RETRIES
  }

  #retryLater(hls: Hls): void {
    this.#troubled = true
    this.#callbacks.onTrouble({ kind: 'connection' })
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(() => {
      if (hls !== this.#hls) return
      if (hls.levels.length === 0) {
        hls.loadSource(this.#options.manifestUrl)
        hls.once(Events.MANIFEST_PARSED, () => this.#recovered())
      }
      if (this.#started) hls.startLoad(this.#options.media.currentTime || this.#options.startTimeSeconds)
    }, RETRY_MS)
  }

  #recovered(): void {
    if (!this.#troubled) return
    this.#troubled = false
    this.#callbacks.onRecovered()
  }
}

function readManifest(hls: Hls, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    hls.once(Events.MANIFEST_PARSED, () => resolve())
    hls.on(Events.ERROR, (_event, data) => {
      if (data.fatal) reject(data.error)
    })
    hls.loadSource(url)
  })
}

/** The rendition's own id, from its playlist's address `…/manifest/<rendition>.m3u8`. */
function renditionId(level: Level): string {
  return /([^/]+)\.m3u8$/.exec(new URL(level.uri, location.href).pathname)?.[1] ?? level.uri
}

/** The same rendition, else the nearest size: a passthrough may be gone when the ladder is complete. */
function findSimilarLevel(levels: readonly Level[], previous: Level | undefined, fallback: number): number {
  if (!previous) return fallback
  const same = levels.findIndex((level) => renditionId(level) === renditionId(previous))
  if (same >= 0) return same
  const distances = levels.map((level) => Math.abs(level.height - previous.height))
  return distances.indexOf(Math.min(...distances))
}

function bufferedAhead(media: HTMLMediaElement): number {
  const { buffered, currentTime } = media
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i))
      return buffered.end(i) - currentTime
  }
  return 0
}
