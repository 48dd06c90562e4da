/**
 * Playing a video before its last byte has come (DESIGN 3.1, `docs/packaging.md` rules 21–23). Nothing of it is stored: a
 * video is looked at when somebody wants to watch it, what was found is kept in memory, and the ingest of the whole
 * source finds the same renditions at the same cuts, so that who watches goes on watching.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import type { Log } from '../../lib/log.ts'
import { parseIndex } from '../../media/isobmff/index-format.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { Blobs, Clock } from '../../ports.ts'
import { sourceBlob } from '../blob-names.ts'
import { type EarlyAnswer, planDurationSeconds, type Planner, type PlanSettings } from '../planning/index.ts'
import { assembleTimeline, describeIndex, type LoadedTimeline, type SourceIndex } from '../timeline/index.ts'
import type { Video } from '../videos/index.ts'
import type { Arrived, EarlySources } from './early-sources.ts'

/** What plays of a video that is still arriving. */
export type EarlyPlayback = LoadedTimeline & {
  /** Of what has arrived. */
  readonly index: SourceIndex
  /** Waits for the first `bytes` bytes of the source; see `EarlySources.waitFor`. */
  readonly waitFor: (bytes: number, signal: AbortSignal) => Promise<void>
}

export type EarlyDeps = {
  readonly blobs: Pick<Blobs, 'openDraft'>
  readonly clock: Clock
  readonly log: Log
  readonly sources: EarlySources
  readonly planner: Planner
  readonly settings: PlanSettings
}

/** The last look at a video. */
type Look = {
  readonly arrivedBytes: number
  readonly atMs: number
  /** How long it took. */
  readonly tookMs: number
  readonly found: EarlyPlayback | 'wait' | 'no'
}

/** A video is looked at again at most so often, and so rarely that looking takes a tenth of the time. */
const LOOK_MS = 1_000
const LOOK_SHARE = 10
const KEPT_BYTES = 128 * 1024 ** 2

