/**
 * One scrub: reads every blob there is and holds it against its record, then looks for what has none. It takes nothing
 * but reads until a repair is asked for, may be stopped at any moment, and leaves nothing behind: what it found is kept
 * in memory.
 */

import type { BlobName } from '../../ports.ts'
import { BLOB_FOLDERS, blobKind, type BlobKind } from '../blob-names.ts'
import { encodeAgain } from '../encoding/index.ts'
import { findLeftovers, removeLeftover } from '../videos/index.ts'
import { findImageDamage, imagesInUse, listImages, MOST_STORED_BYTES } from '../watermarks/index.ts'
import { Pace } from './pace.ts'
import type { RecordedBlob } from './remake-media.ts'
import { findRemedy, LOST_WATERMARK, type Remedy, type RemedyDeps } from './remedies.ts'
import { type Finding, MOST_FINDINGS, type ScrubReport } from './report.ts'
import { countBlobs, isRecorded, listBlobs } from './scrub-records.ts'
import { type Damage, rereadWhole, verifyBlob } from './verify-blob.ts'

export type ScrubOptions = {
  /** Otherwise it only tells. */
  readonly repair: boolean
  /** null = as fast as it goes, for when nobody else reads. */
  readonly bytesPerSecond: number | null
  /** What is younger and has no record may get it yet; microseconds since 1970. */
  readonly straysBeforeUs: number
}

/** First what others are made of, so that nothing is made again of what is damaged itself. */
const ORDER = [
  'source',
  'audio-source',
  'remux',
  'watermark',
  'index',
  'track',
  'download',
  'image',
  'caption',
] as const satisfies readonly BlobKind[]

/** Of one video, treated together. */
const MOST_PATIENTS = 200

type Patient = { readonly blob: RecordedBlob; readonly damage: Damage }

/** A walk that can be asked how far it is. */
export class Scrub {
  readonly #deps: RemedyDeps
  readonly #options: ScrubOptions
  readonly #pace: Pace
  readonly #lost = new Set<BlobName>()
  readonly #findings: Finding[] = []
  readonly #counts = { damaged: 0, repaired: 0, lost: 0, strays: 0, strayBytes: 0 }
  readonly #files = { checked: 0, total: 0 }
  readonly #bytes = { checked: 0, total: 0 }
  readonly #startedUs: number
  #end: Pick<ScrubReport, 'state' | 'endedUs' | 'error'> = { state: 'running', endedUs: null, error: null }

  constructor(deps: RemedyDeps, options: ScrubOptions) {
    this.#deps = deps
    this.#options = options
    this.#pace = new Pace(deps.clock, options.bytesPerSecond)
    this.#startedUs = deps.clock.nowUs()
  }

