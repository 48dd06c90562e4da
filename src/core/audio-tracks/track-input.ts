/** Where the sound of a track is, as the decoder gets it. */

import { HeadwaterError } from '../../lib/failure.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { BlobName, Blobs, Decoder } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { audioSourceBlob, sourceBlob } from '../blob-names.ts'
import { chooseSound, type WholeSound } from '../encoding/index.ts'
import { asUnreadable, buildStreamsArgs, planDurationSeconds, readStreams } from '../planning/index.ts'
import { type BlobPart, bodyOf, streamBody } from '../playback/index.ts'
import {
  assembleTimeline,
  getPlanRow,
  listAddedSounds,
  listChunkRows,
  listRenditionRows,
  type PlanRow,
  type SourceIndexes,
  type Track,
} from '../timeline/index.ts'
import type { AudioTrack } from './audio-track.ts'

export type InputDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly decoder: Decoder
  readonly indexes: SourceIndexes
}

/** What is to be encoded, and into how many channels. */
export type TrackInput = WholeSound & { readonly channels: 1 | 2 }

/**
 * The sound of a track; `row` is the plan of its video. Throws a fault of the file with a sentence for the owner when there is no
 * sound that can be decoded, and what the decoder throws.
 */
export async function openTrackInput(
  deps: InputDeps,
  { uid, videoUid, source }: AudioTrack,
  row: PlanRow,
  signal: AbortSignal,
): Promise<TrackInput> {
  if (source.from === 'video') return await openOtherVideo(deps, source.uid)
  const name = source.from === 'inside' ? sourceBlob(videoUid) : audioSourceBlob(videoUid, uid)
  const stream = source.from === 'inside' ? source.stream : 0
  const demuxer = await findDemuxer(deps.blobs, name)
  return {
    input: { from: 'blob', name },
    demuxer,
    stream,
    seekSeconds: null,
    ...(source.from === 'inside' ? insideTimes(row, name) : FROM_START),
    channels: await countChannels(deps, { name, demuxer, stream }, signal),
  }
}

type Times = Pick<WholeSound, 'fromStart' | 'originUs'>

/** A file of its own begins with the video. */
const FROM_START: Times = { fromStart: true, originUs: 0 }

/** Where the plan's time 0 lies in the times of the source, of which the plan may have been made in three ways. */
export function insideTimes(row: Pick<PlanRow, 'plan' | 'mediaBlob' | 'indexBlob'>, source: BlobName): Times {
  // Read by the decoder: the plan says it.
  if (row.indexBlob === null) return { fromStart: false, originUs: row.plan.originUs }
  // Read by our own index: the movie's own times.
  if (row.mediaBlob === source) return { fromStart: false, originUs: 0 }
  // Copied into an MP4, which begins where the file did.
  return FROM_START
}

async function findDemuxer(blobs: Blobs, name: BlobName): Promise<string> {
  const reader = await blobs.open(name)
  try {
    const first = new Uint8Array(Math.min(SNIFF_BYTES, reader.sizeBytes))
    const found = sniff(first.subarray(0, await reader.read(first, 0)))
    if (found.kind === 'known') return found.demuxer
    throw new HeadwaterError(found.code, `Expected a file with sound, found ${found.found}.`)
  } finally {
    await reader.close()
  }
}

/** Asks the decoder, which must be able to decode the first of it. */
async function countChannels(
  deps: Pick<InputDeps, 'decoder'>,
  file: { readonly name: BlobName; readonly demuxer: string; readonly stream: number },
  signal: AbortSignal,
): Promise<1 | 2> {
  const task = {
    label: `look at the sound of ${file.name}`,
    input: { from: 'blob' as const, name: file.name },
    args: buildStreamsArgs(file.demuxer, file.stream),
    outputs: [],
    limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: 1, memoryBytes: 3 * 1024 ** 3 },
    nice: 10,
    verbose: true,
  }
  let report: string
  try {
    const run = await deps.decoder.run(task, { signal })
    await run.release()
    report = run.stderr
  } catch (error) {
    throw asUnreadable(error, 'sound')
  }
  const found = readStreams(report).find(({ kind, number }) => kind === 'sound' && number === file.stream)
  if (found?.channels == null) {
    throw new HeadwaterError(
      'sound_undecodable',
      `The sound of the file (${found?.codec ?? 'none'}) cannot be decoded.`,
    )
  }
  return found.channels === 1 ? 1 : 2
}

/** What is heard of another video, from time 0 of its timeline on. */
async function openOtherVideo(deps: InputDeps, uid: string): Promise<TrackInput> {
  const row = await getPlanRow(deps.db, uid)
  if (row === undefined) {
    throw new HeadwaterError('sound_source_gone', 'The video whose sound was to be copied was deleted.')
  }
  const [renditions, chunks, sounds] = await Promise.all([
    listRenditionRows(deps.db, uid),
    listChunkRows(deps.db, uid),
    listAddedSounds(deps.db, uid),
  ])
  const timeline = assembleTimeline({ videoUid: uid, ...row, renditions, chunks, sounds })
  const heard = timeline.tracks.find(({ audio }) => audio?.isDefault)
  if (heard?.audio === undefined) {
    throw new HeadwaterError('sound_missing', 'The video whose sound was to be copied has none.')
  }
  const channels = heard.audio.channels === 1 ? 1 : 2
  if (heard.audio.added) return { ...(await storedTrack(deps.blobs, heard)), channels }
  // The source itself: what is encoded of it would lose once more.
  const { plan, mediaBlob, indexBlob } = row
  const index = indexBlob === null ? null : await deps.indexes.open(indexBlob, plan)
  const sound = chooseSound(deps.blobs, plan, mediaBlob, index, { start: 0, end: planDurationSeconds(plan) })
  if (sound === null)
    throw new HeadwaterError('sound_missing', 'The video whose sound was to be copied has none.')
  return { ...sound, channels }
}

/** The segments of a track that was added, one after another: a fragmented MP4 whose times are those of its timeline. */
async function storedTrack(blobs: Blobs, track: Track): Promise<WholeSound> {
  const parts: BlobPart[] = []
  if (track.init.from === 'stored') {
    const reader = await blobs.open(track.init.blob)
    await reader.close()
    parts.push({ blob: track.init.blob, range: { start: 0, end: reader.sizeBytes } })
  }
  for (let segment = 0; segment + 1 < track.starts.length; segment += 1) {
    const source = track.segment(segment)
    if (source.from === 'stored') parts.push({ blob: source.blob, range: source.range })
  }
  return {
    input: { from: 'pipe', bytes: streamBody(blobs, bodyOf(parts)) },
    demuxer: 'mov',
    stream: 0,
    seekSeconds: null,
    originUs: 0,
  }
}
