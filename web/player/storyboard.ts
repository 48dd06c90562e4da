/** The pictures of the seek bar: `headwater/storyboard.vtt` names a rectangle of a sheet for each stretch of time. */

export type StoryboardPicture = {
  readonly startSeconds: number
  readonly endSeconds: number
  /** Address of the sheet. */
  readonly sheet: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Reads the WebVTT; `address` is its own, from which it names the sheet. What is no picture is skipped. */
export function parseStoryboard(text: string, address: string): readonly StoryboardPicture[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const times = /(\S+) --> (\S+)/.exec(block)
    const place = /^(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/m.exec(block)
    if (times === null || place === null) return []
    const [x = 0, y = 0, width = 0, height = 0] = place.slice(2).map(Number)
    const [startSeconds = 0, endSeconds = 0] = times.slice(1).map(readTimestamp)
    return [{ startSeconds, endSeconds, sheet: new URL(place[1] ?? '', address).href, x, y, width, height }]
  })
}

/** The picture of an instant; the last one after the end. */
export function findPicture(
  pictures: readonly StoryboardPicture[],
  seconds: number,
): StoryboardPicture | undefined {
  return pictures.find(({ endSeconds }) => seconds < endSeconds) ?? pictures.at(-1)
}

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

/** `hh:mm:ss.ttt`, hours may be left out. */
function readTimestamp(text: string): number {
  return text.split(':').reduce((total, part) => total * 60 + Number(part), 0)
}

const RETRY_MS = 5_000