  /** How far it is and what it found; may be asked at any time. */
  report(): ScrubReport {
    return {
      ...this.#end,
      repair: this.#options.repair,
      startedUs: this.#startedUs,
      files: { ...this.#files },
      bytes: { ...this.#bytes },
      ...this.#counts,
      findings: [...this.#findings],
    }
  }

  /** To be called once; ends when everything was looked at, or soon after `signal`. Never throws: the report says it. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      const { files, bytes } = await countBlobs(this.#deps.db)
      this.#files.total = files
      this.#bytes.total = bytes
      for (const kind of ORDER) {
        await (kind === 'watermark' ? this.#checkImages(signal) : this.#checkKind(kind, signal))
      }
      await this.#findStrays(signal)
      this.#finish('done', null)
    } catch (error) {
      if (signal.aborted) return this.#finish('stopped', null)
      this.#deps.log.error({ err: error }, 'the scrub failed')
      this.#finish('failed', error instanceof Error ? error.message : String(error))
    }
  }

  #finish(state: ScrubReport['state'], error: string | null): void {
    this.#end = { state, endedUs: this.#deps.clock.nowUs(), error }
  }

  async #checkKind(kind: Exclude<BlobKind, 'watermark'>, signal: AbortSignal): Promise<void> {
    let patients: Patient[] = []
    for await (const blob of listBlobs(this.#deps.db, BLOB_FOLDERS[kind])) {
      const damage = await verifyBlob(this.#reading(), blob, signal)
      this.#checked()
      if (damage === undefined || !(await isRecorded(this.#deps.db, blob.name))) continue
      const [last] = patients
      if (last !== undefined && (last.blob.videoUid !== blob.videoUid || patients.length === MOST_PATIENTS)) {
        await this.#treat(kind, patients, signal)
        patients = []
      }
      patients.push({ blob, damage })
    }
    await this.#treat(kind, patients, signal)
  }

  #reading() {
    const onBytes = (bytes: number): void => {
      this.#bytes.checked += bytes
      this.#bytes.total = Math.max(this.#bytes.total, this.#bytes.checked)
    }
    return { ...this.#deps, pace: this.#pace, onBytes }
  }

  #checked(): void {
    this.#files.checked += 1
    this.#files.total = Math.max(this.#files.total, this.#files.checked)
  }

  /** All that is damaged of one video, so that the encoder is told once. */
  async #treat(kind: BlobKind, patients: readonly Patient[], signal: AbortSignal): Promise<void> {
    const cases: (Patient & { readonly remedy: Remedy })[] = []
    for (const patient of patients) {
      const remedy = await findRemedy(this.#deps, kind, { blob: patient.blob, lost: this.#lost })
      cases.push({ ...patient, remedy })
    }
    const toEncode = cases.filter(({ remedy }) => remedy.by === 'encoder').map(({ blob }) => blob.name)
    let encoding: string | undefined
    if (this.#options.repair && toEncode.length > 0) {
      encoding = await this.#try(signal, () => encodeAgain(this.#deps, toEncode))
    }
    for (const { blob, damage, remedy } of cases) {
      const end = await this.#cure(remedy, encoding, signal)
      if (end.outcome === 'lost') this.#lost.add(blob.name)
      this.#tell({ file: `blobs/${blob.name}`, kind, video: blob.videoUid, ...damage, ...end })
    }
  }

  /** `encoding`: why the encoder could not be told. */
  async #cure(
    remedy: Remedy,
    encoding: string | undefined,
    signal: AbortSignal,
  ): Promise<Pick<Finding, 'outcome' | 'means'>> {
    if (remedy.by === 'nobody') return { outcome: 'lost', means: remedy.means }
    if (!this.#options.repair) return { outcome: 'repairable', means: remedy.would }
    let isDone = true
    const failed =
      remedy.by === 'encoder'
        ? encoding
        : await this.#try(signal, async () => {
            isDone = await remedy.apply(signal)
          })
    if (failed !== undefined) return { outcome: 'lost', means: failed }
    if (isDone) return { outcome: 'repaired', means: remedy.did }
    const { failed: means = 'It could not be made again.' } = remedy.by === 'us' ? remedy : {}
    return { outcome: 'lost', means }
  }

  /**
   * Answers why it failed, if it did. That is no reason to stop: other repairs may succeed, and the next scrub finds
   * this one again.
   */
  async #try(signal: AbortSignal, repair: () => Promise<void>): Promise<string | undefined> {
    try {
      await repair()
      return undefined
    } catch (error) {
      if (signal.aborted) throw error
      this.#deps.log.error({ err: error }, 'a repair failed')
      return `It could not be made again: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  /** Images of watermarks belong to no video and have no row of their own. */
  async #checkImages(signal: AbortSignal): Promise<void> {
    const { db } = this.#deps
    for (const name of await listImages(db)) {
      const read = await rereadWhole(this.#reading(), { name, mostBytes: MOST_STORED_BYTES }, signal)
      this.#checked()
      const found = read instanceof Uint8Array ? findImageDamage(read) : read.found
      if (found === undefined || (await imagesInUse(db, [name])).length === 0) continue
      const problem = read instanceof Uint8Array ? 'content' : read.problem
      this.#lost.add(name)
      const { means } = LOST_WATERMARK
      this.#tell({
        file: `blobs/${name}`,
        kind: 'watermark',
        video: null,
        problem,
        found,
        outcome: 'lost',
        means,
      })
    }
  }

  async #findStrays(signal: AbortSignal): Promise<void> {
    const { repair, straysBeforeUs } = this.#options
    for await (const leftover of findLeftovers(this.#deps, straysBeforeUs)) {
      signal.throwIfAborted()
      const { kind, name, sizeBytes } = leftover
      if (repair) await removeLeftover(this.#deps, leftover)
      this.#tell({
        file: `${kind}s/${name}`,
        kind: kind === 'draft' ? 'draft' : (blobKind(name) ?? 'foreign'),
        video: null,
        problem: 'unrecorded',
        found: `No record names it; it has ${sizeBytes} bytes.`,
        outcome: repair ? 'removed' : 'stray',
        means: repair
          ? 'A crash may leave such files; it was removed.'
          : 'A crash may leave such files; the server removes them when they are a day old, and at its next start.',
      })
      this.#counts.strayBytes += sizeBytes
    }
    for await (const { path, sizeBytes } of this.#deps.blobs.listForeign()) {
      signal.throwIfAborted()
      this.#counts.strayBytes += sizeBytes
      this.#tell({
        file: path,
        kind: 'foreign',
        video: null,
        problem: 'unrecorded',
        found: `It is no file of Headwater's; it has ${sizeBytes} bytes.`,
        outcome: 'stray',
        means: 'Whoever put it there may want it: it is left alone.',
      })
    }
  }

  #tell(finding: Finding): void {
    const { outcome } = finding
    if (outcome === 'stray' || outcome === 'removed') this.#counts.strays += 1
    else this.#counts.damaged += 1
    if (outcome === 'repaired') this.#counts.repaired += 1
    if (outcome === 'lost') this.#counts.lost += 1
    if (this.#findings.length < MOST_FINDINGS) this.#findings.push(finding)
    const { file, video, problem, found } = finding
    this.#deps.log.warn({ file, video, problem, outcome }, `scrub: ${found}`)
  }
}
