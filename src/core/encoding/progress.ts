/** How far the encodes of this process are: finished segments from the records, running chunks from the decoder. */

import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { Plan } from '../planning/index.ts'
import { recordProgress } from '../videos/index.ts'
import { encodedRenditions, type FinishedSegments } from './chunk-records.ts'

/** Sound is this much of the work of one picture rendition. */
const SOUND_WEIGHT = 0.05
/** A video's progress is written at most this often. */
const WRITE_EVERY_MS = 1000

type VideoProgress = {
  total: number
  done: number
  /** Work of the chunks that run, by job. */
  readonly running: Map<number, number>
  writtenMs: number
}

/** Keeps the running share of each video and writes it into its record, at most once a second. */
export class EncodeProgress {
  readonly #db: Db
  readonly #clock: Clock
  readonly #videos = new Map<string, VideoProgress>()

  constructor(deps: { readonly db: Db; readonly clock: Clock }) {
    this.#db = deps.db
    this.#clock = deps.clock
  }

  /** A chunk of `uid` begins; `work` is its segments times renditions. Answers how to report and to end it. */
  begin(
    uid: string,
    jobId: number,
    state: { plan: Plan; finished: FinishedSegments; segments: number; pictures: number; sound: boolean },
  ): { report(share: number): void; end(): void } {
    const weight = state.sound ? SOUND_WEIGHT : state.pictures
    const video = this.#videos.get(uid) ?? { total: 0, done: 0, running: new Map(), writtenMs: 0 }
    const { total, done } = workOf(state.plan, state.finished)
    video.total = total
    video.done = Math.max(video.done, done)
    this.#videos.set(uid, video)
    return {
      report: (share) => {
        video.running.set(jobId, state.segments * weight * Math.min(1, share))
        this.#write(uid, video)
      },
      end: () => {
        video.running.delete(jobId)
        if (video.running.size === 0) this.#videos.delete(uid)
      },
    }
  }

  #write(uid: string, video: VideoProgress): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - video.writtenMs < WRITE_EVERY_MS) return
    video.writtenMs = nowMs
    const running = [...video.running.values()].reduce((sum, work) => sum + work, 0)
    // The last percent is the completion's.
    const pct = Math.min(99, (100 * (video.done + running)) / Math.max(1, video.total))
    // A lost report is made good by the next; only the completion's counts.
    recordProgress(this.#db, uid, pct).catch(() => {})
  }
}

/** Share of the work that is finished, 0–100. */
export function finishedPct(plan: Plan, finished: FinishedSegments): number {
  const { total, done } = workOf(plan, finished)
  return total === 0 ? 100 : (100 * done) / total
}

function workOf(plan: Plan, finished: FinishedSegments): { total: number; done: number } {
  let total = 0
  let done = 0
  for (const { id, segments, kind } of encodedRenditions(plan)) {
    const weight = kind === 'audio' ? SOUND_WEIGHT : 1
    total += segments * weight
    done += (finished.get(id)?.size ?? 0) * weight
  }
  return { total, done }
}
