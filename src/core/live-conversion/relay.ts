/** A feed that is told its units: keeps what a newcomer needs, and passes on what comes. */

import { Listeners } from '../../lib/listeners.ts'
import { isSameFormat } from '../../media/live/same-format.ts'
import type { AccessUnit, LiveFormat, SoundFormat, VideoFormat } from '../../media/live/units.ts'
import type { Feed, FeedListener } from '../../live-ports.ts'

/** Kept for newcomers: longer than any group of pictures that is allowed (20 s at 70 a second), and its sound. */
const MOST_KEPT = 4_000

/** Units in, listeners out. */
export class Relay implements Feed {
  readonly #listeners: Listeners<FeedListener>
  readonly #kept: AccessUnit[] = []
  #video: VideoFormat | null = null
  #audio: SoundFormat | null = null
  #ended = false

  /** `onFault` is told what a listener has thrown; that one is told nothing more. */
  constructor(onFault: (error: unknown) => void) {
    this.#listeners = new Listeners(onFault)
  }

  get video(): VideoFormat | null {
    return this.#video
  }

  get audio(): SoundFormat | null {
    return this.#audio
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size
  }

  listen(listener: FeedListener): () => void {
    return this.#listeners.add(listener, (one) => {
      if (this.#video !== null) one.format(this.#video)
      if (this.#audio !== null) one.format(this.#audio)
      for (const unit of this.#kept) one.unit(unit)
      if (this.#ended) one.end()
    })
  }

  /** A format that differs from the last one of its kind; the same again is nothing new. */
  format(format: LiveFormat): void {
    if (isSameFormat(format.kind === 'video' ? this.#video : this.#audio, format)) return
    if (format.kind === 'video') this.#video = format
    else this.#audio = format
    this.forget()
    this.#listeners.tell((one) => one.format(format))
  }

  unit(unit: AccessUnit): void {
    if (unit.kind === 'video' && unit.isSync) this.#kept.length = 0
    // Pictures cannot be read without the one they begin with, sound can be from anywhere.
    if (this.#kept.length >= MOST_KEPT) this.#kept.splice(0, unit.kind === 'video' ? MOST_KEPT : 1)
    if (this.#kept.length > 0 || unit.isSync) this.#kept.push(unit)
    this.#listeners.tell((one) => one.unit(unit))
  }

  gap(): void {
    this.forget()
    this.#listeners.tell((one) => one.gap?.())
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#listeners.tell((one) => one.end())
  }

  /** Newcomers are told nothing from before `dts`: sound that lies before the picture they begin with. */
  forget(dts = Number.POSITIVE_INFINITY): void {
    const first = this.#kept.findIndex((unit) => unit.dts >= dts)
    this.#kept.splice(0, first < 0 ? this.#kept.length : first)
  }
}
