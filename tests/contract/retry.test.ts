/** A failed video is tried again from the file as it was received (our own call, `…/headwater/videos/{uid}/retry`). */

import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import { dataFolder } from '../../src/config/data-folder.ts'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { notAVideo, sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

let server: TestServer
let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'headwater-retry-'))
  server = await startServer({ dataDir, env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
  // Nobody listens there; what is owed to it is in the log.
  await callApi(server, '/headwater/webhooks', { method: 'POST', body: { url: 'http://127.0.0.1:9/' } })
})
afterAll(async () => {
  await server.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const retry = (uid: string) =>
  callApi<PresentedVideo>(server, `/headwater/videos/${uid}/retry`, { method: 'POST' })

async function eventsOf(uid: string): Promise<string[]> {
  const { events } = await callApi<{ events: { kind: string }[] }>(server, `/headwater/videos/${uid}/events`)
  return events.map(({ kind }) => kind)
}

async function callsOf(uid: string): Promise<string[]> {
  const calls = await callApi<{ uid: string; event: string }[]>(server, '/headwater/webhook-calls')
  return calls.filter((one) => one.uid === uid).map(({ event }) => event)
}

async function untilFailed(uid: string, times: number): Promise<void> {
  await expect
    .poll(async () => (await eventsOf(uid)).filter((kind) => kind === 'error').length, { timeout: 60_000 })
    .toBe(times)
}

describe('a retry', () => {
  test('of a file that is no video fails again, and says so again', async () => {
    const { uid } = await uploadFile(server, await notAVideo())
    await untilFailed(uid, 1)
    const queued = await retry(uid)
    expect(queued.status).toEqual({ state: 'queued', errorReasonCode: '', errorReasonText: '' })
    await untilFailed(uid, 2)
    const kinds = await eventsOf(uid)
    expect(kinds.slice(kinds.indexOf('error'))).toEqual(['error', 'retried', 'inprogress', 'error'])
    expect(await callsOf(uid)).toEqual(['error', 'error'])
  })

  test('of one that failed for another reason plays, as if it had never failed', async () => {
    const { uid } = await uploadFile(server, await sample('h264-aac.mp4'))
    await waitForVideo(server, uid, 'complete')
    await restartWithFailed(uid)
    const play = async () => (await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).status
    expect(await play()).toBe(424)
    const before = await usedMinutes()
    await retry(uid)
    const ready = await waitForVideo(server, uid, 'complete')
    expect(ready).toMatchObject({ readyToStream: true, status: { errorReasonCode: '' } })
    expect(await play()).toBe(200)
    expect(await usedMinutes()).toBeGreaterThan(before)
    expect(await callsOf(uid)).toEqual(['ready', 'ready'])
  })

  test('of a clip cuts it again', async () => {
    const source = await uploadFile(server, await sample('h264-aac.mp4'))
    await waitForVideo(server, source.uid, 'complete')
    const { uid } = await callApi<{ uid: string }>(server, '/stream/clip', {
      method: 'POST',
      body: { clippedFromVideoUID: source.uid, startTimeSeconds: 0, endTimeSeconds: 1 },
    })
    await waitForVideo(server, uid, 'complete')
    await restartWithFailed(uid)
    await retry(uid)
    await waitForVideo(server, uid, 'complete')
    expect((await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).status).toBe(200)
  })

  test.each([
    [
      'a video that plays',
      async () => (await uploadFile(server, await sample('h264-aac.mp4'))).uid,
      /409.*10007.*Only a failed video/,
    ],
    ['what is not there', async () => 'f'.repeat(32), /404.*10003/],
    [
      'one whose file never came',
      async () => {
        const { uid } = await callApi<{ uid: string }>(server, '/stream/copy', {
          method: 'POST',
          body: { url: 'http://127.0.0.1:9/nothing.mp4' },
        })
        return uid
      },
      /409.*10007.*(Only a failed|not stored)/,
    ],
  ])('of %s is refused', async (_, find, refusal) => {
    await expect(retry(await find())).rejects.toThrow(refusal)
  })
})

async function usedMinutes(): Promise<number> {
  return (await callApi<{ totalStorageMinutes: number }>(server, '/stream/storage-usage')).totalStorageMinutes
}

/** The server anew, after one that gave this video up. */
async function restartWithFailed(uid: string): Promise<void> {
  await server.stop()
  await failOnDisk(uid)
  server = await startServer({
    dataDir,
    env: {
      HEADWATER_ACCOUNT_ID: server.accountId,
      HEADWATER_API_TOKEN: server.token,
      HEADWATER_ALLOW_PRIVATE_FETCH: 'true',
    },
  })
}

/** The record as a server leaves it that gave the video up. */
async function failOnDisk(uid: string): Promise<void> {
  const { db, close } = await openDatabase({ file: dataFolder(dataDir).databaseFile })
  await db
    .updateTable('videos')
    .set({
      state: 'error',
      error_code: 'ERR_UNKNOWN',
      error_text: 'The video could not be processed.',
      ready_us: null,
    })
    .where('uid', '=', uid)
    .execute()
  for (const table of ['storage_counters', 'storage_totals'] as const) {
    await db.updateTable(table).set({ seconds: 0 }).execute()
  }
  await close()
}
