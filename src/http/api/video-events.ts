/** Our own call behind the dashboard's page of a video: what happened to it, and how far each rendition is. */

import { z } from 'zod'
import { encodedSegments, type Plan, segmentCount } from '../../core/planning/index.ts'
import { copyProgress } from '../../core/copy/index.ts'
import { getPlanRow, listChunkRows } from '../../core/timeline/index.ts'
import { listEvents, requireVideo } from '../../core/videos/index.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import type { Db } from '../../tables.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'

export type VideoEventDeps = { readonly db: Db }

const eventSchema = z.object({
  at: z.iso.datetime(),
  kind: z.string().describe('A state that was entered, or created, edited, rendition, complete …'),
  detail: z.record(z.string(), z.unknown()),
})

const renditionSchema = z.object({
  id: z.string(),
  kind: z.enum(['video', 'audio']),
  name: z.string(),
  width: z.int().optional(),
  height: z.int().optional(),
  bitrate: z.int().describe('Bits per second'),
  codec: z.string(),
  passthrough: z.boolean().describe('Cut from the source as it is, so never waited for'),
  segments: z.int().describe('How many there will be'),
  segmentsReady: z.int(),
})

const downloadSchema = z.object({
  receivedBytes: z.int().describe('On the disk of the server'),
  totalBytes: z.int().nullable().describe('null until the origin says it'),
})

type PresentedRendition = z.output<typeof renditionSchema>

/** The endpoints. */
export function videoEventEndpoints(deps: VideoEventDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/accounts/{account_id}/headwater/videos/{uid}/events',
      summary: 'What happened to a video, oldest first, and how far its renditions are',
      tag: 'Dashboard',
      access: 'account',
      resultSchema: z.object({
        complete: z.boolean().describe('Whether every rendition is finished'),
        download: downloadSchema
          .nullable()
          .describe('How far an upload from a URL is; null when none is running'),
        events: z.array(eventSchema),
        renditions: z.array(renditionSchema),
      }),
      handle: async ({ accountId, uid }) => {
        await requireVideo(deps.db, uid, accountId)
        const [events, row, download] = await Promise.all([
          listEvents(deps.db, uid),
          getPlanRow(deps.db, uid),
          copyProgress(deps.db, uid),
        ])
        return answerResult({
          complete: row?.complete ?? false,
          download: download
            ? { receivedBytes: download.receivedBytes, totalBytes: download.lengthBytes }
            : null,
          events: events.map(({ atUs, kind, detail }) => ({ at: formatTimestamp(atUs), kind, detail })),
          renditions: row === undefined ? [] : presentRenditions(row.plan, await countReady(deps.db, uid)),
        })
      },
    }),
  ]
}

/** Finished segments by rendition; a segment that two chunks hold counts once. */
async function countReady(db: Db, uid: string): Promise<Map<string, number>> {
  const ready = new Map<string, Set<number>>()
  for (const { rendition, firstSegment, segmentBytes } of await listChunkRows(db, uid)) {
    const segments = ready.get(rendition) ?? new Set()
    ready.set(rendition, segments)
    for (let at = 0; at < segmentBytes.length; at += 1) segments.add(firstSegment + at)
  }
  return new Map([...ready].map(([rendition, segments]) => [rendition, segments.size]))
}

function presentRenditions(plan: Plan, ready: ReadonlyMap<string, number>): PresentedRendition[] {
  const count = (id: string, passthrough: boolean, segments: number, encoded: number) => ({
    passthrough,
    segments,
    segmentsReady: segments - encoded + (ready.get(id) ?? 0),
  })
  const video = plan.video.map(
    ({ id, made, name, width, height, bitrateBps, codec }): PresentedRendition => ({
      id,
      kind: 'video',
      name,
      width,
      height,
      bitrate: Math.round(bitrateBps),
      codec,
      ...count(id, made === 'passthrough', segmentCount(plan), encodedSegments(plan, { made }).length),
    }),
  )
  if (plan.audio === null) return video
  const { id, made, bitrateBps, codec, cuts } = plan.audio
  const audio: PresentedRendition = {
    id,
    kind: 'audio',
    name: 'original',
    bitrate: Math.round(bitrateBps),
    codec,
    ...count(id, made === 'passthrough', cuts.length - 1, made === 'passthrough' ? 0 : cuts.length - 1),
  }
  return [...video, audio]
}
