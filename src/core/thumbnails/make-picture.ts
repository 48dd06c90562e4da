/** One decode, many sizes; equal requests share it. */

import type { Sharp } from 'sharp'
import { stillBlob } from '../blob-names.ts'
import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { type Log, silentLog } from '../../lib/log.ts'
import type { BlobName } from '../../ports.ts'
import {
  type Body,
  type BodyPart,
  bodyOf,
  openSegment,
  type Playable,
  type Playback,
} from '../playback/index.ts'
import type { OwnPictures, Track } from '../timeline/index.ts'
import { makeAnimation } from './animation.ts'
import { type AnimationQuery, checkWork } from './animation-request.ts'
import { type Frame, findFrame } from './find-frame.ts'
import { type PictureQuery, type PictureShape, pictureSeconds, pictureShape } from './picture-request.ts'
import { decodeStill, keepStill, readStill, type StillDeps } from './still.ts'
import { Turns } from '../../lib/turns.ts'

export type ThumbnailDeps = Omit<StillDeps, 'log'> & { readonly playback: Playback; readonly log?: Log }

/** Makes the maker of thumbnails; it needs no closing. */
export function createThumbnails(deps: ThumbnailDeps): Thumbnails {
  return new Thumbnails({ ...deps, log: deps.log ?? silentLog })
}

