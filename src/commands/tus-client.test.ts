import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileStore } from '@tus/file-store'
import { Server as TusServer } from '@tus/server'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ApiClient } from './api-client.ts'
import { createUpload, findOffset, sendFrom } from './tus-client.ts'
import { UploadRecordFile } from './upload-record.ts'

/** Judged by tus's own reference server, which knows nothing of ours. */
const SIZE = 6_000_001
let folder = ''
let server: Server
let client: ApiClient
/** Called with each PATCH before the reference server sees it; true = it is cut off. */
let sabotage: (patchNumber: number) => boolean = () => false

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-tus-client-'))
  await writeFile(join(folder, 'source'), fill(SIZE))
  const tus = new TusServer({
    path: '/client/v4/accounts/a/stream',
    datastore: new FileStore({ directory: folder }),
  })
  let patches = 0
  server = createServer((request, response) => {
    if (request.method === 'PATCH' && sabotage((patches += 1))) {
      request.once('data', () => setTimeout(() => request.socket.destroy(), 5))
    }
    // The one thing the vendor adds to tus.
    response.setHeader('stream-media-id', 'some-video')
    void tus.handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const serverUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  client = { serverUrl, accountUrl: `${serverUrl}/client/v4/accounts/a`, token: 't' }
})

afterEach(async () => {
  sabotage = () => false
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

test('a file arrives whole, in chunks', async () => {
  const { location } = await createUpload(client, { name: 'sea.mp4', sizeBytes: SIZE })
  const positions: number[] = []
  await sendFrom(client, location, 0, transfer({ onProgress: (sent) => positions.push(sent) }))
  expect(await findOffset(client, location)).toBe(SIZE)
  expect(await sha256(join(folder, nameOf(location)))).toBe(await sha256(join(folder, 'source')))
  expect(positions.at(-1)).toBe(SIZE)
})

test('a cut connection is told and gone on from', async () => {
  const { location } = await createUpload(client, { name: 'sea.mp4', sizeBytes: SIZE })
  sabotage = (patch) => patch === 2
  const sentences: string[] = []
  await sendFrom(client, location, 0, transfer({ onRetry: (sentence) => sentences.push(sentence) }))
  expect(sentences).toHaveLength(1)
  expect(sentences[0]).toMatch(/^No answer from http:.*Trying again …$/)
  expect(await sha256(join(folder, nameOf(location)))).toBe(await sha256(join(folder, 'source')))
})

test('an upload the server does not know is told apart from one at offset 0', async () => {
  const { location } = await createUpload(client, { name: 'sea.mp4', sizeBytes: SIZE })
  expect(await findOffset(client, location)).toBe(0)
  expect(await findOffset(client, `${location}0`)).toBeUndefined()
})

test('where nobody answers it is said in a sentence, at the first request too', async () => {
  await new Promise((resolve) => server.close(resolve))
  const sentence = `No answer from ${client.serverUrl}: is the server running there?`
  await expect(createUpload(client, { name: 'sea.mp4', sizeBytes: SIZE })).rejects.toThrow(sentence)
  await expect(findOffset(client, `${client.accountUrl}/stream/x`)).rejects.toThrow(sentence)
  server.listen(0, '127.0.0.1')
})

test('where an upload goes on is remembered per file and account', async () => {
  const source = { path: '/a.mp4', sizeBytes: 5, modifiedMs: 1 }
  const file = new UploadRecordFile(source, 'http://s/a', folder)
  expect(await file.read()).toBeUndefined()
  await file.write({ location: 'http://s/l', uid: 'u' })
  expect(await new UploadRecordFile(source, 'http://s/a', folder).read()).toEqual({
    location: 'http://s/l',
    uid: 'u',
  })
  expect(
    await new UploadRecordFile({ ...source, modifiedMs: 2 }, 'http://s/a', folder).read(),
  ).toBeUndefined()
  expect(await new UploadRecordFile(source, 'http://other/a', folder).read()).toBeUndefined()
  await file.remove()
  expect(await file.read()).toBeUndefined()
})

function transfer(listeners: { onProgress?: (sent: number) => void; onRetry?: (sentence: string) => void }) {
  return {
    path: join(folder, 'source'),
    sizeBytes: SIZE,
    chunkBytes: 2 ** 21,
    onProgress: () => {},
    onRetry: () => {},
    ...listeners,
  }
}

function nameOf(location: string): string {
  return location.split('/').at(-1) ?? ''
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

function fill(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0, state = 1; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    bytes[i] = state >> 16
  }
  return bytes
}
