import { describe, expect, test } from 'vitest'
import {
  createLiveInput,
  deleteLiveInput,
  type LiveInput,
  LiveInputChanges,
  type LiveInputDeps,
  type LiveReason,
  recordErrored,
  recordStatus,
  setNotification,
} from '../../src/core/live-inputs/index.ts'
import { deleteLiveNotification } from '../../src/core/webhooks/index.ts'
import { status } from '../harness/receiver.ts'
import { ACCOUNT, useWebhooks } from './webhook-fixture.ts'

const bench = useWebhooks()
const { calls, inTrx, receive, untilCall } = bench

const deps = (): LiveInputDeps => ({ ...bench.deps, liveInputChanges: new LiveInputChanges() })
const create = (): Promise<LiveInput> => createLiveInput(deps(), ACCOUNT, {})
const notify = (given: { url: string; name?: string; secret?: string; inputs?: string[] }) =>
  setNotification(bench.deps, { accountId: ACCOUNT, ...given })

function enter({ uid }: LiveInput, reason: LiveReason): Promise<void> {
  const state = CONNECTED.includes(reason) ? 'connected' : 'disconnected'
  return inTrx((trx) => recordStatus(trx, bench.deps, uid, { state, reason, protocol: 'srt' }))
}

const CONNECTED: readonly LiveReason[] = ['connected', 'reconnected', 'new_configuration_accepted']
const NOW = '2026-11-20T18:00:00.000000000Z'

