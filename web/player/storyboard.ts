/** The pictures of the seek bar, loaded when they are first wanted. */

import { findPicture, parseStoryboard, type StoryboardPicture } from './storyboard-cues.ts'

/** Loads it when it is first wanted, and again later while the video has none. Says `load` when it is there. */
export class Storyboard extends EventTarget {
  readonly #address: string
  #pictures: readonly StoryboardPicture[] = []
  #nextTryMs = 0

  constructor(address: string) {
    super()
    this.#address = address
  }

  /** The picture of an instant; undefined while there is none. */
  at(seconds: number): StoryboardPicture | undefined {
    if (this.#pictures.length === 0) this.#load().catch(() => undefined)
    return findPicture(this.#pictures, seconds)
  }

  async #load(): Promise<void> {
    const now = performance.now()
    if (now < this.#nextTryMs) return
    this.#nextTryMs = now + RETRY_MS
    const response = await fetch(this.#address, { credentials: 'omit' })
    // Without pictures the seek bar shows times, as it does until the smallest quality is complete.
    if (!response.ok) return
    const pictures = parseStoryboard(await response.text(), response.url)
    // The sheet is there before the first picture is asked for, so that nothing flickers.
    const sheet = new Image()
    sheet.src = pictures[0]?.sheet ?? ''
    await sheet.decode()
    this.#pictures = pictures
    this.dispatchEvent(new Event('load'))
  }
}

const RETRY_MS = 5_000
