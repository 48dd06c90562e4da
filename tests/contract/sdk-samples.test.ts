/**
 * Samples of guides that are about the SDK and do not fit it (api.md §1.5): what happens with each of them, in every
 * version. `docs/compatibility.md` has the same list for users.
 */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { makePng } from '../harness/png.ts'
import { SDKS } from './sdk.ts'

let server: ApiServer
let folder: string
beforeAll(async () => {
  server = await startApi()
  folder = await mkdtemp(join(tmpdir(), 'headwater-samples-'))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

/** A method as a guide calls it, whatever its types say. */
type Method = (...args: readonly unknown[]) => unknown

describe.each(SDKS)('version %s of the SDK', (version, create) => {
  const connect = () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    return { client, account_id: server.accountId }
  }

  test('gives live inputs as a plain promise, over which no loop can go', async () => {
    const { client, account_id } = connect()
    const asked = client.stream.liveInputs.list({ account_id })
    expect(Symbol.asyncIterator in asked).toBe(false)
    expect(await asked).toEqual([])
  })

  test.each([
    ['captions.get', 'captions', 'get'],
    ['downloads.create', 'downloads', 'create'],
    ['downloads.get', 'downloads', 'get'],
    ['downloads.delete', 'downloads', 'delete'],
    ['audioTracks.copy', 'audioTracks', 'copy'],
  ] as const)('throws at %s with one object before it asks anything', async (_, resource, name) => {
    const { client, account_id } = connect()
    const methods = client.stream[resource] as unknown as Readonly<Record<string, Method>>
    const sample = async () => await methods[name]?.call(methods, { account_id, identifier: 'a' })
    await expect(sample()).rejects.toThrow(TypeError)
  })

  test('edits a video', async () => {
    const { client, account_id } = connect()
    const { uid } = await server.addVideo()
    const video = await client.stream.edit(uid, { account_id, creator: 'somebody' })
    expect(video).toMatchObject({ uid, creator: 'somebody' })
  })

  test('makes a watermark of a stream or a file, and is told what is wrong with a buffer or a text', async () => {
    const { client, account_id } = connect()
    const { watermarks } = client.stream
    const make = watermarks.create.bind(watermarks) as Method
    const png = makePng(4, 4, () => [255, 0, 0, 255])
    const path = join(folder, `${version}.png`)
    await writeFile(path, png)
    for (const file of [createReadStream(path), new File([new Uint8Array(png)], 'mark.png')]) {
      expect(await make({ account_id, file })).toMatchObject({ width: 4, height: 4 })
    }
    for (const file of [Buffer.from(png), 'mark.png']) {
      await expect(make({ account_id, file })).rejects.toMatchObject({ status: 400 })
    }
  })
})

test('direct_user is no name of a user', async () => {
  const response = await fetch(
    `${server.apiUrl}/accounts/${server.accountId}/stream?direct_user=user-12345`,
    {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'tus-resumable': '1.0.0',
        'upload-length': '1000',
      },
    },
  )
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('10005')
})
