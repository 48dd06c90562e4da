/** The cues of `headwater/storyboard.vtt`: a rectangle of a sheet for each stretch of time; pure. */

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

/** `hh:mm:ss.ttt`, hours may be left out. */
function readTimestamp(text: string): number {
  return text.split(':').reduce((total, part) => total * 60 + Number(part), 0)
}
