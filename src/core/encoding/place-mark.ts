/** Where a watermark lies on a picture (media.md §4). Pure: equal pictures get equal marks, whoever encodes them. */

import type { Mark } from '../planning/index.ts'

/** Pixels of the picture, even: chroma has half as many. */
export type MarkBox = {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

type Size = { readonly width: number; readonly height: number }

/** An image of scale 0 has its own pixels on a picture whose shorter side has this many. */
const FULL_SHORT_SIDE = 1080

/** The mark's place on a picture, as displayed. It never reaches beyond the picture, however large its padding. */
export function placeMark(mark: Mark, picture: Size): MarkBox {
  const { width, height } = fitMark(mark, picture)
  const free = { x: picture.width - width, y: picture.height - height }
  const [vertical, side] = PLACES[mark.position]
  return {
    x: even(placeOnAxis(side, free.x, mark.padding * picture.width)),
    y: even(placeOnAxis(vertical, free.y, mark.padding * picture.height)),
    width,
    height,
  }
}

type Place = 'start' | 'end' | 'middle'

const PLACES: Readonly<Record<Mark['position'], readonly [vertical: Place, horizontal: Place]>> = {
  upperLeft: ['start', 'start'],
  upperRight: ['start', 'end'],
  lowerLeft: ['end', 'start'],
  lowerRight: ['end', 'end'],
  center: ['middle', 'middle'],
}

function placeOnAxis(place: Place, free: number, padding: number): number {
  if (place === 'middle') return free / 2
  const fromEdge = Math.min(padding, free)
  return place === 'start' ? fromEdge : free - fromEdge
}

/** Its size there, aspect kept. */
function fitMark(mark: Mark, picture: Size): Size {
  const share =
    mark.scale === 0
      ? Math.min(picture.width, picture.height) / FULL_SHORT_SIDE
      : mark.scale * Math.min(picture.width / mark.width, picture.height / mark.height)
  const most = Math.min(picture.width / mark.width, picture.height / mark.height)
  const factor = Math.min(share, most)
  const side = (pixels: number, limit: number) => Math.min(limit, Math.max(2, even(pixels * factor)))
  return { width: side(mark.width, picture.width), height: side(mark.height, picture.height) }
}

function even(pixels: number): number {
  return 2 * Math.round(pixels / 2)
}
