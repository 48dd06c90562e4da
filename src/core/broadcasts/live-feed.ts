/** The feed of one broadcast: told everything once, it tells all who listen, and those who come late the latest GOP first. */

import { Listeners } from '../../lib/listeners.ts'
import type { AccessUnit, LiveFormat, SoundFormat, VideoFormat } from '../../media/live/units.ts'
import type { Feed, FeedListener } from '../../live-ports.ts'

/** Of a GOP that grows larger nothing is kept: who comes then waits for the next. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024

export class LiveFeed implements Feed, FeedListener {
  #video: VideoFormat | null = null
  #audio: SoundFormat | null = null
  readonly #listeners: Listeners<FeedListener>
  /** Everything since the latest sync picture; null while there is none. */
  #latest: AccessUnit[] | null = null
  #latestBytes = 0
  #hasEnded = false

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

  get listeners(): number {
    return this.#listeners.size
  }

  listen(listener: FeedListener): () => void {
    const stop = this.#listeners.add(listener, (one) => {
      if (this.#hasEnded) {
        one.end()
        return
      }
      if (this.#video !== null) one.format(this.#video)
      if (this.#audio !== null) one.format(this.#audio)
      for (const unit of this.#latest ?? []) one.unit(unit)
    })
    if (this.#hasEnded) stop()
    return stop
  }

  format(format: LiveFormat): void {
    if (format.kind === 'video') {
      this.#video = format
      // What was coded in another way is of no use to who comes now.
      this.#forgetLatest()
    } else this.#audio = format
    this.#listeners.tell((one) => one.format(format))
  }

  unit(unit: AccessUnit): void {
    this.#keep(unit)
    this.#listeners.tell((one) => one.unit(unit))
  }

  gap(): void {
    this.#forgetLatest()
    this.#listeners.tell((one) => one.gap?.())
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#forgetLatest()
    this.#listeners.tell((one) => one.end())
    this.#listeners.clear()
  }

  #keep(unit: AccessUnit): void {
    if (unit.kind === 'video' && unit.isSync) {
      this.#latest = []
      this.#latestBytes = 0
    }
    if (this.#latest === null) return
    this.#latest.push(unit)
    this.#latestBytes += unit.data.byteLength
    if (this.#latestBytes > MOST_KEPT_BYTES) this.#forgetLatest()
  }

  #forgetLatest(): void {
    this.#latest = null
    this.#latestBytes = 0
  }
}
