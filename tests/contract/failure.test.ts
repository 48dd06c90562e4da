/** What a failed video says: the vendor's two fields as documented and our own, alike to every reader. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PageStatus } from '../../src/http/page-status.ts'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { MEDIA_FAULTS } from '../../src/lib/media-faults.ts'
import { type Receiver, startReceiver } from '../harness/receiver.ts'
import { callApi, startServer, type TestServer, uploadFile } from '../harness/server.ts'
import { SDKS, violations } from './sdk.ts'

let server: TestServer
let receiver: Receiver
let folder: string
let failed: PresentedVideo

/** The beginning of a Matroska file, and nothing that makes sense behind it: a decoder is asked, and complains. */
const BROKEN = Buffer.concat([Buffer.from('1a45dfa3', 'hex'), Buffer.alloc(5000, 0x42)])

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-failure-'))
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
  receiver = await startReceiver()
  await callApi(server, '/stream/webhook', { method: 'PUT', body: { notificationUrl: receiver.url } })
  const file = join(folder, 'holiday.webm')
  await writeFile(file, BROKEN)
  const { uid } = await uploadFile(server, file)
  await receiver.until(1)
  failed = await callApi<PresentedVideo>(server, `/stream/${uid}`)
})
afterAll(async () => {
  await receiver.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const FAULT = MEDIA_FAULTS.matroska_header_broken

describe('a failed video', () => {
  test('has the vendor’s code and sentence, and beside them our code, stage, finding, advice, place and the decoder’s words', () => {
    const found = 'The Matroska or WebM file has no segment behind its header.'
    expect(failed.status).toEqual({
      state: 'error',
      errorReasonCode: 'ERR_MALFORMED_VIDEO',
      errorReasonText: `The video was deemed to be corrupted or malformed. ${found}`,
      failure: {
        code: 'matroska_header_broken',
        stage: 'index',
        found,
        advice: FAULT.advice,
        position: { byte: expect.any(Number) },
        decoder: expect.arrayContaining([expect.stringMatching(/^\S.{0,239}$/)]),
      },
    })
    const words = (failed.status.failure?.decoder ?? []).join('\n')
    expect(words).not.toMatch(/[^\P{Cc}\n]|0x[0-9a-f]{9}/u)
    expect(words).not.toContain(folder)
    expect(words).not.toContain(server.dataDir)
  })

  test('says the same in a list, in the call of a webhook and in the timeline of what happened', async () => {
    const [listed] = await callApi<PresentedVideo[]>(server, '/stream?status=error')
    expect(listed).toEqual(failed)
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toEqual(failed)
    const { events } = await callApi<{ events: { kind: string; detail: object }[] }>(
      server,
      `/headwater/videos/${failed.uid}/events`,
    )
    expect(events.at(-1)).toMatchObject({
      kind: 'error',
      detail: { code: 'matroska_header_broken', stage: 'index', reasonCode: 'ERR_MALFORMED_VIDEO' },
    })
  })

  test('tells whoever opens its page the sentence and what to do', async () => {
    const address = `${server.url}/${failed.uid}`
    const status = (await (await fetch(`${address}/headwater/status.json`)).json()) as PageStatus
    expect(status).toMatchObject({
      state: 'error',
      playable: false,
      sentence: failed.status.errorReasonText,
      advice: FAULT.advice,
    })
    // Of the decoder's words and our codes viewers hear nothing.
    expect(await (await fetch(`${address}/watch`)).text()).not.toContain('matroska_header_broken')
  })

  test.each(SDKS)('is read by cloudflare %s, and fits the vendor’s description', async (_version, create) => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const video = await client.stream.get(failed.uid, { account_id: server.accountId })
    expect(video.status).toEqual(failed.status)
    expect(violations).toEqual([])
  })
})
