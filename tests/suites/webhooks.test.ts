/** Webhook calls from the move of a video to the last attempt (webhooks.md §2 to §4). */

import { describe, expect, test } from 'vitest'
import { createFetcher } from '../../src/adapters/fetch/guarded-fetch.ts'
import {
  blankVideo,
  completeVideo,
  editVideo,
  failVideo,
  insertVideo,
  moveVideo,
} from '../../src/core/videos/index.ts'
import { MOST_AT_ONCE } from '../../src/core/webhooks/index.ts'
import { signBody } from '../../src/core/webhooks/sign-body.ts'
import { presentVideo } from '../../src/http/present-video.ts'
import { createDescribeVideo } from '../../src/roles/worker.ts'
import { HANG, type Receiver, status } from '../harness/receiver.ts'
import { ACCOUNT, BASE, useWebhooks } from './webhook-fixture.ts'

const bench = useWebhooks()
const { receive, inTrx, main, another, makeReady, calls, untilCall, attemptsAt, untilAsleep } = bench

describe('a call', () => {
  test('is made once when a video is ready: the bare video object, signed', async () => {
    const receiver = await receive()
    const { secret } = await main(receiver.url)
    const video = await makeReady()
    const call = await untilCall(({ state }) => state === 'delivered')
    expect(receiver.received).toHaveLength(1)
    const [request] = receiver.received
    const timeSeconds = bench.clock.nowUs() / 1_000_000
    expect(request).toMatchObject({
      method: 'POST',
      path: '/hook',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Headwater',
        'webhook-signature': signBody(secret, timeSeconds, Buffer.from(request?.body ?? '')),
        'headwater-event': 'ready',
        'headwater-call': call.id,
        'content-length': String(Buffer.byteLength(request?.body ?? '')),
      },
    })
    expect(JSON.parse(request?.body ?? '')).toEqual(presentVideo(video, BASE))
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      uid: video.uid,
      readyToStream: true,
      status: { state: 'ready', pctComplete: '39.000000' },
      preview: `${BASE}/${video.uid}/watch`,
    })
    expect(await attemptsAt(call)).toEqual([
      {
        atUs: bench.clock.nowUs(),
        durationMs: 0,
        host: `127.0.0.1:${receiver.port}`,
        status: 204,
        error: null,
      },
    ])
    await inTrx((trx) => completeVideo(trx, bench.deps, video))
    expect(await calls()).toHaveLength(1)
  })

  test('has addresses below HEADWATER_PUBLIC_URL where that is set', async () => {
    const receiver = await receive()
    await main(receiver.url)
    await bench.restart({ describeVideo: createDescribeVideo(bench.deps.db, 'https://cdn.example.com/') })
    const { uid } = await makeReady()
    await receiver.until(1)
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
      preview: `https://cdn.example.com/${uid}/watch`,
      playback: { hls: `https://cdn.example.com/${uid}/manifest/video.m3u8` },
    })
  })

  test('is made when a video fails, with the vendor’s reason and our own', async () => {
    const receiver = await receive()
    await main(receiver.url)
    await inTrx(async (trx) => {
      const uid = bench.clock.newUid()
      await insertVideo(trx, blankVideo({ uid, accountId: ACCOUNT, createdUs: bench.clock.nowUs() }))
      await moveVideo(trx, bench.deps, uid, 'queued')
      const detail = {
        code: 'mp4_box_too_short',
        stage: 'index',
        detail: 'It ends in the middle of a box.',
        position: { byte: 48 },
      }
      await failVideo(trx, bench.deps, uid, { reasonCode: 'ERR_MALFORMED_VIDEO', detail })
      // Its first reason stays, and nobody is told twice.
      await failVideo(trx, bench.deps, uid, { reasonCode: 'ERR_UNKNOWN', detail })
    })
    await untilCall(({ state }) => state === 'delivered')
    expect(receiver.received.map(({ body }) => JSON.parse(body).status)).toEqual([
      {
        state: 'error',
        errorReasonCode: 'ERR_MALFORMED_VIDEO',
        errorReasonText: expect.stringContaining('corrupted'),
        failure: {
          code: 'mp4_box_too_short',
          stage: 'index',
          found: 'It ends in the middle of a box.',
          advice: expect.stringContaining('upload the new file'),
          position: { byte: 48 },
        },
      },
    ])
  })

  test('goes to nobody when the move of its video is taken back', async () => {
    const receiver = await receive()
    await main(receiver.url)
    const moved = inTrx(async (trx) => {
      const uid = bench.clock.newUid()
      await insertVideo(trx, blankVideo({ uid, accountId: ACCOUNT, createdUs: bench.clock.nowUs() }))
      await failVideo(trx, bench.deps, uid, { reasonCode: 'ERR_UNKNOWN', detail: {} })
      throw new Error('taken back')
    })
    await expect(moved).rejects.toThrow('taken back')
    expect(await calls()).toEqual([])
    expect(await bench.deps.db.selectFrom('jobs').selectAll().execute()).toEqual([])
  })

  test('about `complete` goes to those who asked for it, each with a secret of its own', async () => {
    const [vendors, all, last] = [await receive(), await receive(), await receive()]
    await main(vendors.url)
    const subscriptions = [
      await another(all.url, ['ready', 'complete', 'ready']),
      await another(last.url, ['complete']),
    ]
    const video = await makeReady()
    await inTrx((trx) => completeVideo(trx, bench.deps, video))
    await Promise.all([vendors.until(1), all.until(2), last.until(1)])
    while ((await calls()).some(({ state }) => state !== 'delivered')) await new Promise(setImmediate)
    const events = (receiver: Receiver) => receiver.received.map(({ headers }) => headers['headwater-event'])
    expect(events(vendors)).toEqual(['ready'])
    expect(new Set(events(all))).toEqual(new Set(['complete', 'ready']))
    expect(events(last)).toEqual(['complete'])
    for (const [index, { received }] of [all, last].entries()) {
      const { secret = '' } = subscriptions[index] ?? {}
      for (const { headers, body } of received) {
        expect(headers['webhook-signature']).toBe(
          signBody(secret, bench.clock.nowUs() / 1_000_000, Buffer.from(body)),
        )
      }
    }
  })
})

