/** Whether thousands of unfinished uploads in the database make the next one dearer: an empty server and a full one, in turns. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ownEndpoint, startOwnServer } from './own-server.ts'
import { median } from './table.ts'
import { askOffset, createUpload, type Endpoint, sendChunk } from './tus-sender.ts'

/** Medians in milliseconds. */
export type UnfinishedFigures = {
  readonly createMs: { readonly empty: number; readonly full: number }
  /** HEAD, then the next chunk. */
  readonly resumeMs: { readonly empty: number; readonly full: number }
}

type Times = { create: number[]; resume: number[] }

const CHUNK_BYTES = 5 * 1_048_576
const ROUNDS = 60
const WARM_UP_ROUNDS = 5
const MAKERS = 8

/** Measures on two servers in `folder`, one of which has `unfinished` uploads. */
export async function measureUnfinished(folder: string, unfinished: number): Promise<UnfinishedFigures> {
  const dataDirs = [join(folder, 'empty'), join(folder, 'full')] as const
  const [empty, full] = dataDirs.map((dataDir) => startOwnServer(dataDir))
  if (!empty || !full) throw new Error('no servers')
  try {
    const emptyEndpoint = ownEndpoint(await empty.ready)
    const fullEndpoint = ownEndpoint(await full.ready)
    await fill(fullEndpoint, unfinished)
    const times = { empty: noTimes(), full: noTimes() }
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
      await measureOne(emptyEndpoint, round < WARM_UP_ROUNDS ? noTimes() : times.empty)
      await measureOne(fullEndpoint, round < WARM_UP_ROUNDS ? noTimes() : times.full)
    }
    return {
      createMs: { empty: median(times.empty.create), full: median(times.full.create) },
      resumeMs: { empty: median(times.empty.resume), full: median(times.full.resume) },
    }
  } finally {
    await Promise.all([empty.kill('tree'), full.kill('tree')])
    for (const dataDir of dataDirs) await rm(dataDir, { recursive: true, force: true })
  }
}

async function fill(endpoint: Endpoint, count: number): Promise<void> {
  let left = count
  const make = async () => {
    while (left > 0) {
      left -= 1
      await createUpload(endpoint, 2 * CHUNK_BYTES)
    }
  }
  await Promise.all(Array.from({ length: MAKERS }, make))
}

async function measureOne(endpoint: Endpoint, times: Times): Promise<void> {
  const startMs = performance.now()
  const upload = await createUpload(endpoint, 3 * CHUNK_BYTES)
  times.create.push(performance.now() - startMs)
  await sendChunk(endpoint, upload, { offset: 0, bytes: CHUNK_BYTES })
  const resumeMs = performance.now()
  const offset = await askOffset(endpoint, upload)
  await sendChunk(endpoint, upload, { offset, bytes: CHUNK_BYTES })
  times.resume.push(performance.now() - resumeMs)
  const headers = { authorization: `Bearer ${endpoint.token}`, 'tus-resumable': '1.0.0' }
  const ended = await fetch(upload.location, { method: 'DELETE', headers })
  if (!ended.ok) throw new Error(`DELETE answered ${ended.status}`)
}

function noTimes(): Times {
  return { create: [], resume: [] }
}
