/**
 * A broadcast as somebody wants it who does not take every codec: what they take as it is, the rest from a conversion.
 * Each track is in order; converted units come some milliseconds later than those they were made of.
 */

import {
  type AccessUnit,
  LIVE_TIMESCALE,
  type LiveFormat,
  type SoundFormat,
  type VideoFormat,
} from '../../media/live/units.ts'
import type { AcceptedCodecs, Feed, FeedListener } from '../../live-ports.ts'
import type { Conversion } from './conversion.ts'
import { convertedSound, type Target } from './conversion-args.ts'

/** One such view of a broadcast. */
export class ConvertedFeed implements Feed {
  readonly #source: Feed
  readonly #accepts: AcceptedCodecs
  readonly #conversionOf: (target: Target) => Conversion

  constructor(source: Feed, accepts: AcceptedCodecs, conversionOf: (target: Target) => Conversion) {
    this.#source = source
    this.#accepts = accepts
    this.#conversionOf = conversionOf
  }

  get video(): VideoFormat | null {
    const format = this.#source.video
    if (format === null) return null
    const way = wayOf(format, this.#accepts)
    return way === 'pass' ? format : way === 'avc' ? this.#conversionOf(way).video : null
  }

  get audio(): SoundFormat | null {
    const format = this.#source.audio
    if (format === null) return null
    const way = wayOf(format, this.#accepts)
    if (way === 'pass') return format
    return way === 'aac' || way === 'opus' ? convertedSound(format, way) : null
  }

  listen(listener: FeedListener): () => void {
    const view = new View(listener, this.#accepts, this.#conversionOf)
    const leave = this.#source.listen(view)
    return () => {
      leave()
      view.leave()
    }
  }
}

/** Of one listener. */
class View implements FeedListener {
  readonly #listener: FeedListener
  readonly #accepts: AcceptedCodecs
  readonly #conversionOf: (target: Target) => Conversion
  readonly #ways: { video: Way; audio: Way } = { video: null, audio: null }
  readonly #joined = new Map<Target, () => void>()
  /**
   * Sound that waits until the converted pictures are known: packaging and recording begin with all their tracks, and a
   * busy machine takes seconds for the first picture. Null: nothing waits.
   */
  #waiting: AccessUnit[] | null = null
  /** Decode time of the first converted picture: those published may have begun long before, and their sound with them. */
  #firstPicture = Number.NEGATIVE_INFINITY
  #sourceEnded = false
  #left = false

  constructor(listener: FeedListener, accepts: AcceptedCodecs, conversionOf: (target: Target) => Conversion) {
    this.#listener = listener
    this.#accepts = accepts
    this.#conversionOf = conversionOf
  }

  format(format: LiveFormat): void {
    const before = this.#ways[format.kind]
    const way = wayOf(format, this.#accepts)
    this.#ways[format.kind] = way
    if (before !== way && before !== 'pass' && before !== null) this.#part(before)
    if (way === 'pass') this.#listener.format(format)
    else if (way !== null && !this.#joined.has(way)) this.#join(way)
  }

  unit(unit: AccessUnit): void {
    if (this.#ways[unit.kind] === 'pass') this.#tell(unit)
  }

  gap(): void {
    this.#listener.gap?.()
  }

  end(): void {
    this.#sourceEnded = true
    this.#endIfAll()
  }

  leave(): void {
    this.#left = true
    this.#waiting = []
    for (const target of this.#joined.keys()) this.#part(target)
  }

  #join(target: Target): void {
    // Known before it answers, which it does at once.
    this.#joined.set(target, () => {})
    if (target === 'avc') this.#waiting = []
    const leave = this.#conversionOf(target).listen({
      format: (format) => this.#listener.format(format),
      unit: (unit) => this.#tell(unit),
      end: () => {
        this.#joined.delete(target)
        if (target === 'avc') this.#release()
        this.#endIfAll()
      },
    })
    if (this.#joined.has(target)) this.#joined.set(target, leave)
    else leave()
  }

  #tell(unit: AccessUnit): void {
    if (unit.kind === 'video') {
      if (this.#waiting !== null) this.#firstPicture = unit.dts
      this.#listener.unit(unit)
      this.#release()
      return
    }
    if (this.#waiting === null) {
      if (unit.dts >= this.#firstPicture) this.#listener.unit(unit)
      return
    }
    this.#waiting.push(unit)
    const [first] = this.#waiting
    if (first !== undefined && unit.dts - first.dts > LONGEST_WAIT_TICKS) this.#release()
  }

  #release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = null
    for (const unit of waiting) this.#tell(unit)
  }

  #part(target: Target): void {
    if (target === 'avc') this.#release()
    const leave = this.#joined.get(target)
    this.#joined.delete(target)
    leave?.()
  }

  #endIfAll(): void {
    if (this.#sourceEnded && this.#joined.size === 0 && !this.#left) this.#listener.end()
  }
}

/** Without pictures by then there will be none for a while. */
const LONGEST_WAIT_TICKS = 20 * LIVE_TIMESCALE

/** `null`: what is wanted cannot be made of it, and is left out. */
type Way = 'pass' | Target | null

function wayOf(format: LiveFormat, accepts: AcceptedCodecs): Way {
  if (format.kind === 'video') {
    if (accepts.video.includes(format.codec)) return 'pass'
    return accepts.video.includes('avc') ? 'avc' : null
  }
  if (accepts.audio.includes(format.codec)) return 'pass'
  return accepts.audio[0] ?? null
}