describe('a receiver that', () => {
  test('answers 500 is tried six times with the same body and new signatures, then given up', async () => {
    const receiver = await receive(status(500))
    const { secret } = await main(receiver.url)
    const video = await makeReady()
    const times = [bench.clock.nowUs()]
    for (const [index, seconds] of [10, 60, 300, 1_800, 7_200].entries()) {
      const { dueUs } = await untilCall(({ tries }) => tries === index + 1)
      if (index === 0)
        await editVideo({ ...bench.deps, storageMinutes: 0 }, ACCOUNT, video.uid, {
          meta: { name: 'renamed' },
        })
      const pauseSeconds = ((dueUs ?? 0) - bench.clock.nowUs()) / 1_000_000
      expect(pauseSeconds).toBeGreaterThanOrEqual(seconds * 0.9)
      expect(pauseSeconds).toBeLessThanOrEqual(seconds * 1.1)
      await untilAsleep()
      bench.clock.advance(pauseSeconds * 1_000 - 1)
      await untilAsleep()
      expect(receiver.received).toHaveLength(index + 1)
      bench.clock.advance(1_000)
      times.push(bench.clock.nowUs())
    }
    const call = await untilCall(({ state }) => state === 'failed')
    expect(receiver.received).toHaveLength(6)
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
    expect(receiver.received.map(({ headers }) => headers['webhook-signature'])).toEqual(
      receiver.received.map(({ body }, index) =>
        signBody(secret, Math.floor((times[index] ?? 0) / 1_000_000), Buffer.from(body)),
      ),
    )
    const error = 'The answer was 500, a status from 200 to 299 was expected.'
    expect(call).toMatchObject({ error, dueUs: null, endedUs: bench.clock.nowUs() })
    expect((await attemptsAt(call)).map((attempt) => [attempt.atUs, attempt.status, attempt.error])).toEqual(
      times.map((atUs) => [atUs, 500, error]),
    )
  })

  test('answers 410 is not tried again', async () => {
    const receiver = await receive(status(410))
    await main(receiver.url)
    await makeReady()
    const call = await untilCall(({ state }) => state === 'failed')
    expect(call).toMatchObject({ error: expect.stringContaining('410') })
    expect(await attemptsAt(call)).toHaveLength(1)
  })

  test.each([301, 302, 303, 307, 308])('redirects with %s is not followed, and fails', async (code) => {
    const target = await receive()
    const receiver = await receive(status(code, { location: target.url }))
    await main(receiver.url)
    await makeReady()
    const call = await untilCall(({ tries }) => tries === 1)
    expect(call).toMatchObject({
      state: 'pending',
      error: `The answer was a redirect (${code}), and redirects are not followed.`,
    })
    expect(target.received).toEqual([])
  })

  test('hangs is waited for 30 seconds, and nobody else waits for it', async () => {
    const hanging = await receive(HANG)
    const lively = await receive()
    await main(hanging.url)
    await another(lively.url)
    const videos = []
    for (let count = 0; count < 12; count += 1) videos.push(await makeReady())
    await lively.until(12)
    await hanging.until(5)
    // Its own place and the four that are for everybody.
    expect(hanging.mostOpen()).toBe(5)
    expect(new Set(lively.received.map(({ body }) => JSON.parse(body).uid))).toEqual(
      new Set(videos.map(({ uid }) => uid)),
    )
    const failed = async () => (await calls()).filter(({ tries }) => tries === 1)
    bench.clock.advance(29_999)
    expect(await failed()).toEqual([])
    bench.clock.advance(1)
    while ((await failed()).length < 5) await new Promise(setImmediate)
    expect((await failed())[0]).toMatchObject({ state: 'pending', error: 'No answer came within 30 s.' })
  })

  test('hangs takes no more than its share, however many of them there are', async () => {
    // One place is kept for whoever is told of broadcasts.
    const most = MOST_AT_ONCE - 1
    const hanging: Receiver[] = []
    for (let count = 0; count < 6; count += 1) hanging.push(await receive(HANG))
    const [first, ...others] = hanging
    await main(first?.url ?? '')
    for (const { url } of others) await another(url)
    for (let count = 0; count < 6; count += 1) await makeReady()
    const open = () => hanging.reduce((sum, receiver) => sum + receiver.open(), 0)
    while (open() < most) await new Promise(setImmediate)
    await Promise.all(hanging.map((receiver) => receiver.until(1)))
    expect(hanging.map((receiver) => receiver.open()).filter((count) => count === 0)).toEqual([])
    expect(
      await bench.deps.db.selectFrom('jobs').select('id').where('state', '=', 'active').execute(),
    ).toHaveLength(most)
    expect(open()).toBe(most)
  })

  test('cuts the connection, or is not there, is tried again until it is', async () => {
    const receiver = await receive((outgoing) => outgoing.destroy())
    await main(receiver.url)
    await makeReady()
    expect(await untilCall(({ tries }) => tries === 1)).toMatchObject({
      error: expect.stringContaining('cut the connection'),
    })
    await receiver.stop()
    await untilAsleep()
    bench.clock.advance(11_000)
    expect(await untilCall(({ tries }) => tries === 2)).toMatchObject({
      error: expect.stringContaining('refused the connection'),
    })
    const revived = await receive(status(200), receiver.port)
    await untilAsleep()
    bench.clock.advance(66_000)
    const call = await untilCall(({ state }) => state === 'delivered')
    expect(call.error).toBeNull()
    expect(revived.received).toHaveLength(1)
    expect((await attemptsAt(call)).map((attempt) => attempt.status)).toEqual([null, null, 200])
  })

  test('has moved into the private network meanwhile is not called', async () => {
    const receiver = await receive()
    await main(receiver.url)
    await bench.restart({ fetcher: createFetcher({ allowPrivate: false }) })
    await makeReady()
    const call = await untilCall(({ tries }) => tries === 1)
    expect(call).toMatchObject({ error: expect.stringContaining('127.0.0.1 is a loopback address') })
    expect(receiver.received).toEqual([])
  })

  test('was called when the server stopped is called again by the next one', async () => {
    const receiver = await receive(HANG)
    await main(receiver.url)
    await makeReady()
    await receiver.until(1)
    await bench.runner.stop()
    expect(await calls()).toMatchObject([{ state: 'pending', tries: 0 }])
    receiver.answer = status(200)
    await bench.restart()
    await untilCall(({ state }) => state === 'delivered')
    expect(receiver.received).toHaveLength(2)
    expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body)
  })
})
