/**
 * One broadcast on its way to be a video: what is played of it while it runs, and its recording. It begins with the first
 * fragment, so that who connects and sends nothing leaves no video behind.
 */

import { isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import { MAX_TOP_LEVEL_BOXES } from '../../media/isobmff/read-boxes.ts'
import { MAX_SAMPLES } from '../../media/isobmff/sample-table.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import type { FeedListener, LiveProtocol } from '../../live-ports.ts'
import type { BlobReader, Draft } from '../../ports.ts'
import { sourceBlob } from '../blob-names.ts'
import type { LiveInput } from '../live-inputs/index.ts'
import {
  LivePackage,
  type PlayedBroadcast,
  type RecordedFragment,
  type RungInput,
} from '../live-packaging/index.ts'
import { endRecording, type RecordingDeps } from './end-recording.ts'
import { Recorder } from './recorder.ts'
import { insertRecording, type RecordingRecord, updateRecording } from './recording-records.ts'

export type LiveRecordingDeps = RecordingDeps & {
  readonly log: Log
  /** For tests: how many pictures and frames of sound a recording may have; default: as many as a source may. */
  readonly mostRecordedSamples?: number
}

export type LiveRecordingOptions = {
  readonly input: LiveInput
  readonly protocol: LiveProtocol
  /** Something of it could not be written: the first time, and then at most once a minute. */
  readonly onHole: (cause: unknown) => void
  /** It is as long as recordings may be (live.md §4). */
  readonly onTooLong: () => void
  /** What a restart goes on with. */
  readonly restored?: {
    readonly record: RecordingRecord
    readonly package: LivePackage
    readonly draft: Draft
    /** Who gets the fragments that the package makes from now on. */
    readonly connect: (take: (fragment: RecordedFragment) => void) => void
  }
}

/** live.md §4. */
export const LONGEST_SECONDS = 7 * 86_400
/** What comes until the next sync picture has its place beside this. */
const MOST_RECORDED_SAMPLES = MAX_SAMPLES * 0.95
/** Each is two boxes. */
const MOST_RECORDED_FRAGMENTS = (MAX_TOP_LEVEL_BOXES * 0.95) / 2
const HOLE_REPORT_MS = 60_000
/** Between two tries to hand a recording to its video. */
const RETRY_MS = 5_000

export class LiveRecording implements PlayedBroadcast {
  readonly inputUid: string
  readonly videoUid: string
  readonly package: LivePackage
  /** Tells it what the feed tells. */
  readonly listener: FeedListener
  /** Settings of the input; those of the video were copied when it began. */
  input: LiveInput
  readonly #deps: LiveRecordingDeps
  readonly #options: LiveRecordingOptions
  readonly #recorder: Recorder
  #record: RecordingRecord
  #begun: Promise<void> | null = null
  #holeMs = Number.NEGATIVE_INFINITY
  #isTooLong = false
  /** Time of its first unit in the feed: a recording that is switched on later begins at 0, too. */
  #baseTicks: number | null = null

  constructor(deps: LiveRecordingDeps, options: LiveRecordingOptions) {
    const { input, restored } = options
    this.#deps = deps
    this.#options = options
    this.input = input
    this.inputUid = input.uid
    this.videoUid = restored?.record.videoUid ?? deps.clock.newUid()
    this.package =
      restored?.package ??
      new LivePackage({
        id: packageId(this.videoUid),
        clock: deps.clock,
        onFragment: (fragment) => this.take(fragment),
      })
    this.#record = restored?.record ?? {
      videoUid: this.videoUid,
      inputUid: input.uid,
      protocol: options.protocol,
      deleteAfterDays: input.deleteRecordingAfterDays,
      draftId: null,
      lengthBytes: 0,
      checksums: new Uint8Array(0),
      syncedUs: deps.clock.nowUs(),
      ended: false,
    }
    if (restored !== undefined) {
      restored.connect((fragment) => this.take(fragment))
      this.#begun = Promise.resolve()
      this.#baseTicks = 0
    }
    this.#recorder = this.#createRecorder(restored?.draft)
    this.listener = this.#createListener()
  }

  get lowLatency(): boolean {
    return this.input.preferLowLatency
  }

  /** Whether there is a video, or will be in a moment. */
  get hasBegun(): boolean {
    return this.#begun !== null
  }

  /**
   * Whether it is as large as a source may be that is taken in: some 27 hours of 30 pictures a second with sound. Another one
   * should go on at the next sync picture.
   */
  get isFull(): boolean {
    const recorded = this.package.renditions.filter(({ rung }) => rung === null)
    const samples = recorded.reduce((sum, rendition) => sum + rendition.samples, 0)
    const fragments = recorded.reduce((sum, rendition) => sum + rendition.fragments, 0)
    const most = this.#deps.mostRecordedSamples ?? MOST_RECORDED_SAMPLES
    return samples >= most || fragments >= MOST_RECORDED_FRAGMENTS
  }

  /** Whether a track of this kind can still become part of it. */
  takesNew(kind: 'video' | 'audio'): boolean {
    return !this.package.started || this.package.renditions.some((rendition) => rendition.kind === kind)
  }

  async openRecording(): Promise<BlobReader> {
    const { blobs } = this.#deps
    const { draftId } = this.#record
    if (draftId === null) return blobs.open(sourceBlob(this.videoUid))
    try {
      return await blobs.openDraft(draftId)
    } catch (error) {
      // It has ended, and its draft has been published.
      if (!isFailure(error, 'not_found')) throw error
      return blobs.open(sourceBlob(this.videoUid))
    }
  }

  /** Adds a lower rung, whose times are the feed's. */
  addRung(name: string): RungInput {
    const rung = this.package.addRung(name)
    return {
      ...rung,
      unit: (unit) => {
        const base = this.#baseTicks ?? 0
        if (unit.dts >= base) rung.unit({ ...unit, dts: unit.dts - base, pts: unit.pts - base })
      },
    }
  }

  /** A fragment that the package has made. */
  take(fragment: RecordedFragment): void {
    if (this.#isTooLong) return
    this.#begun ??= this.#begin()
    this.#recorder.write(fragment)
    if (this.package.endTicks < LONGEST_SECONDS * LIVE_TIMESCALE) return
    this.#isTooLong = true
    this.#options.onTooLong()
  }

  /** Another publisher goes on with it. */
  async publishBy(protocol: LiveProtocol): Promise<void> {
    if (this.#record.protocol === protocol) return
    this.#record = { ...this.#record, protocol }
    if (this.hasBegun) await this.#update({ protocol })
  }

  /** Everything so far is on stable storage: the publisher is away. */
  async flush(): Promise<void> {
    await this.#begun
    await this.#recorder.flush()
  }

  /** Waits, with all that is there, for the next start of the server. */
  async putDown(): Promise<void> {
    this.package.gap()
    await this.#begun
    const draft = await this.#recorder.close()
    await draft?.close()
    if (this.hasBegun) await this.#update({ syncedUs: this.#deps.clock.nowUs() })
  }

  /** Nothing follows: the video gets what was recorded. Tries until it is done, or `signal` is aborted. */
  async end(signal: AbortSignal): Promise<void> {
    this.package.end()
    if (!this.hasBegun) return
    await this.#begun
    let draft = await this.#closeRecorder()
    while (!signal.aborted) {
      try {
        await endRecording(this.#deps, this.#record, draft)
        return
      } catch (err) {
        this.#deps.log.error({ err, uid: this.videoUid }, 'a recording could not be handed to its video yet')
        draft = undefined
        await this.#deps.clock.sleep(RETRY_MS, signal)
      }
    }
    // The next start ends it.
    await draft?.close()
  }

  async #closeRecorder(): Promise<Draft | undefined> {
    try {
      const draft = (await this.#recorder.close()) ?? undefined
      if (draft === undefined) return undefined
      this.#record = { ...this.#record, lengthBytes: draft.lengthBytes, checksums: draft.checksums() }
      return draft
    } catch (err) {
      // What was synced before stays; the rest is lost with the disk.
      this.#deps.log.error({ err, uid: this.videoUid }, 'the end of a recording could not be written')
      return undefined
    }
  }

  #createRecorder(draft?: Draft): Recorder {
    const { blobs, clock } = this.#deps
    return new Recorder({
      blobs,
      clock,
      header: () => this.package.recordingHeader(),
      ...(draft && { draft }),
      onDraft: async (draftId) => {
        await this.#begun
        await this.#update({ draftId })
      },
      onSynced: (synced) => this.#update({ ...synced, syncedUs: clock.nowUs() }),
      onHole: (cause) => {
        if (clock.monotonicMs() - this.#holeMs < HOLE_REPORT_MS) return
        this.#holeMs = clock.monotonicMs()
        this.#options.onHole(cause)
      },
    })
  }

  async #begin(): Promise<void> {
    const { db, clock, log } = this.#deps
    const { input, protocol } = this.#options
    try {
      const begun = { videoUid: this.videoUid, input, protocol, startedUs: clock.nowUs() }
      await db.transaction().execute((trx) => insertRecording(trx, clock, begun))
    } catch (err) {
      // Nobody can find it then; the broadcast goes on for everybody else.
      log.error({ err, inputUid: this.inputUid }, 'a broadcast could not be given its video')
    }
  }

  async #update(changes: Partial<RecordingRecord>): Promise<void> {
    await updateRecording(this.#deps.db, this.videoUid, changes)
    this.#record = { ...this.#record, ...changes }
  }

  #createListener(): FeedListener {
    let hasPictures = false
    return {
      format: (format) => {
        hasPictures ||= format.kind === 'video'
        this.package.format(format)
      },
      unit: (unit) => {
        if (this.#baseTicks === null) {
          if (!unit.isSync || (unit.kind === 'audio' && hasPictures)) return
          this.#baseTicks = unit.dts
        }
        const base = this.#baseTicks
        if (unit.dts < base) return
        this.package.unit(base === 0 ? unit : { ...unit, dts: unit.dts - base, pts: unit.pts - base })
      },
      gap: () => this.package.gap(),
      end: () => undefined,
    }
  }
}

/** Names its renditions; the same after a restart. */
export function packageId(videoUid: string): string {
  return videoUid.slice(0, 8)
}
