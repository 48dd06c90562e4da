/** What is owed to webhooks while they and their videos change, and the log of it (webhooks.md §4). */

import { describe, expect, test } from 'vitest'
import { deleteVideo } from '../../src/core/videos/index.ts'
import { deleteSubscription, listCalls, replayCall, sweepCalls } from '../../src/core/webhooks/index.ts'
import { signBody } from '../../src/core/webhooks/sign-body.ts'
import { status } from '../harness/receiver.ts'
import { ACCOUNT, useWebhooks } from './webhook-fixture.ts'

const DAY_MS = 86_400_000

const bench = useWebhooks()
const { receive, main, another, makeReady, calls, untilCall, attemptsAt, untilAsleep, untilNothingPlanned } =
  bench

describe('what is owed', () => {
  test('goes to the address and with the secret of the moment', async () => {
    const old = await receive(status(503))
    const replacement = await receive()
    const before = await main(old.url)
    await makeReady()
    await untilCall(({ tries }) => tries === 1)
    const after = await main(replacement.url)
    expect(after.id).toBe(before.id)
    expect(after.secret).not.toBe(before.secret)
    await untilAsleep()
    bench.clock.advance(11_000)
    await untilCall(({ state }) => state === 'delivered')
    const [request] = replacement.received
    expect(request?.headers['webhook-signature']).toBe(
      signBody(after.secret, Math.floor(bench.clock.nowUs() / 1_000_000), Buffer.from(request?.body ?? '')),
    )
  })

  test('to a webhook that is deleted is dropped', async () => {
    const receiver = await receive(status(500))
    const { id } = await main(receiver.url)
    await makeReady()
    await untilCall(({ tries }) => tries === 1)
    await deleteSubscription(bench.deps, ACCOUNT, id)
    const [call] = await calls()
    expect(call).toMatchObject({
      state: 'dropped',
      error: 'The webhook was deleted.',
      endedUs: bench.clock.nowUs(),
    })
    await untilAsleep()
    bench.clock.advance(11_000)
    await untilAsleep()
    await untilNothingPlanned()
    expect(receiver.received).toHaveLength(1)
  })

  test('about a video that is deleted before the first attempt is dropped; after it, it is still told', async () => {
    const receiver = await receive(status(500))
    await main(receiver.url)
    const blobs = { list: async function* () {}, delete: async () => {}, discardDraft: async () => {} }
    const remove = (uid: string) => deleteVideo({ ...bench.deps, blobs: blobs as never }, ACCOUNT, uid)
    await bench.runner.stop()
    await remove((await makeReady()).uid)
    await bench.restart()
    await untilCall(({ state }) => state === 'dropped')
    expect(receiver.received).toEqual([])

    const { uid } = await makeReady()
    const told = () => calls().then((all) => all.find(({ videoUid }) => videoUid === uid))
    while ((await told())?.tries !== 1) await new Promise(setImmediate)
    await remove(uid)
    receiver.answer = status(200)
    await untilAsleep()
    bench.clock.advance(11_000)
    while ((await told())?.state !== 'delivered') await new Promise(setImmediate)
    expect(receiver.received.map(({ body }) => JSON.parse(body).uid)).toEqual([uid, uid])
  })
})

describe('a server at fault', () => {
  test('counts as a failed try, and costs no call', async () => {
    const receiver = await receive()
    await main(receiver.url)
    const { describeVideo } = bench.deps
    await bench.restart({ describeVideo: () => Promise.reject(new Error('the disk is gone')) })
    await makeReady()
    const failed = bench.deps.db.selectFrom('jobs').select('id').where('state', '=', 'queued')
    for (let attempt = 1; attempt < 4; attempt += 1) {
      while ((await failed.where('attempts', '=', attempt).execute()).length === 0)
        await new Promise(setImmediate)
      await untilAsleep()
      bench.clock.advance(40_000)
    }
    const call = await untilCall((one) => one.tries === 1)
    expect(await attemptsAt(call)).toMatchObject([{ status: null, error: 'the disk is gone' }])
    await bench.restart({ describeVideo })
    await untilAsleep()
    bench.clock.advance(11_000)
    await untilCall(({ state }) => state === 'delivered')
    expect(receiver.received).toHaveLength(1)
  })
})

