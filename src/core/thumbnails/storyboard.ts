/**
 * Storyboards: the pictures in the seek bar, on one sheet. Made when somebody first asks, once for all who ask meanwhile,
 * and kept as a blob of the video. A crash leaves at most a blob without a row, which the sweep removes.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { silentLog } from '../../lib/log.ts'
import { Turns } from '../../lib/turns.ts'
import { storyboardBlob } from '../blob-names.ts'
import type { BlobName } from '../../ports.ts'
import {
  type Body,
  type BodyPart,
  bodyOf,
  openSegment,
  type Playable,
  type Playback,
  streamBody,
} from '../playback/index.ts'
import type { ThumbnailDeps } from './make-picture.ts'
import { buildStoryboardArgs, formatStoryboard, planStoryboard, type Storyboard } from './plan-storyboard.ts'
import { keepStill, readExactly, readStill, type StillDeps } from './still.ts'

/** Makes the maker of storyboards; it needs no closing. */
export function createStoryboards(deps: ThumbnailDeps): Storyboards {
  return new Storyboards({ ...deps, log: deps.log ?? silentLog })
}

export type StoryboardsDeps = StillDeps & { readonly playback: Playback }

/** Makes storyboards. */
export class Storyboards {
  readonly #deps: StoryboardsDeps
  readonly #making = new Map<BlobName, Promise<Uint8Array>>()
  /** One at a time: it is a convenience, and whoever plays needs the processor more. */
  readonly #turns = new Turns(1)

  constructor(deps: StoryboardsDeps) {
    this.#deps = deps
  }

  /** The WebVTT; `sheet` is the address of the pictures in it. Throws as `sheet` does. */
  describe(playable: Playable, sheet: string): string {
    return formatStoryboard(requireStoryboard(playable), sheet)
  }

  /** The pictures, a JPEG. Throws `video_not_playable_yet` until they exist, or `decoder_failed`. */
  async sheet(playable: Playable): Promise<Uint8Array> {
    const storyboard = requireStoryboard(playable)
    const name = storyboardBlob(playable.video.uid, storyboard.rendition)
    const kept = await readStill(this.#deps.blobs, name)
    if (kept !== undefined) return kept
    const underWay = this.#making.get(name)
    if (underWay !== undefined) return underWay
    const making = this.#make(playable, storyboard, name).finally(() => this.#making.delete(name))
    this.#making.set(name, making)
    return making
  }

  async #make(playable: Playable, storyboard: Storyboard, name: BlobName): Promise<Uint8Array> {
    // Others may wait for the same one, so it does not end with the request that asked first.
    const { signal } = new AbortController()
    const body = await this.#read(playable, storyboard, signal)
    const sheet = await this.#turns.take(() => this.#decode(playable.video.uid, storyboard, body, signal))
    await keepStill(this.#deps, playable.video.uid, name, sheet)
    return sheet
  }

  async #read(playable: Playable, { rendition, segments }: Storyboard, signal: AbortSignal): Promise<Body> {
    const parts: BodyPart[] = []
    for (const segment of ['init', ...segments] as const) {
      const opened = await openSegment(this.#deps.playback, { playable, rendition, segment, signal })
      parts.push(...opened.body.parts)
    }
    return bodyOf(parts)
  }

  async #decode(uid: string, storyboard: Storyboard, body: Body, signal: AbortSignal): Promise<Uint8Array> {
    const run = await this.#deps.decoder.run(
      {
        label: `storyboard of ${uid}`,
        input: { from: 'pipe', bytes: streamBody(this.#deps.blobs, body) },
        args: buildStoryboardArgs(storyboard, SHEET_FILE),
        outputs: [SHEET_FILE],
        limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: MOST_SHEET_BYTES, memoryBytes: 2 * 1024 ** 3 },
        nice: 5,
      },
      { signal },
    )
    try {
      const file = run.files.get(SHEET_FILE)
      if (file === undefined || file.sizeBytes > MOST_SHEET_BYTES) {
        throw new HeadwaterError('decoder_failed', `The decoder made no usable storyboard of ${uid}.`)
      }
      return await readExactly(file)
    } finally {
      await run.release()
    }
  }
}

/** Throws `video_not_playable_yet` until the segments that it is made of are there. */
function requireStoryboard({ plan, timeline }: Playable): Storyboard {
  const storyboard = planStoryboard(plan)
  const track = timeline.tracks.find(({ id }) => id === storyboard?.rendition)
  const isThere = storyboard?.segments.every((segment) => track?.segment(segment).from !== 'encoder')
  if (storyboard !== undefined && track !== undefined && isThere) return storyboard
  throw new HeadwaterError(
    'video_not_playable_yet',
    'The storyboard is made of the smallest quality, which is not complete yet.',
  )
}

const SHEET_FILE = 'storyboard.jpg'
const MOST_SHEET_BYTES = 16 * 1024 * 1024