/** Makes thumbnails. */
export class Thumbnails {
  readonly #deps: StillDeps & { readonly playback: Playback }
  /** Stills that are being decoded, or have been and are not kept yet. */
  readonly #decoding = new Map<BlobName, Promise<Uint8Array>>()
  /** Pictures as they were sent. */
  readonly #scaled = new BoundedCache<string, Uint8Array>({
    maxWeight: KEPT_PICTURE_BYTES,
    weigh: ({ byteLength }) => byteLength,
  })
  /** Of any video and query: kept in memory, since there are too many to keep them all on the disk. */
  readonly #animations = new BoundedCache<string, Uint8Array>({
    maxWeight: KEPT_ANIMATION_BYTES,
    weigh: (bytes) => bytes.byteLength,
  })
  readonly #keeping = new Set<Promise<void>>()
  readonly #decodeTurns = new Turns(2)
  readonly #scaleTurns = new Turns(2)

  constructor(deps: StillDeps & { readonly playback: Playback }) {
    this.#deps = deps
  }

  /** The JPEG that `query` asks for. Throws `bad_request`, `not_found`, `segment_not_ready` or `decoder_failed`. */
  async picture(playable: Playable, query: PictureQuery): Promise<Uint8Array> {
    const shape = shapeOf(playable, query)
    const own = await this.#ownPictures(playable)
    const frame = findFrame(playable.plan, startOf(playable, query), own)
    const track = cheapTrack(playable, { first: frame.segment, last: frame.segment }, shape)
    const name = stillBlob(playable.video.uid, track.id, frame.timeMs)
    return this.#scaled.get([name, ...Object.values(shape)].join(' '), async () => {
      const still = await this.#still(playable, track, frame, name)
      return this.#scaleTurns.take(() => scaleStill(still, shape))
    })
  }

  /** Resolves once everything that has been decoded is kept. */
  async settle(): Promise<void> {
    await Promise.all(this.#keeping)
  }

  /** The GIF that `query` asks for, shorter where the video ends. Throws as `picture` does. */
  async animation(playable: Playable, query: AnimationQuery): Promise<Uint8Array> {
    const { plan, timeline, video } = playable
    const shape = shapeOf(playable, query)
    checkWork(query, shape)
    const own = await this.#ownPictures(playable)
    const seconds = startOf(playable, query)
    const first = findFrame(plan, seconds, own)
    const end = findFrame(plan, Math.min(seconds + query.durationSeconds, timeline.durationSeconds), own)
    const segments = { first: first.segment, last: end.segment }
    const track = cheapTrack(playable, segments, shape)
    const { durationSeconds, rate } = query
    const key = [video.uid, track.id, first.timeMs, durationSeconds, rate, ...Object.values(shape)].join(' ')
    return this.#animations.get(key, async () => {
      // Others may wait for the same one, so it does not end with the request that asked first.
      const { signal } = new AbortController()
      const body = await initAndSegments(this.#deps.playback, playable, track, segments, signal)
      const label = `animation at ${first.timeMs} ms of ${video.uid}`
      return this.#decodeTurns.take(() =>
        makeAnimation(this.#deps, { label, body, number: first.number, query, shape, signal }),
      )
    })
  }

  async #ownPictures({ plan, timeline }: Playable): Promise<OwnPictures | null> {
    if (plan.frames.kind !== 'source' || timeline.indexBlob === null) return null
    return (await this.#deps.playback.indexes.open(timeline.indexBlob, plan)).own
  }

  /** The still of a picture of this rendition: kept, being decoded, or decoded now. */
  async #still(playable: Playable, track: Track, frame: Frame, name: BlobName): Promise<Uint8Array> {
    const underWay = this.#decoding.get(name)
    if (underWay !== undefined) return underWay
    const kept = await readStill(this.#deps.blobs, name)
    if (kept !== undefined) return kept
    // Somebody else may have asked while this one looked.
    const decoding = this.#decoding.get(name) ?? this.#decode(playable, track, frame)
    if (!this.#decoding.has(name)) {
      this.#decoding.set(name, decoding)
      this.#keep(playable.video.uid, name, decoding)
    }
    return decoding
  }

  /** Keeps a still behind the back of who waits for it: the disk may take longer than the decoder. */
  #keep(uid: string, name: BlobName, decoding: Promise<Uint8Array>): void {
    const keeping = decoding
      .then(
        (still) => keepStill(this.#deps, uid, name, still),
        // Heard by those who asked.
        () => undefined,
      )
      .finally(() => {
        this.#decoding.delete(name)
        this.#keeping.delete(keeping)
      })
    this.#keeping.add(keeping)
  }

  async #decode(playable: Playable, track: Track, frame: Frame): Promise<Uint8Array> {
    // Others may wait for the same picture, so it does not end with the request that asked first.
    const { signal } = new AbortController()
    const segments = { first: frame.segment, last: frame.segment }
    const body = await initAndSegments(this.#deps.playback, playable, track, segments, signal)
    const label = `picture at ${frame.timeMs} ms of ${playable.video.uid}`
    return this.#decodeTurns.take(() =>
      decodeStill(this.#deps, { label, body, number: frame.number, signal }),
    )
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

type Segments = { readonly first: number; readonly last: number }

/** The smallest rendition that is large enough and has all these segments now; else the best there is. */
function cheapTrack(playable: Playable, { first, last }: Segments, shape: PictureShape): Track {
  const has = (track: Track) => {
    for (let segment = first; segment <= last; segment += 1) {
      if (track.segment(segment).from === 'encoder') return false
    }
    return true
  }
  const large = playable.timeline.tracks.filter(
    ({ kind, offered, video }) => kind === 'video' && offered && (video?.height ?? 0) >= shape.height,
  )
  const bySize = large.toSorted((a, b) => (a.video?.height ?? 0) - (b.video?.height ?? 0))
  return bySize.find(has) ?? bestTrack(playable, first)
}

/** An init segment and the segments after it: a file in itself. */
async function initAndSegments(
  playback: Playback,
  playable: Playable,
  track: Track,
  { first, last }: Segments,
  signal: AbortSignal,
): Promise<Body> {
  const request = { playable, rendition: track.id, signal }
  const parts: BodyPart[] = []
  for (let segment = first; segment <= last; segment += 1) {
    parts.push(...(await openSegment(playback, { ...request, segment })).body.parts)
  }
  const init = await openSegment(playback, { ...request, segment: 'init' })
  return bodyOf([...init.body.parts, ...parts])
}

/** Size and fit of the answer. Throws `bad_request` for pictures of non-square pixels. */
function shapeOf({ plan: { picture } }: Playable, query: PictureQuery): PictureShape {
  // The vendor does not make thumbnails of such videos either (playback.md §4.1).
  if (picture.pixelAspect.num !== picture.pixelAspect.den) {
    throw new HeadwaterError('bad_request', 'Thumbnails of videos with non-square pixels are not supported.')
  }
  return pictureShape(query, { width: picture.displayWidth, height: picture.displayHeight })
}

/** The instant of the answer, seconds. Throws `not_found` past the end. */
function startOf({ timeline, video }: Playable, query: PictureQuery): number {
  return pictureSeconds(query, timeline.durationSeconds, video.thumbnailTimestampPct)
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
/** Some hundred of the default size. */
const KEPT_ANIMATION_BYTES = 64 * 1024 ** 2
/** Some thousand of the default size. */
const KEPT_PICTURE_BYTES = 32 * 1024 ** 2
/** Beyond any picture that a rendition may have. */
const MOST_STILL_PIXELS = 4096 * 4096