describe('the log', () => {
  test('replays a call: the same body and a whole round of tries; what waited waits no longer', async () => {
    const receiver = await receive(status(410))
    await main(receiver.url)
    await makeReady()
    const { id } = await untilCall(({ state }) => state === 'failed')
    receiver.answer = status(500)
    expect(await replayCall(bench.deps, ACCOUNT, id)).toMatchObject({ state: 'pending', tries: 0 })
    const waiting = await untilCall(({ tries }) => tries === 1)
    expect((waiting.dueUs ?? 0) - bench.clock.nowUs()).toBeLessThanOrEqual(11_000_000)
    receiver.answer = status(200)
    await replayCall(bench.deps, ACCOUNT, id)
    const call = await untilCall(({ state }) => state === 'delivered')
    expect((await attemptsAt(call)).map((attempt) => attempt.status)).toEqual([410, 500, 200])
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
    // The attempt that was planned before has nothing to do any more.
    await untilAsleep()
    bench.clock.advance(11_000)
    await untilNothingPlanned()
    expect(receiver.received).toHaveLength(3)
  })

  test('replays nothing that is not there, or whose webhook is gone', async () => {
    const receiver = await receive()
    const { id } = await main(receiver.url)
    await makeReady()
    const call = await untilCall(({ state }) => state === 'delivered')
    await expect(replayCall(bench.deps, 'b'.repeat(32), call.id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(replayCall(bench.deps, ACCOUNT, '0'.repeat(32))).rejects.toMatchObject({ code: 'not_found' })
    await deleteSubscription(bench.deps, ACCOUNT, id)
    await expect(replayCall(bench.deps, ACCOUNT, call.id)).rejects.toMatchObject({ code: 'conflict' })
    expect(await calls()).toMatchObject([{ state: 'delivered' }])
  })

  test('keeps a call for seven days after its end, and pending ones for as long as they are', async () => {
    const receiver = await receive()
    await main(receiver.url)
    await makeReady()
    await untilCall(({ state }) => state === 'delivered')
    await bench.runner.stop()
    bench.clock.advance(1)
    await makeReady()
    bench.clock.advance(7 * DAY_MS - 1)
    await sweepCalls(bench.deps)
    expect((await calls()).map(({ state }) => state)).toEqual(['pending', 'delivered'])
    bench.clock.advance(1)
    await sweepCalls(bench.deps)
    expect((await calls()).map(({ state }) => state)).toEqual(['pending'])
    expect(await bench.deps.db.selectFrom('webhook_attempts').selectAll().execute()).toEqual([])
  })

  test('is read in pages, newest first, and by state, video and webhook', async () => {
    const receiver = await receive()
    const { id: webhook } = await main(receiver.url)
    await another(receiver.url)
    const videos = []
    for (let count = 0; count < 4; count += 1) videos.push((await makeReady()).uid)
    while ((await calls()).some(({ state }) => state !== 'delivered')) await new Promise(setImmediate)
    const list = (query: object) => listCalls(bench.deps.db, { accountId: ACCOUNT, limit: 3, ...query })
    const first = await list({})
    const second = await list({ before: first.at(-1)?.id })
    const third = await list({ before: second.at(-1)?.id })
    expect([...first, ...second, ...third]).toEqual(await calls())
    expect(await list({ state: 'failed' })).toEqual([])
    expect(await list({ videoUid: videos[1] })).toHaveLength(2)
    expect(await list({ videoUid: videos[1], subscriptionId: webhook })).toMatchObject([
      { videoUid: videos[1], subscriptionId: webhook },
    ])
    expect(await list({ accountId: 'b'.repeat(32) })).toEqual([])
    expect(await list({ before: 'never was' })).toEqual([])
  })
})
