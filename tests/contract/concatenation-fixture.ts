/** Partial and final uploads, and the worker that puts them together, for the tests of uploads.md §3.6. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { expect } from 'vitest'
import { concatenate } from '../../src/core/uploads/index.ts'
import { JobRunner } from '../../src/jobs/run-jobs.ts'
import { silentLog } from '../../src/lib/log.ts'
import {
  call,
  type Created,
  MIB,
  startUploadServer,
  tusCalls,
  type UploadServer,
  type UploadServerOptions,
} from './tus-fixture.ts'

/** Makes a creation one of a partial upload. */
export const PARTIAL = { 'upload-concat': 'partial' }

/** What the worker does. */
export function runConcatenations(server: UploadServer): JobRunner {
  const made = new JobRunner(
    { ...server.deps, log: silentLog },
    {
      handlers: { concatenate: (job, context) => concatenate(server.deps, job, context) },
      slots: [{ kinds: ['concatenate'], count: 2 }],
    },
  )
  made.start()
  return made
}

/** One try at the next concatenation, to its end or its failure. */
export async function concatenateOnce(server: UploadServer, strideBytes?: number): Promise<void> {
  const job = await server.deps.jobs.claim({ kinds: ['concatenate'], leaseMs: 60_000 })
  if (job === undefined) throw new Error('there is no concatenation to be done')
  try {
    await concatenate({ ...server.deps, strideBytes }, job, { signal: new AbortController().signal })
  } catch (error) {
    await server.deps.jobs.release(job)
    throw error
  }
}

/** A server of its own, stopped afterwards. */
export async function withServer(
  options: UploadServerOptions,
  use: (server: UploadServer) => Promise<void>,
): Promise<void> {
  const server = await startUploadServer(options)
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

/** Uploads `bytes` as a partial upload, in one chunk. */
export async function makePart(server: UploadServer, bytes: Uint8Array, query = ''): Promise<Created> {
  const calls = tusCalls(server)
  const made = await calls.create(bytes.length, { headers: PARTIAL, query })
  expect(made.status).toBe(201)
  expect((await calls.patch(made.location, 0, bytes)).status).toBe(204)
  return made
}

/** Asks for one video of these parts. */
export async function makeFinal(
  server: UploadServer,
  parts: readonly string[],
  options: { headers?: Record<string, string>; query?: string } = {},
): Promise<Created> {
  const headers = {
    ...tusCalls(server).auth,
    'upload-concat': `final;${parts.join(' ')}`,
    ...options.headers,
  }
  const answer = await call('POST', `${server.endpoint}${options.query ?? ''}`, headers)
  const location = answer.headers.location ?? ''
  const uid = String(answer.headers['stream-media-id'] ?? '')
  return { ...answer, location, uid, path: location.slice(server.url.length) }
}

/** Resolves when the video's source is there. */
export async function untilWhole(server: UploadServer, uid: string): Promise<void> {
  const whole = () =>
    server.deps.db.selectFrom('blobs').selectAll().where('video_uid', '=', uid).executeTakeFirst()
  while ((await whole()) === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Ids of the drafts on the disk. */
export const draftsOf = (server: UploadServer) => readdir(join(server.dataDir, 'drafts'))

/** CRC-32 of every 4 MiB, as blobs record them. */
export function checksumsOf(bytes: Buffer): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes.length / (4 * MIB)) }, (_, block) => {
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE(crc32(bytes.subarray(block * 4 * MIB, (block + 1) * 4 * MIB)))
    return checksum
  })
  return Buffer.concat(blocks)
}
