/** The program as its users run it: start, upload, watch it become ready, restart, stop. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { notAVideo, sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { SDKS, violations } from './sdk.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  await server.stop()
  expect(violations).toEqual([])
})

describe('the program', () => {
  test('takes an upload and shows it through its states to the end', async () => {
    const { uid } = await uploadFile(server, await sample('h264-aac.mp4'), { name: 'first' })
    const ready = await waitForVideo(server, uid, 'ready')
    expect(ready).toMatchObject({
      meta: { name: 'first' },
      readyToStream: true,
      readyToStreamAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      input: { width: 640, height: 360 },
    })
    expect(ready.duration).toBeCloseTo(10, 0)
    const [, create] = SDKS.at(-1) ?? []
    const client = create?.({ baseURL: server.apiUrl, apiToken: server.token })
    expect(await client?.stream.get(uid, { account_id: server.accountId })).toMatchObject({ uid })
    const complete = await waitForVideo(server, uid, 'complete')
    expect(complete.status).toMatchObject({ state: 'ready', pctComplete: '100.000000', errorReasonCode: '' })
    const progress = await callApi<{
      complete: boolean
      renditions: { segments: number }[]
      events: { kind: string }[]
    }>(server, `/headwater/videos/${uid}/events`)
    expect(progress.complete).toBe(true)
    expect(progress.renditions.length).toBeGreaterThan(1)
    expect(progress.events.map((event) => event.kind)).toEqual(expect.arrayContaining(['created', 'ready']))
  })

  test('tells what is no video by code and text, and what to do', async () => {
    const { uid } = await uploadFile(server, await notAVideo())
    await expect(waitForVideo(server, uid, 'ready')).rejects.toThrow('ERR_NON_VIDEO')
    const video = await callApi<PresentedVideo>(server, `/stream/${uid}`)
    expect(video.status).toEqual({
      state: 'error',
      errorReasonCode: 'ERR_NON_VIDEO',
      errorReasonText: expect.stringMatching(
        /^The file was not recognized as a valid video file\. Expected a video file, found .*text/,
      ),
      failure: {
        code: 'file_text',
        stage: 'sniff',
        found: expect.stringMatching(/^Expected a video file, found .*text/),
        advice: expect.stringContaining('upload'),
        position: { byte: 0 },
      },
    })
  })

  test('knows its videos again after a restart, and stops with exit code 0', async () => {
    const before = await callApi<PresentedVideo[]>(server, '/stream')
    expect(before.length).toBeGreaterThan(0)
    server = await server.restart()
    const after = await callApi<PresentedVideo[]>(server, '/stream')
    expect(after.map((video) => video.uid)).toEqual(before.map((video) => video.uid))
    expect(await server.stop()).toBe(0)
  })

  test('never says its token', () => {
    expect(server.output()).not.toContain(server.token)
  })
})
