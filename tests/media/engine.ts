/** The media engine without HTTP: a database, a folder, jobs and the decoder, as the worker role sees them. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createFetcher } from '../../src/adapters/fetch/guarded-fetch.ts'
import { openFolderBlobs } from '../../src/adapters/folder/blobs.ts'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createThread } from '../../src/adapters/threads/work-thread.ts'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { createPlanner } from '../../src/core/planning/index.ts'
import { getPlanRow, type PlanRow, SourceIndexes } from '../../src/core/timeline/index.ts'
import { DEFAULT_UPLOAD_LIMITS } from '../../src/core/uploads/index.ts'
import { blankVideo, getVideo, insertVideo, recordBlob, type Video } from '../../src/core/videos/index.ts'
import type { JobHandler } from '../../src/jobs/run-jobs.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { type ClaimedJob, PRIORITY } from '../../src/jobs/job.ts'
import { KeyedLock } from '../../src/lib/keyed-lock.ts'
import { type Log, silentLog } from '../../src/lib/log.ts'
import { type WorkerDeps, workerHandlers } from '../../src/roles/worker.ts'
import type { Decoder } from '../../src/ports.ts'
import { openDecoder } from '../harness/decoder.ts'

const execute = promisify(execFile)

/** The account all test videos belong to. */
export const ACCOUNT = 'a'.repeat(32)

export type Engine = WorkerDeps & {
  readonly folder: string
  /** Makes a queued video of a file's bytes. */
  addSource(path: string | Uint8Array, changes?: Partial<Video>): Promise<string>
  /** Claims the next job of this kind; undefined when there is none. */
  claim(kind: string): Promise<ClaimedJob | undefined>
  /** Runs a claimed job. */
  run(job: ClaimedJob): Promise<void>
  ingest(uid: string): Promise<void>
  /** Runs encode jobs one after the other, at most so many; answers their payloads. */
  encode(atMost?: number): Promise<unknown[]>
  video(uid: string): Promise<Video>
  plan(uid: string): Promise<PlanRow>
  close(): Promise<void>
}

/** Starts one in a folder of its own. */
export async function startEngine(
  options: {
    log?: Log
    forceLadder?: boolean
    tracksInside?: boolean
    folder?: string
    /** What stands between the product and the decoder. */
    around?: (run: Decoder['run']) => Decoder['run']
    /** What the work thread may use. */
    thread?: { readonly limitMs?: number; readonly heapMb?: number }
  } = {},
): Promise<Engine> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'engine-')))
  const log = options.log ?? silentLog
  const clock = systemClock()
  const { db, close } = await openDatabase({ file: join(folder, 'headwater.db') })
  const blobs = await openFolderBlobs({ folder })
  const plain = await openDecoder(blobs, join(folder, 'work'), log)
  const decode: Decoder['run'] = (task, how) => plain.run(task, how)
  const decoder: Decoder = { build: plain.build, run: options.around?.(decode) ?? decode }
  const module = new URL('../../src/commands/index-thread.ts', import.meta.url)
  const thread = createThread({ blobs, module, ...options.thread })
  const jobs = createJobTable({ db, clock })
  const settings = {
    workers: 1,
    quality: 'standard',
    forceLadder: options.forceLadder ?? false,
    tracksInside: options.tracksInside ?? true,
    publicUrl: null,
  } as const
  const deps: WorkerDeps = {
    db,
    blobs,
    jobs,
    clock,
    decoder,
    thread,
    planner: createPlanner(thread),
    indexes: new SourceIndexes(blobs),
    log,
    settings,
    fetcher: createFetcher({ allowPrivate: true }),
    speech: null,
    limits: { ...DEFAULT_UPLOAD_LIMITS, minFreeBytes: 0 },
    locks: new KeyedLock(),
  }
  const handlers: Record<string, JobHandler> = workerHandlers(deps)
  const claim = (kind: string) => jobs.claim({ kinds: [kind], leaseMs: 600_000 })
  const run = async (job: ClaimedJob): Promise<void> =>
    await handlers[job.kind]?.(job, { signal: new AbortController().signal })
  return {
    ...deps,
    folder,
    claim,
    run,
    async addSource(source, changes = {}) {
      const bytes = typeof source === 'string' ? await readFile(source) : source
      const uid = clock.newUid()
      const draft = await blobs.createDraft()
      await draft.append([bytes])
      const blob = await draft.publish(sourceBlob(uid))
      await db.transaction().execute(async (trx) => {
        await insertVideo(trx, { ...newVideo(uid, clock.nowUs()), ...changes })
        await recordBlob(trx, clock, uid, blob)
        await jobs.enqueue(trx, {
          kind: 'ingest',
          dedupe: `ingest/${uid}`,
          payload: { uid },
          videoUid: uid,
          priority: PRIORITY.first,
        })
      })
      return uid
    },
    async ingest(uid) {
      const job = await claim('ingest')
      if (job?.videoUid !== uid) throw new Error('the wrong ingest job was claimed')
      await run(job)
    },
    async encode(atMost = Number.POSITIVE_INFINITY) {
      const payloads: unknown[] = []
      while (payloads.length < atMost) {
        const job = await claim('encode')
        if (job === undefined) break
        await run(job)
        payloads.push(job.payload)
      }
      return payloads
    },
    async video(uid) {
      const video = await getVideo(db, uid)
      if (video === undefined) throw new Error(`no video ${uid}`)
      return video
    },
    async plan(uid) {
      const row = await getPlanRow(db, uid)
      if (row === undefined) throw new Error(`no plan of ${uid}`)
      return row
    },
    async close() {
      await thread.stop()
      await blobs.close()
      await close()
      if (options.folder === undefined) await rm(folder, { recursive: true })
    },
  }
}

/** Runs ffmpeg with a line of arguments; the last one is the output, answered as it is. */
export async function makeSource(path: string, line: string): Promise<string> {
  await execute('ffmpeg', ['-v', 'error', '-y', ...line.split(' '), path], { maxBuffer: 1e8 })
  return path
}

function newVideo(uid: string, nowUs: number): Video {
  const blank = blankVideo({ uid, accountId: ACCOUNT, createdUs: nowUs })
  return { ...blank, state: 'queued', uploadedUs: nowUs }
}
