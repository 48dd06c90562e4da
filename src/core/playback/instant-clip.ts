/** Instant clips (live.md §7): stretches of a running broadcast, or of the recording of one that is over. */

import { HeadwaterError } from '../../lib/failure.ts'
import { clipOfBroadcast, type ClipWindow, fitClip, type PlayedBroadcast } from '../live-packaging/index.ts'
import type { Track } from '../timeline/index.ts'
import { type BlobSource, type Body, bodyOf } from './body.ts'
import { segmentsOfClip } from './clip-segments.ts'
import { type ClipTrack, layoutClip } from './clip-file.ts'
import type { Playable } from './find-playable.ts'
import { openSegment, type SegmentDeps } from './open-segment.ts'

/** Throws `not_found` for what was never live. */
export function requireRecording({ video }: Playable): void {
  if (video.liveInput === null) {
    throw new HeadwaterError(
      'not_found',
      'Only recordings of live inputs are clipped by an address; other videos by POST …/stream/clip.',
    )
  }
}

/** How long what there is of a broadcast is, in seconds. */
export function broadcastSeconds({ package: pack }: PlayedBroadcast): number {
  const [rendition] = pack.renditions
  return rendition === undefined
    ? 0
    : Math.max(0, rendition.endTime / rendition.timescale - pack.startSeconds)
}

/** The file of a clip of a broadcast that is in memory. Throws `bad_request` or `not_found`. */
export async function clipBroadcast(
  broadcast: PlayedBroadcast,
  window: ClipWindow,
): Promise<{ readonly body: Body; readonly blobs: BlobSource }> {
  const fitting = fitClip(window, broadcastSeconds(broadcast))
  const blobs = { open: () => broadcast.openRecording() }
  const blob = broadcast.package.id
  const tracks = clipOfBroadcast(broadcast.package, fitting).map(({ init, pieces, ...times }) => ({
    ...times,
    body: bodyOf([
      init,
      ...pieces.map((piece) => (piece instanceof Uint8Array ? piece : { blob, range: piece })),
    ]),
  }))
  return { body: await layoutClip(blobs, tracks), blobs }
}

/** The file of a clip of a recording: its best picture and its own sound. Throws `bad_request`. */
export async function clipRecording(
  deps: SegmentDeps & { readonly sources: BlobSource },
  playable: Playable,
  window: ClipWindow,
  signal: AbortSignal,
): Promise<Body> {
  const fitting = fitClip(window, playable.timeline.durationSeconds)
  const offered = playable.timeline.tracks.filter(({ offered }) => offered)
  const picture = offered
    .filter(({ kind }) => kind === 'video')
    .toSorted((a, b) => a.averageBps - b.averageBps)
    .at(-1)
  const sound = offered.find(({ audio }) => audio?.isDefault)
  const tracks: ClipTrack[] = []
  for (const track of [picture, sound]) {
    if (track !== undefined) tracks.push(await clipTrack(deps, { playable, track, window: fitting, signal }))
  }
  return await layoutClip(deps.sources, tracks)
}

async function clipTrack(
  deps: SegmentDeps,
  asked: { playable: Playable; track: Track; window: ClipWindow; signal: AbortSignal },
): Promise<ClipTrack> {
  const { playable, track, window, signal } = asked
  const { first, end } = segmentsOfClip(track, window)
  const open = async (segment: number | 'init') =>
    (await openSegment(deps, { playable, rendition: track.id, segment, signal })).body.parts
  const parts = [...(await open('init'))]
  // A segment earlier: sound may begin within the frame before.
  for (let segment = Math.max(0, first - 1); segment < end; segment += 1) parts.push(...(await open(segment)))
  const startSeconds = window.startSeconds
  return { body: bodyOf(parts), startSeconds, endSeconds: startSeconds + window.durationSeconds }
}
