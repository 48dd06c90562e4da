/** A watermark profile: an image, and how it lies on the picture (api.md §11, media.md §4). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName } from '../../ports.ts'

/** Where the image lies. */
export const POSITIONS = ['upperRight', 'upperLeft', 'lowerLeft', 'lowerRight', 'center'] as const
export type Position = (typeof POSITIONS)[number]

/** What a customer says of the image. */
export type Placement = {
  readonly name: string
  /** 0–1: multiplies the image's alpha. */
  readonly opacity: number
  /** 0–1: distance to the edges, share of the picture's width and height. `center` has none. */
  readonly padding: number
  /** 0–1: share of the picture's width and height that the image is fitted into; 0 = its own pixels in 1080p. */
  readonly scale: number
  readonly position: Position
}

export type Watermark = Placement & {
  readonly uid: string
  /** Bytes of the file as it came. */
  readonly sizeBytes: number
  /** Pixels of the file as it came. */
  readonly width: number
  readonly height: number
  /** Without credentials; null when the image was sent. */
  readonly downloadedFrom: string | null
  readonly createdUs: number
  /** The image as our own decoder wrote it; lives as long as a profile or a video names it. */
  readonly imageBlob: BlobName
}

/** Largest image file (media.md §8). */
export const MAX_IMAGE_BYTES = 2_097_152
/** Longest side that is taken: more than twice what the largest rung has. */
export const MOST_IMAGE_SIDE = 4_096
/** Profiles of an account (media.md §4). */
export const MOST_WATERMARKS = 100
/** It goes with every video that has the mark. */
const MOST_NAME_CHARACTERS = 255

/** What a request says; absent = the default of api.md §11. */
export type PlacementRequest = Partial<Omit<Placement, 'position'>> & { readonly position?: string }

/** The placement as it is stored. Throws `bad_request`, naming the field. */
export function checkPlacement(request: PlacementRequest): Placement {
  const name = request.name ?? ''
  const characters = Array.from(name).length
  if (characters > MOST_NAME_CHARACTERS) {
    throw refused('name', `may have at most ${MOST_NAME_CHARACTERS} characters, this one has ${characters}`)
  }
  return {
    name,
    opacity: checkShare('opacity', request.opacity ?? 1),
    padding: checkShare('padding', request.padding ?? 0.05),
    scale: checkShare('scale', request.scale ?? 0.15),
    position: checkPosition(request.position ?? 'upperRight'),
  }
}

function checkShare(field: string, value: number): number {
  if (value >= 0 && value <= 1) return value
  throw refused(field, `must be from 0.0 to 1.0, not ${value}`)
}

function checkPosition(text: string): Position {
  const position = POSITIONS.find((one) => one === text)
  if (position !== undefined) return position
  throw refused(
    'position',
    `must be one of ${POSITIONS.join(', ')}, not ${JSON.stringify(text.slice(0, 40))}`,
  )
}

/** The refusal of a file over the limit. */
export function imageTooLarge(): HeadwaterError {
  return new HeadwaterError(
    'payload_too_large',
    `The image of a watermark may have at most ${MAX_IMAGE_BYTES} bytes (2 MiB).`,
    { facts: { maximumBytes: MAX_IMAGE_BYTES } },
  )
}

function refused(field: string, rule: string): HeadwaterError {
  return new HeadwaterError('bad_request', `${field} ${rule}.`, { facts: { field } })
}