describe('a live notification', () => {
  test('tells of a connection in the words of the specification', async () => {
    const receiver = await receive()
    const input = await create()
    await notify({ url: receiver.url, name: 'studio watch', secret: 'a-word-of-ours' })
    await enter(input, 'connected')
    await receiver.until(1)
    const [call] = receiver.received
    expect(call?.method).toBe('POST')
    expect(call?.headers).toMatchObject({
      'cf-webhook-auth': 'a-word-of-ours',
      'content-type': 'application/json',
      'headwater-event': 'live_input.connected',
    })
    expect(call?.headers['webhook-signature']).toBeUndefined()
    expect(JSON.parse(call?.body ?? '{}')).toEqual({
      name: 'studio watch',
      text: `Notification type: Stream Live Input\nInput ID: ${input.uid}\nEvent type: live_input.connected\nUpdated at: ${NOW}`,
      data: {
        notification_name: 'Stream Live Input',
        input_id: input.uid,
        event_type: 'live_input.connected',
        updated_at: NOW,
      },
      ts: 1_795_197_600,
    })
  })

  test('tells what is wrong with a broadcast', async () => {
    const receiver = await receive()
    const input = await create()
    await notify({ url: receiver.url })
    await inTrx((trx) =>
      recordErrored(trx, bench.deps, input.uid, {
        code: 'ERR_UNSUPPORTED_VIDEO_CODEC',
        videoCodec: 'hevc',
        audioCodec: '',
      }),
    )
    await receiver.until(1)
    const message = 'The video codec is not supported; send H.264.'
    expect(JSON.parse(receiver.received[0]?.body ?? '{}')).toMatchObject({
      text: expect.stringMatching(
        new RegExp(
          `\nEvent type: live_input.errored\nUpdated at: .*\nError Code: ERR_UNSUPPORTED_VIDEO_CODEC\nError Message: ${message}\nVideo Codec: hevc\nAudio Codec: $`,
        ),
      ),
      data: {
        event_type: 'live_input.errored',
        live_input_errored: {
          error: { code: 'ERR_UNSUPPORTED_VIDEO_CODEC', message },
          video_codec: 'hevc',
          audio_codec: '',
        },
      },
    })
  })

  test.each<[LiveReason, string | undefined]>([
    ['connected', 'live_input.connected'],
    ['reconnected', 'live_input.connected'],
    ['reconnecting', 'live_input.disconnected'],
    ['client_disconnect', 'live_input.disconnected'],
    ['ttl_exceeded', 'live_input.disconnected'],
    ['failed_to_connect', 'live_input.disconnected'],
    ['new_configuration_accepted', undefined],
  ])('of the reason %s, entered while connected, is %s', async (reason, event) => {
    const receiver = await receive()
    const input = await create()
    await enter(input, 'connected')
    await notify({ url: receiver.url })
    await enter(input, reason)
    expect((await calls()).map((call) => call.event)).toEqual(event === undefined ? [] : [event])
  })

  test.each<[LiveReason, string | undefined]>([
    ['connected', 'live_input.connected'],
    ['reconnected', 'live_input.connected'],
    ['ttl_exceeded', undefined],
    ['failed_to_connect', undefined],
    ['failed_to_reconnect', undefined],
  ])('of the reason %s, entered while not connected, is %s', async (reason, event) => {
    const receiver = await receive()
    const input = await create()
    await enter(input, 'reconnecting')
    await notify({ url: receiver.url })
    await enter(input, reason)
    expect((await calls()).map((call) => call.event)).toEqual(event === undefined ? [] : [event])
  })

  test('is told of the inputs that it names only', async () => {
    const receiver = await receive()
    const [named, other] = [await create(), await create()]
    await notify({ url: receiver.url, inputs: [named.uid] })
    await enter(other, 'connected')
    await enter(named, 'connected')
    expect((await calls()).map((call) => call.videoUid)).toEqual([named.uid])
  })

  test('of a broadcast that its deletion cuts is sent, and nothing is left of the input', async () => {
    const receiver = await receive()
    const input = await create()
    await enter(input, 'connected')
    await notify({ url: receiver.url })
    await deleteLiveInput(deps(), ACCOUNT, input.uid)
    await receiver.until(1)
    expect(receiver.received[0]?.headers['headwater-event']).toBe('live_input.disconnected')
    expect(await bench.deps.db.selectFrom('live_statuses').selectAll().execute()).toEqual([])
  })

  test('is not sent when what it tells of is taken back', async () => {
    const receiver = await receive()
    const input = await create()
    await notify({ url: receiver.url })
    const taken = inTrx(async (trx) => {
      await recordStatus(trx, bench.deps, input.uid, {
        state: 'connected',
        reason: 'connected',
        protocol: 'rtmp',
      })
      throw new Error('taken back')
    })
    await expect(taken).rejects.toThrow('taken back')
    expect(await calls()).toEqual([])
  })

  test('is sent again like every call, to the address that is set by then', async () => {
    const [failing, working] = [await receive(status(500)), await receive()]
    await notify({ url: failing.url })
    await enter(await create(), 'connected')
    const { dueUs } = await untilCall(({ tries }) => tries === 1)
    await notify({ url: working.url })
    await bench.untilAsleep()
    bench.clock.advance(((dueUs ?? 0) - bench.clock.nowUs()) / 1_000 + 1)
    await working.until(1)
    await untilCall(({ state }) => state === 'delivered')
    expect(working.received[0]?.body).toBe(failing.received[0]?.body)
  })

  test('that is deleted drops what is owed', async () => {
    const failing = await receive(status(500))
    await notify({ url: failing.url })
    await enter(await create(), 'connected')
    await untilCall(({ tries }) => tries === 1)
    await deleteLiveNotification(bench.deps, ACCOUNT)
    expect(await untilCall(({ state }) => state !== 'pending')).toMatchObject({
      state: 'dropped',
      error: 'The live notification was deleted.',
    })
  })

  test('keeps its secret until another is given, and has one if none is', async () => {
    const { url } = await receive()
    const first = await notify({ url })
    expect(first.secret).toMatch(/^[0-9a-f]{32}$/)
    expect(await notify({ url, name: 'renamed' })).toMatchObject({ id: first.id, secret: first.secret })
    expect(await notify({ url, secret: 'another' })).toMatchObject({ id: first.id, secret: 'another' })
  })

  test.each([
    [{ url: 'ftp://example.com' }, 'url must be a whole http'],
    [{ name: '' }, 'name has 1 to 100 characters'],
    [{ name: 'x'.repeat(101) }, 'name has 1 to 100 characters'],
    [{ secret: 'two words' }, 'secret has 1 to 256 visible'],
    [{ secret: '' }, 'secret has 1 to 256 visible'],
    [{ inputs: ['0'.repeat(32)] }, 'inputs must be uids'],
  ])('is not set with %j', async (given, sentence) => {
    const { url } = await receive()
    await expect(notify({ url, ...given })).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringContaining(sentence),
    })
  })
})
