/**
 * The `tracks-inside` job: sound beyond the first and text that came inside a file become audio tracks and captions of
 * its video, once that can be played. What is found is recorded in one transaction with the job's end, so a crash leaves at
 * most blobs without a row. Nothing here fails the video: what cannot be taken is told in an event.
 */

import type { ClaimedJob } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { languageName } from '../../lib/language-tag.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { BlobFacts } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { addInsideTracks, type EncodeTrackDeps, insideTimes, MOST_TRACKS } from '../audio-tracks/index.ts'
import { sourceBlob } from '../blob-names.ts'
import { type CaptionDeps, findCaption, insertCaption, newCaptionId, publishCues } from '../captions/index.ts'
import { asUnreadable, buildStreamsArgs, type FileStream, readStreams } from '../planning/index.ts'
import { getPlanRow } from '../timeline/index.ts'
import { getVideo, recordBlob, recordEvent } from '../videos/index.ts'
import { enqueueInside, type InsidePayload } from './enqueue-inside.ts'
import { extractTexts, TEXT_CODECS, type TextSource } from './extract-texts.ts'

export type InsideDeps = EncodeTrackDeps & CaptionDeps

/** Between two looks whether the video can be played. */
const WAIT_US = 1_000_000
/** Captions that are taken of one file, as many as tracks. */
const MOST_TEXTS = MOST_TRACKS

/** Runs the job. Throws what decoding throws. */
export async function takeInside(deps: InsideDeps, job: ClaimedJob, { signal }: JobContext): Promise<void> {
  const { uid } = job.payload as InsidePayload
  const video = await getVideo(deps.db, uid)
  const row = await getPlanRow(deps.db, uid)
  if (video?.state !== 'ready' || row === undefined) {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      // What makes it playable comes first.
      if (video?.state === 'inprogress') await enqueueInside(deps, trx, uid, deps.clock.nowUs() + WAIT_US)
    })
    return
  }
  const name = sourceBlob(uid)
  const file = await findFile(deps, name)
  const source: TextSource = { ...file, name, ...insideTimes(row, name) }
  const streams = await listStreams(deps, source, signal)
  const sounds = streams.filter(({ kind, number }) => kind === 'sound' && number > 0)
  const skipped: string[] = []
  const texts = chooseTexts(streams, skipped)
  const written = await extractTexts(deps, source, texts, signal)
  const captions = await publishTexts(deps, uid, texts, { written, skipped })
  await settle(deps, job, { uid, hasSound: row.plan.audio !== null, sounds, captions, skipped })
}

/** Tells what happened when the job was given up. */
export async function giveUpInside(
  deps: Pick<InsideDeps, 'db' | 'clock'>,
  job: ClaimedJob,
  error: unknown,
): Promise<void> {
  const { uid } = job.payload as InsidePayload
  const video = await getVideo(deps.db, uid)
  if (video === undefined) return
  const sentence = error instanceof HeadwaterError ? error.message : 'Something unexpected happened.'
  const skipped = [`The further tracks in the file could not be taken. ${sentence}`]
  await deps.db.transaction().execute((trx) =>
    recordEvent(trx, deps.clock, video, {
      kind: 'tracks-inside',
      detail: { sounds: [], captions: [], skipped },
    }),
  )
}

async function findFile(
  deps: Pick<InsideDeps, 'blobs'>,
  name: string,
): Promise<Pick<TextSource, 'demuxer' | 'sizeBytes'>> {
  const reader = await deps.blobs.open(name)
  try {
    const { sizeBytes } = reader
    const first = new Uint8Array(Math.min(SNIFF_BYTES, sizeBytes))
    const found = sniff(first.subarray(0, await reader.read(first, 0)))
    if (found.kind === 'known') return { demuxer: found.demuxer, sizeBytes }
    throw new HeadwaterError(found.code, `Expected a video file, found ${found.found}.`)
  } finally {
    await reader.close()
  }
}

async function listStreams(deps: InsideDeps, source: TextSource, signal: AbortSignal): Promise<FileStream[]> {
  const task = {
    label: `look inside ${source.name}`,
    input: { from: 'blob' as const, name: source.name },
    args: buildStreamsArgs(source.demuxer),
    outputs: [],
    limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: 1, memoryBytes: 3 * 1024 ** 3 },
    nice: 10,
    verbose: true,
  }
  try {
    const run = await deps.decoder.run(task, { signal })
    await run.release()
    return readStreams(run.stderr)
  } catch (error) {
    throw asUnreadable(error)
  }
}

