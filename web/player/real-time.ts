/** Playback in real time over WebRTC (WHEP, draft-murillo-wish-whep-01); a chunk of its own, loaded only where it is used. */

import type { DebugFacts, Engine, EngineCallbacks, EngineOptions, LiveEdge } from './engine.ts'
import { readIceServers } from './ice-servers.ts'

/** From the offer until pictures flow. A network that lets no UDP through says nothing at all. */
const CONNECTING_MS = 8_000
/** A connection that is disturbed may come back by itself. */
const DISTURBED_MS = 5_000
const MEASURE_MS = 1_000

/** Prepares the connection, which is made by `start()`. `options.manifestUrl` is the address of the WHEP endpoint. */
export function createRealTimeEngine(options: EngineOptions, callbacks: EngineCallbacks): Engine {
  return new RealTimeEngine(options, callbacks)
}

class RealTimeEngine implements Engine {
  readonly #options: EngineOptions
  readonly #callbacks: EngineCallbacks
  readonly #connection = new RTCPeerConnection()
  readonly #stream = new MediaStream()
  /** Aborted when the engine goes. */
  readonly #life = new AbortController()
  #started = false
  #connected = false
  #sessionUrl: string | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #measuring: ReturnType<typeof setInterval> | undefined
  #measured: Measured = { delaySeconds: null, roundTripSeconds: null, lost: 0, frames: 0 }
  #standsStill = false

