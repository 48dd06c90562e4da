/** One decode, many sizes; equal requests share it. */

import type { Sharp } from 'sharp'
import { stillBlob } from '../blob-names.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { type Log, silentLog } from '../../lib/log.ts'
import type { BlobName } from '../../ports.ts'
import { type Body, bodyOf, openSegment, type Playable, type Playback } from '../playback/index.ts'
import type { Track } from '../timeline/index.ts'
import { type Frame, findFrame } from './find-frame.ts'
import { type PictureQuery, type PictureShape, pictureSeconds, pictureShape } from './picture-request.ts'
import { decodeStill, keepStill, readStill, type StillDeps } from './still.ts'
import { Turns } from './turns.ts'

export type ThumbnailDeps = Omit<StillDeps, 'log'> & { readonly playback: Playback; readonly log?: Log }

/** Makes the maker of thumbnails; it needs no closing. */
export function createThumbnails(deps: ThumbnailDeps): Thumbnails {
  return new Thumbnails({ ...deps, log: deps.log ?? silentLog })
}

/** Makes thumbnails. */
export class Thumbnails {
  readonly #deps: StillDeps & { readonly playback: Playback }
  /** Stills that are being decoded. */
  readonly #decoding = new Map<BlobName, Promise<Uint8Array>>()
  readonly #decodeTurns = new Turns(2)
  readonly #scaleTurns = new Turns(2)

  constructor(deps: StillDeps & { readonly playback: Playback }) {
    this.#deps = deps
  }

  /** The JPEG that `query` asks for. Throws `bad_request`, `not_found`, `segment_not_ready` or `decoder_failed`. */
  async picture(playable: Playable, query: PictureQuery): Promise<Uint8Array> {
    const { plan, timeline, video } = playable
    // The vendor does not make thumbnails of such videos either (playback.md §4.1).
    if (plan.picture.pixelAspect.num !== plan.picture.pixelAspect.den) {
      throw new HeadwaterError(
        'bad_request',
        'Thumbnails of videos with non-square pixels are not supported.',
      )
    }
    const shape = pictureShape(query, {
      width: plan.picture.displayWidth,
      height: plan.picture.displayHeight,
    })
    const seconds = pictureSeconds(query, timeline.durationSeconds, video.thumbnailTimestampPct)
    const index =
      plan.frames.kind === 'source' && timeline.indexBlob !== null
        ? await this.#deps.playback.indexes.open(timeline.indexBlob, plan)
        : null
    const still = await this.#still(playable, findFrame(plan, seconds, index?.own ?? null))
    return this.#scaleTurns.take(() => scaleStill(still, shape))
  }

  /** The still of a picture at the best rendition that has it. */
  async #still(playable: Playable, frame: Frame): Promise<Uint8Array> {
    const track = bestTrack(playable, frame.segment)
    const name = stillBlob(playable.video.uid, track.id, frame.timeMs)
    const kept = await readStill(this.#deps.blobs, name)
    if (kept !== undefined) return kept
    const underWay = this.#decoding.get(name)
    if (underWay !== undefined) return underWay
    const decoding = this.#decode(playable, track, frame, name).finally(() => this.#decoding.delete(name))
    this.#decoding.set(name, decoding)
    return decoding
  }

  async #decode(playable: Playable, track: Track, frame: Frame, name: BlobName): Promise<Uint8Array> {
    // Others may wait for the same picture, so it does not end with the request that asked first.
    const { signal } = new AbortController()
    const body = await initAndSegment(this.#deps.playback, playable, track, frame.segment, signal)
    const label = `picture at ${frame.timeMs} ms of ${playable.video.uid}`
    const still = await this.#decodeTurns.take(() =>
      decodeStill(this.#deps, { label, body, number: frame.number, signal }),
    )
    await keepStill(this.#deps, playable.video.uid, name, still)
    return still
  }
}

/** The largest rendition that has the segment now; else the smallest that is offered, whose segment is waited for. */
function bestTrack(playable: Playable, segment: number): Track {
  const offered = playable.timeline.tracks.filter((track) => track.kind === 'video' && track.offered)
  const bySize = offered.toSorted((a, b) => (b.video?.height ?? 0) - (a.video?.height ?? 0))
  const best = bySize.find((track) => track.segment(segment).from !== 'encoder') ?? bySize.at(-1)
  if (best === undefined) throw new HeadwaterError('video_not_playable_yet', 'The video has no picture yet.')
  return best
}

/** An init segment and one segment: a file in itself. */
async function initAndSegment(
  playback: Playback,
  playable: Playable,
  track: Track,
  segment: number,
  signal: AbortSignal,
): Promise<Body> {
  const request = { playable, rendition: track.id, signal }
  const media = await openSegment(playback, { ...request, segment })
  const init = await openSegment(playback, { ...request, segment: 'init' })
  return bodyOf([...init.body.parts, ...media.body.parts])
}

/** Scales and crops; JPEG quality 80 (media.md §7). */
async function scaleStill(still: Uint8Array, shape: PictureShape): Promise<Uint8Array> {
  // Loaded with the first picture: a server that shows none need not hold the library.
  const { default: sharp } = await import('sharp')
  // Two pictures at a time are scaled; more threads for each would only take them from others.
  sharp.concurrency(1)
  const picture: Sharp = sharp(still, { limitInputPixels: MOST_STILL_PIXELS })
  return picture
    .resize({ width: shape.width, height: shape.height, fit: SHARP_FIT[shape.fit], background: '#000' })
    .jpeg({ quality: 80 })
    .toBuffer()
}

/** `clip` has its exact size computed before. */
const SHARP_FIT = { crop: 'cover', clip: 'fill', scale: 'fill', fill: 'contain' } as const
/** Beyond any picture that a rendition may have. */
const MOST_STILL_PIXELS = 4096 * 4096
