/** Videos whose day has come while the server was down are gone soon after its start (spec §3.1, §3.2). */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import { dataFolder } from '../../src/config/data-folder.ts'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { callApi, startServer } from '../harness/server.ts'

const DAY_MS = 86_400_000

test('what was to be deleted, and links that expired a day ago, go when the server is back', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headwater-deletion-'))
  try {
    const first = await startServer({ dataDir })
    const env = { HEADWATER_ACCOUNT_ID: first.accountId, HEADWATER_API_TOKEN: first.token }
    const link = async () => {
      const body = { maxDurationSeconds: 60, scheduledDeletion: new Date(Date.now() + 40 * DAY_MS) }
      return (await callApi<{ uid: string }>(first, '/stream/direct_upload', { method: 'POST', body })).uid
    }
    const [due, expired, expiredToday, later] = [await link(), await link(), await link(), await link()]
    await first.stop()

    const { db, close } = await openDatabase({ file: dataFolder(dataDir).databaseFile })
    const nowUs = Date.now() * 1_000
    const set = (uid: string, fields: { scheduled_deletion_us?: number; upload_expiry_us?: number }) =>
      db.updateTable('videos').set(fields).where('uid', '=', uid).execute()
    await set(due, { scheduled_deletion_us: nowUs - 1 })
    await set(expired, { upload_expiry_us: nowUs - (DAY_MS + 1) * 1_000 })
    await set(expiredToday, { upload_expiry_us: nowUs - (DAY_MS - 600_000) * 1_000 })
    await close()

    const second = await startServer({ dataDir, env })
    try {
      const listed = async () => (await callApi<PresentedVideo[]>(second, '/stream')).map(({ uid }) => uid)
      await expect.poll(listed, { timeout: 30_000 }).toEqual([later, expiredToday])
      expect(await callApi(second, '/stream/storage-usage')).toMatchObject({ videoCount: 2 })
    } finally {
      await second.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