  constructor(options: EngineOptions, callbacks: EngineCallbacks) {
    this.#options = options
    this.#callbacks = callbacks
    const connection = this.#connection
    for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' })
    connection.addEventListener('track', ({ track }) => this.#stream.addTrack(track))
    connection.addEventListener('connectionstatechange', () => this.#onState())
    options.media.srcObject = this.#stream
    // Else the server would send for some seconds more to nobody.
    window.addEventListener('pagehide', () => this.#leave(), { signal: this.#life.signal })
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#timer = setTimeout(() => this.#giveUp(), CONNECTING_MS)
    this.#connect().catch((error: unknown) => {
      if (this.#life.signal.aborted) return
      console.warn(error)
      this.#giveUp()
    })
  }

  edge(): LiveEdge | null {
    if (!this.#connected) return null
    const { currentTime } = this.#options.media
    return { syncSeconds: currentTime, delaySeconds: this.#measured.delaySeconds, toleranceSeconds: 1 }
  }

  describe(): DebugFacts {
    const { media } = this.#options
    const { delaySeconds, roundTripSeconds, lost } = this.#measured
    const ms = (seconds: number | null) => (seconds === null ? '–' : `${Math.round(seconds * 1000)} ms`)
    return [
      ['engine', 'WebRTC'],
      ['quality', `${media.videoWidth} × ${media.videoHeight}`],
      ['delay', ms(delaySeconds)],
      ['round trip', ms(roundTripSeconds)],
      ['packets lost', String(lost)],
      ['frames', `${media.getVideoPlaybackQuality().totalVideoFrames} shown`],
    ]
  }

  finish(): void {
    this.#callbacks.onOver()
  }

  // There is one quality and one sound, and no list of them.
  reload(): Promise<void> {
    return Promise.resolve()
  }
  selectQuality(): void {}
  selectSoundTrack(): void {}

  destroy(): void {
    this.#leave()
    this.#life.abort()
    clearTimeout(this.#timer)
    clearInterval(this.#measuring)
    this.#connection.close()
    this.#options.media.srcObject = null
  }

  async #connect(): Promise<void> {
    const connection = this.#connection
    const offer = await connection.createOffer()
    // Without this word a receiver of Opus gets one channel (RFC 7587 §6.1).
    const sdp = offer.sdp?.replace(/useinbandfec=1/g, 'useinbandfec=1;stereo=1')
    const { manifestUrl, parentOrigin } = this.#options
    const address = new URL(manifestUrl, location.href)
    // The origin rule looks at who embeds the player, as for manifests.
    if (parentOrigin !== null) address.searchParams.set('parentOrigin', parentOrigin)
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: sdp ?? '',
      credentials: 'omit',
      signal: this.#life.signal,
    })
    if (response.status !== 201) {
      this.#refuse(response.status)
      return
    }
    const session = response.headers.get('location')
    this.#sessionUrl = session && new URL(session, response.url).href
    // Addresses are looked for only now, by the servers that the answer names (RFC 9725 §4.6). The server need not hear of
    // what is found: it answers to where questions come from.
    connection.setConfiguration({ iceServers: readIceServers(response.headers.get('link')) })
    await connection.setLocalDescription({ type: 'offer', sdp })
    await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() })
  }

  #refuse(status: number): void {
    clearTimeout(this.#timer)
    if (status === 401) this.#callbacks.onTrouble({ kind: 'unauthorised' })
    else if (status === 403)
      this.#callbacks.onTrouble({ kind: 'refused', sentence: 'This stream may not be played on this site.' })
    // Nobody is on air, as far as WebRTC goes (live.md §9).
    else if (status === 409) this.#callbacks.onTrouble({ kind: 'status' })
    else this.#callbacks.onTrouble({ kind: 'unreachable' })
  }

  #onState(): void {
    const { connectionState } = this.#connection
    if (connectionState === 'connected') {
      clearTimeout(this.#timer)
      this.#connected = true
      this.#measuring ??= setInterval(() => {
        this.#measure().catch(() => undefined)
      }, MEASURE_MS)
    } else if (connectionState === 'disconnected') {
      this.#timer = setTimeout(() => this.#giveUp(), DISTURBED_MS)
    } else if (connectionState === 'failed' || connectionState === 'closed') {
      this.#giveUp()
    }
  }

  #giveUp(): void {
    clearTimeout(this.#timer)
    if (this.#life.signal.aborted) return
    // What had been connected once can be again: the broadcast may just be over.
    this.#callbacks.onTrouble({ kind: this.#connected ? 'status' : 'unreachable' })
  }

  #leave(): void {
    if (this.#sessionUrl === null) return
    const url = this.#sessionUrl
    this.#sessionUrl = null
    fetch(url, { method: 'DELETE', keepalive: true, credentials: 'omit' }).catch(() => undefined)
  }

  async #measure(): Promise<void> {
    const before = this.#measured
    this.#measured = readStats(await this.#connection.getStats())
    const { media } = this.#options
    // An element with a connection shows its last picture and says nothing when no other comes.
    const standsStill = this.#measured.frames === before.frames && before.frames > 0 && !media.paused
    if (standsStill === this.#standsStill) return
    this.#standsStill = standsStill
    media.dispatchEvent(new Event(standsStill ? 'waiting' : 'playing'))
  }
}

type Measured = {
  readonly delaySeconds: number | null
  readonly roundTripSeconds: number | null
  readonly lost: number
  /** Decoded so far. */
  readonly frames: number
}

/** What this end knows of the way here: half a round trip, waiting for what is late, decoding (W3C webrtc-stats §8). */
function readStats(stats: RTCStatsReport): Measured {
  let waiting: number | null = null
  let roundTripSeconds: number | null = null
  let lost = 0
  let frames = 0
  for (const each of stats.values() as Iterable<Record<string, unknown>>) {
    const number = (name: string) => Number(each[name] ?? 0)
    if (each['type'] === 'candidate-pair' && each['nominated'] === true) {
      roundTripSeconds = number('currentRoundTripTime')
    } else if (each['type'] === 'inbound-rtp') {
      lost += number('packetsLost')
      if (each['kind'] === 'video' && number('framesDecoded') > 0) {
        frames = number('framesDecoded')
        waiting =
          number('jitterBufferDelay') / Math.max(1, number('jitterBufferEmittedCount')) +
          number('totalDecodeTime') / number('framesDecoded')
      }
    }
  }
  const delaySeconds = waiting === null ? null : waiting + (roundTripSeconds ?? 0) / 2
  return { delaySeconds, roundTripSeconds, lost, frames }
}
