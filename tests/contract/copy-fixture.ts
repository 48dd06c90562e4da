/** The upload server of these tests with the job that downloads, whose pauses take no time but are written down. */

import { createFetcher, type FetcherOptions } from '../../src/adapters/fetch/guarded-fetch.ts'
import { fetchSource, giveUpCopy } from '../../src/core/copy/index.ts'
import type { FetchSourceDeps } from '../../src/core/copy/index.ts'
import { getVideo, type Video } from '../../src/core/videos/index.ts'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { JobRunner } from '../../src/jobs/run-jobs.ts'
import { KeyedLock } from '../../src/lib/keyed-lock.ts'
import { type Log, type LogFacts, silentLog } from '../../src/lib/log.ts'
import {
  type Answer,
  call,
  startUploadServer,
  type UploadServer,
  type UploadServerOptions,
} from './tus-fixture.ts'

export type CopyServer = UploadServer & {
  readonly download: FetchSourceDeps
  /** What downloads paused for, in milliseconds. */
  readonly pausesMs: number[]
  readonly logLines: string[]
  /** `POST ~/copy` with this body. */
  copy(body: unknown, headers?: Record<string, string>): Promise<Answer>
  /** The video of an accepted copy. Throws for a refused one. */
  accepted(body: unknown, headers?: Record<string, string>): Promise<PresentedVideo>
  /** The video once it is no longer downloading. */
  settled(uid: string): Promise<Video>
  /** Copies `url` and waits. */
  copied(url: string): Promise<Video>
  drafts(): Promise<number>
}

export type CopyServerOptions = UploadServerOptions & {
  readonly fetcher?: Partial<FetcherOptions>
  /** Leaves downloads alone. */
  readonly idle?: boolean
}

/** Starts it. Addresses of this machine may be fetched unless `fetcher` says otherwise. */
export async function startCopyServer(options: CopyServerOptions = {}): Promise<CopyServer> {
  const server = await startUploadServer(options)
  const pausesMs: number[] = []
  const logLines: string[] = []
  const { clock } = server.deps
  const download: FetchSourceDeps = {
    ...server.deps,
    clock: {
      ...clock,
      sleep: async (ms) => {
        pausesMs.push(ms)
      },
    },
    fetcher: createFetcher({ allowPrivate: true, ...options.fetcher }),
    locks: new KeyedLock(),
    log: collectLog(logLines),
  }
  const runner = new JobRunner(
    { ...server.deps, log: download.log },
    {
      handlers: { download: (job, context) => fetchSource(download, job, context) },
      slots: [{ kinds: ['download'], count: 4 }],
      onGiveUp: (job, error) => giveUpCopy(download, job.videoUid ?? '', error),
    },
  )
  if (!options.idle) runner.start()
  const auth = { authorization: `Bearer ${server.token}` }
  const copy: CopyServer['copy'] = (body, headers = {}) =>
    call('POST', `${server.endpoint}/copy`, { ...auth, ...headers }, Buffer.from(JSON.stringify(body)))
  const accepted: CopyServer['accepted'] = async (body, headers) => {
    const answer = await copy(body, headers)
    if (answer.status !== 200) throw new Error(`The copy was refused: ${answer.text}`)
    return (JSON.parse(answer.text) as { result: PresentedVideo }).result
  }
  const settled: CopyServer['settled'] = async (uid) => {
    for (;;) {
      const video = await getVideo(server.deps.db, uid)
      if (video === undefined) throw new Error(`There is no video ${uid}.`)
      if (video.state !== 'downloading') return video
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return {
    ...server,
    download,
    pausesMs,
    logLines,
    copy,
    accepted,
    settled,
    copied: async (url) => settled((await accepted({ url })).uid),
    drafts: async () => (await Array.fromAsync(server.deps.blobs.listDrafts())).length,
    stop: async () => {
      await runner.stop()
      await server.stop()
    },
  }
}

function collectLog(lines: string[]): Log {
  const write = (facts: LogFacts, sentence: string) => {
    lines.push(`${sentence} ${JSON.stringify(facts)} ${String(facts.err)}`)
  }
  return { ...silentLog, info: write, warn: write, error: write }
}