export class EarlyTimelines {
  readonly #deps: EarlyDeps
  readonly #looks = new BoundedCache<string, Look>({
    maxWeight: KEPT_BYTES,
    weigh: ({ found }) => (typeof found === 'string' ? 200 : found.index.sizeBytes),
  })
  readonly #looking = new Map<string, Promise<Look>>()

  constructor(deps: EarlyDeps) {
    this.#deps = deps
  }

  /** What plays of the video as far as it has arrived; undefined when nothing does (yet). */
  async get(video: Video): Promise<EarlyPlayback | undefined> {
    // What is passed through has no mark on it.
    if (video.watermark !== null) return undefined
    const known = this.#looks.peek(video.uid)
    const look = video.state === 'pendingupload' ? await this.#refresh(video, known) : known
    // Between the last byte and the plan of the whole, who watches goes on watching.
    const counts = video.state === 'pendingupload' || video.state === 'queued' || video.state === 'inprogress'
    return counts && look !== undefined && typeof look.found !== 'string' ? look.found : undefined
  }

  async #refresh(video: Video, known: Look | undefined): Promise<Look> {
    if (known !== undefined && !this.#isDue(known)) return known
    const underWay = this.#looking.get(video.uid)
    if (underWay !== undefined) return known ?? (await underWay)
    const looking = this.#look(video, known).finally(() => this.#looking.delete(video.uid))
    this.#looking.set(video.uid, looking)
    return await looking
  }

  #isDue({ found, atMs, tookMs }: Look): boolean {
    if (found === 'no') return false
    if (typeof found !== 'string' && found.timeline.state === 'closed') return false
    return this.#deps.clock.monotonicMs() - atMs >= Math.max(LOOK_MS, LOOK_SHARE * tookMs)
  }

  async #look(video: Video, known: Look | undefined): Promise<Look> {
    const startedMs = this.#deps.clock.monotonicMs()
    const arrived = await this.#deps.sources.look(video.uid)
    const arrivedBytes = arrived?.arrivedBytes ?? 0
    const unchanged = arrived === undefined || arrivedBytes === known?.arrivedBytes
    const found = unchanged ? (known?.found ?? 'wait') : await this.#plan(video, arrived, known)
    const atMs = this.#deps.clock.monotonicMs()
    const look = { arrivedBytes, atMs, tookMs: atMs - startedMs, found }
    this.#looks.set(video.uid, look)
    return look
  }

  async #plan(video: Video, arrived: Arrived, known: Look | undefined): Promise<Look['found']> {
    const { uid } = video
    // A file is only known by its whole beginning.
    if (arrived.arrivedBytes < Math.min(SNIFF_BYTES, arrived.lengthBytes)) return 'wait'
    const sniffed = sniff(await this.#readStart(arrived))
    if (sniffed.kind === 'refused' || !sniffed.indexable) return 'no'
    const answer = await this.#deps.planner.planEarly({
      uid,
      draft: arrived.draftId,
      container: sniffed.container,
      media: { name: sourceBlob(uid), demuxer: sniffed.demuxer, sizeBytes: arrived.lengthBytes, made: null },
      settings: this.#deps.settings,
      mark: null,
      arrivedBytes: arrived.arrivedBytes,
    })
    if (answer.kind !== 'planned') return answer.kind
    if (planDurationSeconds(answer.plan) > (video.maxDurationSeconds ?? Number.POSITIVE_INFINITY)) return 'no'
    const before = known === undefined || typeof known.found === 'string' ? undefined : known.found
    if (before === undefined) {
      const facts = { uid, arrivedBytes: arrived.arrivedBytes, growing: answer.growing }
      this.#deps.log.info(facts, 'playable while it is uploaded')
    }
    // What has been shown must stay true; if it would not, it stays as it is until the whole source is here.
    else if (!continues(before, answer)) return before
    return this.#describe(uid, answer)
  }

  #describe(uid: string, answer: EarlyAnswer & { kind: 'planned' }): EarlyPlayback {
    const { plan, growing } = answer
    const index = describeIndex(parseIndex(answer.index), plan, answer.index.byteLength)
    const timeline = assembleTimeline({
      videoUid: uid,
      revision: 0,
      plan,
      complete: false,
      mediaBlob: sourceBlob(uid),
      indexBlob: null,
      renditions: [],
      chunks: [],
      sounds: [],
    })
    return {
      plan,
      timeline: { ...timeline, state: growing ? 'growing' : 'closed' },
      index,
      waitFor: (bytes, signal) => this.#deps.sources.waitFor(uid, bytes, signal),
    }
  }

  async #readStart(arrived: Arrived): Promise<Uint8Array> {
    const reader = await this.#deps.blobs.openDraft(arrived.draftId)
    try {
      const target = new Uint8Array(Math.min(SNIFF_BYTES, arrived.arrivedBytes))
      return target.subarray(0, await reader.read(target, 0))
    } finally {
      await reader.close()
    }
  }
}

/** Whether `later` has what was shown before: the same headers, and the same cuts as far as they went. */
function continues(before: EarlyPlayback, later: EarlyAnswer & { kind: 'planned' }): boolean {
  const old = before.plan
  const header = ({ timescale, video, audio }: typeof old) =>
    JSON.stringify([
      timescale,
      video.map(({ id, editStartTicks }) => [id, editStartTicks]),
      audio && [audio.id, audio.editStartSamples, audio.dropped, audio.silenceBefore],
    ])
  const isStart = (part: readonly number[], whole: readonly number[]) =>
    part.every((cut, segment) => cut === whole[segment])
  return (
    header(old) === header(later.plan) &&
    isStart(old.cuts, later.plan.cuts) &&
    isStart(old.audio?.cuts ?? [], later.plan.audio?.cuts ?? [])
  )
}
