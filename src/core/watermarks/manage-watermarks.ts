/**
 * Making and deleting watermark profiles (api.md §11). The image of a stranger is decoded once, in the cage, and what
 * that wrote is stored: no encode ever meets the stranger's bytes. Blob before row; a crash in between leaves a blob
 * that no row names, which the sweep removes.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { shownUrl } from '../../lib/shown-url.ts'
import { Turns } from '../../lib/turns.ts'
import type { Blobs, Clock, Decoder, Fetcher } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { watermarkBlob } from '../blob-names.ts'
import { checkImage } from './check-image.ts'
import { fetchImage } from './fetch-image.ts'
import { checkPlacement, type PlacementRequest, type Watermark } from './watermark.ts'
import {
  checkWatermarkCount,
  deleteWatermarkRow,
  imagesInUse,
  insertWatermark,
  requireWatermark,
} from './watermark-records.ts'

export type WatermarkDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly decoder: Pick<Decoder, 'run'>
  readonly fetcher: Fetcher
}

export type NewWatermark = {
  readonly accountId: string
  readonly placement: PlacementRequest
  /** The file itself; where it is absent `url` is fetched. */
  readonly image?: Uint8Array
  readonly url?: string
  readonly signal: AbortSignal
}

/** Images that are decoded at a time in this process: each takes a core for a moment. */
const DECODES = 2

/** Makes profiles; holds nothing but whose turn it is. */
export class WatermarkMaker {
  readonly #deps: WatermarkDeps
  readonly #turns = new Turns(DECODES)

  constructor(deps: WatermarkDeps) {
    this.#deps = deps
  }

  /**
   * Makes a profile. Throws `bad_request` (a field out of range, neither file nor URL, no PNG, an image that cannot be
   * decoded), `payload_too_large`, `fetch_refused`, `fetch_failed`, `too_many_watermarks`, `disk_full`, or the abort reason.
   */
  async create(request: NewWatermark): Promise<Watermark> {
    const { db, clock } = this.#deps
    const { accountId, url, signal } = request
    const placement = checkPlacement(request.placement)
    // Asked before anything is fetched, and again in the transaction.
    await checkWatermarkCount(db, accountId)
    const file = request.image ?? (await fetchImage(this.#deps, requireUrl(url), signal))
    const image = await this.#turns.take(() => checkImage(this.#deps.decoder, file, signal))
    const uid = clock.newUid()
    const watermark: Watermark = {
      uid,
      ...placement,
      sizeBytes: file.byteLength,
      width: image.width,
      height: image.height,
      downloadedFrom: request.image === undefined && url !== undefined ? shownUrl(url) : null,
      createdUs: clock.nowUs(),
      imageBlob: watermarkBlob(uid),
    }
    await this.#store(accountId, watermark, image.bytes)
    return watermark
  }

  async #store(accountId: string, watermark: Watermark, bytes: Uint8Array): Promise<void> {
    const { db, blobs } = this.#deps
    const draft = await blobs.createDraft()
    try {
      await draft.append([bytes])
      await draft.publish(watermark.imageBlob)
    } catch (error) {
      await draft.discard()
      throw error
    }
    try {
      await db.transaction().execute((trx) => insertWatermark(trx, accountId, watermark))
    } catch (error) {
      if (isFailure(error, 'too_many_watermarks')) await blobs.delete(watermark.imageBlob)
      throw error
    }
  }
}

/** Removes a profile. Videos keep their mark, and its image as long as one has it. Throws `not_found`. */
export async function deleteWatermark(
  deps: Pick<WatermarkDeps, 'db' | 'blobs'>,
  accountId: string,
  uid: string,
): Promise<void> {
  const unused = await deps.db.transaction().execute(async (trx) => {
    const { imageBlob } = await requireWatermark(trx, accountId, uid)
    await deleteWatermarkRow(trx, uid)
    return (await imagesInUse(trx, [imageBlob])).length === 0 ? imageBlob : undefined
  })
  if (unused !== undefined) await deps.blobs.delete(unused)
}

function requireUrl(url: string | undefined): string {
  if (url !== undefined) return url
  throw new HeadwaterError(
    'bad_request',
    'The image is missing: send the PNG as the part `file` of a form, or its address as `url`.',
    { facts: { field: 'file' } },
  )
}
