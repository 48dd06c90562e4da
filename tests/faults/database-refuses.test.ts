/** When the database takes no changes, what is ready goes on playing, and who wants a change is told what is the matter. */

import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { dataFolder } from '../../src/config/data-folder.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { mountSmallDisk } from '../suites/small-disk.ts'
import { withFolder } from './own-folder.ts'

test('a database that another program has locked: playback goes on, a change is refused with 503/10014', async () => {
  await withFolder(async (dataDir) => {
    const server = await startServer({ dataDir })
    try {
      const addresses = await prepare(server)
      const other = new DatabaseSync(dataFolder(dataDir).databaseFile, { timeout: 30_000 })
      other.exec('begin immediate')
      const refused = Array.from({ length: 2 }, () => change(server, addresses.uid))
      await expectPlays(server, addresses)
      for (const answer of await Promise.all(refused)) {
        expect(answer).toMatchObject({ status: 503, code: 10014, retryAfter: '30' })
      }
      await expectPlays(server, addresses)
      other.exec('rollback')
      other.close()
      expect(await change(server, addresses.uid)).toMatchObject({ status: 200 })
    } finally {
      await server.stop()
    }
  })
})

test('a disk without a byte for the database: playback goes on, a change is refused with 507/10013', async () => {
  const disk = await mountSmallDisk(64)
  if (disk === undefined) return
  try {
    const server = await startServer({ dataDir: join(disk.path, 'data') })
    try {
      const addresses = await prepare(server)
      const ballast = join(disk.path, 'ballast')
      await fill(ballast, disk.path)
      expect(await change(server, addresses.uid)).toMatchObject({ status: 507, code: 10013 })
      await expectPlays(server, addresses)
      await rm(ballast)
      expect(await change(server, addresses.uid)).toMatchObject({ status: 200 })
    } finally {
      await server.stop()
    }
  } finally {
    await disk.remove()
  }
})

type Addresses = { readonly uid: string; readonly paths: readonly string[] }

/** A video that plays by its uid and by a token: every kind of address that a player asks for, each asked for once. */
async function prepare(server: TestServer): Promise<Addresses> {
  const { uid } = await uploadFile(server, await sample('silent.mp4'))
  await waitForVideo(server, uid, 'complete')
  const { token } = await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST' })
  const paths = await Promise.all(
    [uid, token].map(async (id) => {
      const master = await (await fetch(`${server.url}/${id}/manifest/video.m3u8`)).text()
      const list = /^[^#].*$/m.exec(master)?.[0] ?? ''
      const listUrl = new URL(list, `${server.url}/${id}/manifest/video.m3u8`)
      const media = await (await fetch(listUrl)).text()
      const segment = new URL(/^[^#].*$/m.exec(media)?.[0] ?? '', listUrl)
      return [
        `/${id}/manifest/video.m3u8`,
        `/${id}/manifest/video.mpd`,
        listUrl.pathname + listUrl.search,
        segment.pathname + segment.search,
        `/${id}/thumbnails/thumbnail.jpg`,
        `/${id}/iframe`,
      ]
    }),
  )
  const addresses = { uid, paths: paths.flat() }
  await expectPlays(server, addresses)
  return addresses
}

async function expectPlays(server: TestServer, { uid, paths }: Addresses): Promise<void> {
  for (const path of paths) {
    const response = await fetch(server.url + path)
    expect({ path, status: response.status }).toEqual({ path, status: 200 })
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100)
  }
  // Nor does reading over the API need to write.
  expect(await callApi(server, `/stream/${uid}`)).toMatchObject({ uid, readyToStream: true })
  expect(await callApi<unknown[]>(server, '/stream')).toHaveLength(1)
}

async function change(server: TestServer, uid: string) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}` },
    body: JSON.stringify({ meta: { name: 'changed', filler: 'x'.repeat(20_000) } }),
  })
  const { errors } = (await response.json()) as { errors: { code: number }[] }
  return {
    status: response.status,
    code: errors[0]?.code,
    retryAfter: response.headers.get('retry-after'),
  }
}

/** Leaves nothing free. */
async function fill(ballast: string, disk: string): Promise<void> {
  const { bavail, bsize } = await statfs(disk)
  await writeFile(ballast, Buffer.alloc(bavail * bsize))
}
