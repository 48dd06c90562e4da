/** A watermark profile as the API shows it, by itself and in videos; spec §11. */

import { z } from 'zod'
import { POSITIONS, type Watermark } from '../core/watermarks/index.ts'
import { formatTimestamp } from '../lib/timestamp.ts'

/** The shape of a profile. */
export const watermarkSchema = z.object({
  uid: z.string().regex(/^[0-9a-f]{32}$/),
  name: z.string(),
  opacity: z.number().min(0).max(1).describe('Multiplies the alpha of the image'),
  padding: z.number().min(0).max(1).describe('Distance to the edges, share of the picture'),
  scale: z.number().min(0).max(1).describe('Share of the picture that it is fitted into; 0 = its own pixels'),
  position: z.enum(POSITIONS),
  size: z.int().describe('Bytes of the image'),
  width: z.int(),
  height: z.int(),
  downloadedFrom: z.string().nullable(),
  created: z.iso.datetime(),
})

/** `watermark` as clients see it. */
export function presentWatermark(watermark: Watermark): z.output<typeof watermarkSchema> {
  return {
    uid: watermark.uid,
    name: watermark.name,
    opacity: watermark.opacity,
    padding: watermark.padding,
    scale: watermark.scale,
    position: watermark.position,
    size: watermark.sizeBytes,
    width: watermark.width,
    height: watermark.height,
    downloadedFrom: watermark.downloadedFrom,
    created: formatTimestamp(watermark.createdUs),
  }
}