type Text = { readonly number: number; readonly language: string }

/** Texts that can be captions, one per language: a whole one rather than one with signs only. */
function chooseTexts(streams: readonly FileStream[], skipped: string[]): Text[] {
  const texts = streams.filter(({ kind }) => kind === 'text')
  const chosen: Text[] = []
  for (const text of [...texts.filter(({ forced }) => !forced), ...texts.filter(({ forced }) => forced)]) {
    const { number, codec, language } = text
    const skip = (because: string): number => skipped.push(`Text ${number + 1} of the file ${because}.`)
    if (!TEXT_CODECS.has(codec)) skip(`(${codec}) holds no text that could be read`)
    else if (language === null) skip('does not tell its language')
    else if (chosen.some((other) => other.language === language)) {
      skip(`is of a language, ${language}, that another one has`)
    } else if (chosen.length >= MOST_TEXTS) skip(`is beyond the ${MOST_TEXTS} that are taken`)
    else chosen.push({ number, language })
  }
  return chosen
}

type NewCaption = {
  readonly id: string
  readonly language: string
  readonly blob: BlobFacts
  readonly number: number
}

async function publishTexts(
  deps: InsideDeps,
  uid: string,
  texts: readonly Text[],
  { written, skipped }: { readonly written: ReadonlyMap<number, Uint8Array>; readonly skipped: string[] },
): Promise<NewCaption[]> {
  const captions: NewCaption[] = []
  for (const { number, language } of texts) {
    const bytes = written.get(number)
    const id = newCaptionId(deps.clock)
    try {
      if (bytes === undefined) throw new HeadwaterError('bad_request', 'The decoder cannot read it.')
      captions.push({ id, language, number, blob: await publishCues(deps, { videoUid: uid, id }, bytes) })
    } catch (error) {
      if (!isFailure(error, 'bad_request')) throw error
      skipped.push(`Text ${number + 1} of the file cannot be captions. ${error.message}`)
    }
  }
  return captions
}

type Found = {
  readonly uid: string
  readonly hasSound: boolean
  readonly sounds: readonly FileStream[]
  readonly captions: readonly NewCaption[]
  readonly skipped: readonly string[]
}

async function settle(deps: InsideDeps, job: ClaimedJob, found: Found): Promise<void> {
  let unused = found.captions.map(({ blob }) => blob.name)
  try {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      const video = await getVideo(trx, found.uid)
      if (video === undefined) return
      const { taken, skipped } = await recordCaptions(deps, trx, found)
      const { labels, left } = await addInsideTracks(deps, trx, found.uid, {
        hasSound: found.hasSound,
        sounds: found.sounds.map(({ number, title, language }) => ({
          stream: number,
          language,
          label: title ?? (language === null ? `track ${number + 1}` : languageName(language)),
        })),
      })
      if (left > 0)
        skipped.push(
          `A video may have at most ${MOST_TRACKS} audio tracks; ${left} of the file were left out.`,
        )
      const captions = taken.map(({ language }) => language)
      // Cameras put tracks of their own into files: nothing to tell.
      if (labels.length + captions.length + skipped.length > 0) {
        const detail = { sounds: labels, captions, skipped }
        await recordEvent(trx, deps.clock, video, { kind: 'tracks-inside', detail })
      }
      unused = unused.filter((name) => !taken.some(({ blob }) => blob.name === name))
    })
  } catch (error) {
    unused = found.captions.map(({ blob }) => blob.name)
    throw error
  } finally {
    for (const name of unused) await deps.blobs.delete(name)
  }
}

/** What was uploaded in a language stays. */
async function recordCaptions(
  deps: InsideDeps,
  trx: Trx,
  { uid, captions, skipped: before }: Found,
): Promise<{ taken: NewCaption[]; skipped: string[] }> {
  const taken: NewCaption[] = []
  const skipped = [...before]
  for (const caption of captions) {
    const { id, language, blob, number } = caption
    if ((await findCaption(trx, uid, language)) !== undefined) {
      skipped.push(
        `Text ${number + 1} of the file is of a language, ${language}, in which the video has captions.`,
      )
      continue
    }
    await recordBlob(trx, deps.clock, uid, blob)
    await insertCaption(trx, {
      id,
      videoUid: uid,
      language,
      generated: false,
      status: 'ready',
      blob: blob.name,
      failure: null,
    })
    taken.push(caption)
  }
  return { taken, skipped }
}
