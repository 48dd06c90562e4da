/** One-time form links when two come at once, and when the server dies at the worst moment: uploads.md §5. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deleteVideo, sweepLeftovers } from '../../src/core/videos/index.ts'
import { draftCount, fileForm, formLines, makeLink, movieBytes, sendForm } from './form-fixture.ts'
import {
  type Answer,
  MIB,
  RawClient,
  refusalOf,
  sha256,
  startUploadServer,
  type UploadServer,
} from './tus-fixture.ts'

let server: UploadServer
beforeAll(async () => {
  server = await startUploadServer()
})
afterAll(() => server.stop())

const told = (answer: Answer): unknown[] => [answer.status, refusalOf(answer).code]

describe('two at once', () => {
  test('while one is sending another gets 409/10007, and the first is taken', async () => {
    const link = await makeLink(server)
    const bytes = movieBytes(4 * MIB)
    const form = fileForm(bytes)
    const first = new RawClient(server.port)
    await first.head(...formLines(link.uploadURL, form.length))
    await first.bytes(form.subarray(0, MIB))
    await expect.poll(() => draftCount(server)).toBe(1)
    // It goes on sending all the time, so it is not taken for dead.
    let sent = MIB
    const dripping = setInterval(() => {
      void first.bytes(form.subarray(sent, sent + 1_000))
      sent += 1_000
    }, 200)
    const second = await sendForm(link.uploadURL, fileForm(movieBytes(5_000)))
    clearInterval(dripping)
    expect(told(second)).toEqual([409, 10007])
    await first.bytes(form.subarray(sent))
    expect((await first.answer())?.status).toBe(200)
    first.socket.destroy()
    expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
  })

  test('one that has fallen silent makes way for the next', async () => {
    const link = await makeLink(server)
    const dead = new RawClient(server.port)
    const form = fileForm(movieBytes(4 * MIB))
    await dead.head(...formLines(link.uploadURL, form.length))
    await dead.bytes(form.subarray(0, MIB))
    await expect.poll(() => draftCount(server)).toBe(1)
    const bytes = movieBytes(70_000)
    expect((await sendForm(link.uploadURL, fileForm(bytes))).status).toBe(200)
    expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
    dead.socket.destroy()
    await expect.poll(() => draftCount(server)).toBe(0)
  })

  test('of eight that come in the same moment one is taken', async () => {
    const link = await makeLink(server)
    const films = Array.from({ length: 8 }, (_, index) => movieBytes(MIB + index))
    const answers = await Promise.all(films.map((film) => sendForm(link.uploadURL, fileForm(film))))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array(7).fill(409),
    ])
    const taken = answers.findIndex(({ status }) => status === 200)
    expect(await server.sourceHash(link.uid)).toBe(sha256(films[taken] ?? Buffer.alloc(0)))
    const events = await server.deps.db
      .selectFrom('video_events')
      .select('kind')
      .where('video_uid', '=', link.uid)
      .execute()
    expect(events.filter(({ kind }) => kind === 'queued')).toHaveLength(1)
  })

  test('deleted while its file comes: 404, and no source is left', async () => {
    const link = await makeLink(server)
    const form = fileForm(movieBytes(2 * MIB))
    const client = new RawClient(server.port)
    await client.head(...formLines(link.uploadURL, form.length))
    await client.bytes(form.subarray(0, MIB))
    await expect.poll(() => draftCount(server)).toBe(1)
    await deleteVideo(server.deps, server.accountId, link.uid)
    await client.bytes(form.subarray(MIB))
    expect((await client.answer())?.status).toBe(404)
    client.socket.destroy()
    await expect(server.sourceHash(link.uid)).rejects.toThrow()
    expect(await draftCount(server)).toBe(0)
  })
})

test('a stop between the published source and its row loses neither the link nor the next file', async () => {
  let stuck: () => void = () => undefined
  const reached = new Promise<void>((resolve) => {
    stuck = resolve
  })
  const never = new Promise<never>(() => undefined)
  const first = await startUploadServer({
    wrapBlobs: (blobs) => ({
      open: (name) => blobs.open(name),
      reread: (name) => blobs.reread(name),
      delete: (name, options) => blobs.delete(name, options),
      list: (prefix) => blobs.list(prefix),
      listDrafts: () => blobs.listDrafts(),
      listForeign: () => blobs.listForeign(),
      discardDraft: (id) => blobs.discardDraft(id),
      openDraft: (id) => blobs.openDraft(id),
      materializeDraft: (id) => blobs.materializeDraft(id),
      resumeDraft: (id, state, options) => blobs.resumeDraft(id, state, options),
      freeBytes: () => blobs.freeBytes(),
      materialize: (name) => blobs.materialize(name),
      createDraft: async (options) => {
        const draft = await blobs.createDraft(options)
        const publish = draft.publish.bind(draft)
        draft.publish = async (name) => {
          await publish(name)
          stuck()
          return never
        }
        return draft
      },
    }),
  })
  const link = await makeLink(first)
  const lost = sendForm(link.uploadURL, fileForm(movieBytes(90_000))).catch(() => undefined)
  await reached
  const { dataDir } = first
  await first.deps.db.destroy()
  const second = await startUploadServer({ dataDir })
  try {
    // The sweep spares what the next try is about to replace.
    expect(await sweepLeftovers(second.deps, { graceMs: -1_000 })).toEqual({ drafts: 0, blobs: 0 })
    const bytes = movieBytes(60_000)
    const address = link.uploadURL.replace(first.url, second.url)
    expect((await sendForm(address, fileForm(bytes))).status).toBe(200)
    expect(await second.sourceHash(link.uid)).toBe(sha256(bytes))
    expect(await second.deps.db.selectFrom('videos').select('uid').execute()).toEqual([{ uid: link.uid }])
    expect(await second.deps.db.selectFrom('blobs').select('name').execute()).toHaveLength(1)
  } finally {
    await second.stop()
    await first.stop()
    await lost
  }
})
