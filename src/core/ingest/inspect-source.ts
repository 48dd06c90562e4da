/**
 * Looks at a source once: what container, what pictures, what sound, where everything lies, and how it will be played.
 * MP4 and MOV are read by our own index; other containers are remuxed into one where their codecs allow it, without
 * decoding; what neither can do the decoder reads by itself, and then lists its packets for us.
 */

import { type FailureCode, HeadwaterError, isFailure } from '../../lib/failure.ts'
import { isMediaFault, MEDIA_FAULTS } from '../../lib/media-faults.ts'
import { explainContainer } from '../../media/explain-container.ts'
import { type Container, SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { BlobFacts, Blobs } from '../../ports.ts'
import { sourceBlob } from '../blob-names.ts'
import { type AskDeps, listPackets, remux, reportOn } from './ask-decoder.ts'
import {
  type Blame,
  type Mark,
  type PlanSettings,
  type Planned,
  refuseCutShort,
  requirePicture,
  undecodable,
  type Planner,
  type MediaBlob,
} from '../planning/index.ts'

/** What looking at a source takes. */
export type InspectDeps = AskDeps & { readonly planner: Planner }

/** A source that has been looked at. */
export type Inspected = Planned & {
  /** As sniffed, for people. */
  readonly container: string
  readonly media: MediaBlob
}

/** Containers that hold sound only; there is nothing to look for. */
const SOUND_ONLY: readonly string[] = ['wav', 'mp3', 'aac', 'flac', 'aiff', 'ac3']

type Look = {
  readonly uid: string
  readonly container: string
  readonly settings: PlanSettings
  readonly mark: Mark | null
  readonly signal: AbortSignal
}

/** Looks and plans. Throws what is wrong with the file, with a sentence saying what was found; a remux it made is then deleted again. */
export async function inspectSource(
  deps: InspectDeps,
  options: { uid: string; settings: PlanSettings; mark: Mark | null; signal: AbortSignal },
): Promise<Inspected> {
  const name = sourceBlob(options.uid)
  const { first, sizeBytes } = await readStart(deps.blobs, name)
  const found = sniff(first)
  if (found.kind === 'refused') {
    throw new HeadwaterError(found.code, `Expected a video file, found ${found.found}.`, {
      facts: { atByte: 0 },
    })
  }
  const { container } = found
  if (SOUND_ONLY.includes(container)) {
    throw new HeadwaterError(
      'file_sound',
      `Expected a video file, found ${container} sound without a picture.`,
      { facts: { atByte: 0 } },
    )
  }
  const source: MediaBlob = { name, demuxer: found.demuxer, sizeBytes, made: null }
  const look = { ...options, container }
  try {
    const planned = await (found.indexable ? planByIndex : planByRemux)(deps, look, source)
    return planned ?? (await planByDecoder(deps, look, source))
  } catch (error) {
    throw await explained(deps.blobs, source, container, error)
  }
}

/** What the decoder cannot say of a file that it could not open or found nothing in. */
const VAGUE: readonly FailureCode[] = [
  'container_damaged',
  'only_data',
  'pictures_undecodable',
  'codec_config_broken',
  'parameter_sets_missing',
]

async function explained(
  blobs: Blobs,
  { name }: MediaBlob,
  container: Container,
  error: unknown,
): Promise<unknown> {
  if (!isFailure(error) || !VAGUE.includes(error.code)) return error
  const reader = await blobs.open(name)
  try {
    const found = await explainContainer(reader, container)
    if (found === undefined) return error
    return new HeadwaterError(found.code, found.sentence, { facts: { atByte: found.atByte }, cause: error })
  } finally {
    await reader.close()
  }
}

/**
 * The copy in an indexable container, made once more; undefined when the decoder does not make one (any more). Throws
 * what decoding throws, and `not_found` without a source.
 */
export async function remuxAgain(
  deps: AskDeps,
  uid: string,
  signal: AbortSignal,
): Promise<BlobFacts | undefined> {
  const name = sourceBlob(uid)
  const { first, sizeBytes } = await readStart(deps.blobs, name)
  const found = sniff(first)
  if (found.kind === 'refused') return undefined
  const copy = await remux(deps, uid, { name, demuxer: found.demuxer, sizeBytes, made: null }, signal)
  return copy?.made ?? undefined
}

async function readStart(blobs: Blobs, name: string): Promise<{ first: Uint8Array; sizeBytes: number }> {
  const reader = await blobs.open(name)
  try {
    const target = new Uint8Array(Math.min(SNIFF_BYTES, reader.sizeBytes))
    const got = await reader.read(target, 0)
    return { first: target.subarray(0, got), sizeBytes: reader.sizeBytes }
  } finally {
    await reader.close()
  }
}

/** Undefined when only the decoder can read it. */
async function planByIndex(deps: InspectDeps, look: Look, media: MediaBlob): Promise<Inspected | undefined> {
  const { uid, container, settings, mark, signal } = look
  const question = { uid, container, media, settings, mark }
  let answer = await deps.planner.planIndexed({ ...question, report: null })
  if (answer.kind === 'report') {
    const { stream, blame } = answer
    const report = await reportOn(deps, media, stream, signal).catch((error: unknown) => {
      throw blamed(error, blame)
    })
    answer = await deps.planner.planIndexed({ ...question, report })
  }
  return answer.kind === 'planned' ? { ...answer.planned, container, media } : undefined
}

/** The decoder's failure at the pictures, with what the index knows of them. */
function blamed(error: unknown, blame: Blame): unknown {
  if (!isFailure(error) || !isMediaFault(error.code) || MEDIA_FAULTS[error.code].stage !== 'decode') {
    return error
  }
  if (blame.fault !== null || error.code === 'pictures_undecodable') return undecodable(blame, error)
  const { atByte } = blame
  return new HeadwaterError(error.code, error.message, {
    facts: { ...error.facts, ...(atByte === null ? {} : { atByte }) },
    cause: error,
  })
}

/** Undefined when the source cannot be copied into an MP4, or not without a loss. */
async function planByRemux(deps: InspectDeps, look: Look, source: MediaBlob): Promise<Inspected | undefined> {
  const remuxed = await remux(deps, look.uid, source, look.signal)
  if (remuxed === undefined) return undefined
  let keep = false
  try {
    const inspected = await planByIndex(deps, look, remuxed).catch((error: unknown) => {
      // A muxer's own file that we cannot read: then the decoder reads the source.
      if (isFailure(error) && error.kind === 'media') return undefined
      throw error
    })
    if (inspected === undefined) return undefined
    const declared = await reportOn(deps, source, 0, look.signal)
    // The copy carries sound that its container has no name for.
    if (inspected.plan.sound === null && declared.sound !== null) return undefined
    refuseCutShort(inspected.plan, declared.durationSeconds, source.sizeBytes)
    keep = true
    // The copy has one sound and no text.
    return { ...inspected, further: declared.further }
  } finally {
    if (!keep) await deps.blobs.delete(remuxed.name)
  }
}

async function planByDecoder(deps: InspectDeps, look: Look, media: MediaBlob): Promise<Inspected> {
  const { uid, container, settings, mark, signal } = look
  const report = await reportOn(deps, media, 0, signal)
  // Before a long file is read through for nothing.
  requirePicture(report)
  const packets = await listPackets(deps, media, 0, signal)
  const question = { uid, container, media, settings, mark }
  const planned = await deps.planner.planListed({ ...question, report, packets })
  return { ...planned, container, media }
}
