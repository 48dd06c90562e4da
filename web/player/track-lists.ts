/**
 * The lists of qualities and of sound tracks that the controls read from the media element. `audioTracks` is the HTML
 * standard's (browsers without it get this one), `videoRenditions` the proposal that media-chrome follows.
 */

export type Quality = {
  /** Rendition id; stays the same when the manifest is read again. */
  readonly id: string
  readonly width: number
  readonly height: number
  readonly bitrate: number
}

/** Qualities to choose from; `selectedIndex` −1 leaves the choice to the player. */
export class QualityList extends EventTarget {
  #items: readonly Quality[] = []
  #selectedIndex = -1
  readonly #onSelect: (quality: Quality | null) => void

  constructor(onSelect: (quality: Quality | null) => void) {
    super()
    this.#onSelect = onSelect
  }

  [Symbol.iterator](): Iterator<Quality> {
    return this.#items[Symbol.iterator]()
  }

  get length(): number {
    return this.#items.length
  }

  get selectedIndex(): number {
    return this.#selectedIndex
  }

  set selectedIndex(index: number) {
    if (index === this.#selectedIndex) return
    this.#selectedIndex = index
    mirrorIndexes(this, this.#items)
    this.#onSelect(this.#items[index] ?? null)
    this.dispatchEvent(new Event('change'))
  }

  /** Replaces the list; a choice made by hand is kept if it is still offered. */
  replace(items: readonly Quality[]): void {
    const selected = this.#items[this.#selectedIndex]
    this.#items = items
    this.#selectedIndex = selected ? items.findIndex((item) => item.id === selected.id) : -1
    mirrorIndexes(this, items)
    this.dispatchEvent(new Event('addrendition'))
    this.dispatchEvent(new Event('change'))
  }
}

export type SoundTrack = {
  readonly id: string
  readonly label: string
  readonly language: string
  enabled: boolean
}

/** Sound tracks to choose from; the controls set `enabled` on one and clear it on the others. */
export class SoundTrackList extends EventTarget {
  #items: readonly SoundTrack[] = []
  readonly #onSelect: (id: string) => void

  constructor(onSelect: (id: string) => void) {
    super()
    this.#onSelect = onSelect
  }

  [Symbol.iterator](): Iterator<SoundTrack> {
    return this.#items[Symbol.iterator]()
  }

  get length(): number {
    return this.#items.length
  }

  replace(tracks: readonly Omit<SoundTrack, 'kind'>[]): void {
    this.#items = tracks.map((track) => this.#watched(track))
    mirrorIndexes(this, this.#items)
    this.dispatchEvent(new Event('addtrack'))
    this.dispatchEvent(new Event('change'))
  }

  /** Choosing is done by writing `enabled`, so writing it has an effect. */
  #watched(track: SoundTrack): SoundTrack {
    let enabled = track.enabled
    const select = (): void => {
      this.#onSelect(track.id)
      this.dispatchEvent(new Event('change'))
    }
    return {
      id: track.id,
      label: track.label,
      language: track.language,
      get enabled() {
        return enabled
      },
      set enabled(value: boolean) {
        if (value === enabled) return
        enabled = value
        if (value) select()
      },
    }
  }
}

/** Lists of this kind are also read by index. */
function mirrorIndexes(target: object, items: readonly unknown[]): void {
  for (const key of Object.keys(target)) if (/^\d+$/.test(key)) Reflect.deleteProperty(target, key)
  for (const [index, item] of items.entries()) {
    Object.defineProperty(target, index, { value: item, configurable: true, enumerable: true })
  }
}
