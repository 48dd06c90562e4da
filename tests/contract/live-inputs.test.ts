/** `client.stream.liveInputs` and its outputs (spec §12, live.md §1, §3, §8), by the SDK in every version and field by field. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { type Input, liveInputCalls, TIME, UID, UNKNOWN } from './live-input-calls.ts'
import { type Client, SDKS, violations } from './sdk.ts'

let server: ApiServer
beforeAll(async () => {
  server = await startApi({ allowPrivateFetch: true })
})
afterAll(async () => {
  await server.close()
  expect(violations).toEqual([])
})

const { call, newInput, enter } = liveInputCalls(() => server)

describe.each(SDKS)('version %s of the SDK', (version, create) => {
  const connect = () => ({
    client: create({ baseURL: server.apiUrl, apiToken: server.token }),
    account: { account_id: server.accountId },
  })

  test('creates, lists, gets, updates and deletes live inputs', async () => {
    const { client, account } = connect()
    const inputs = client.stream.liveInputs
    const made = await inputs.create({
      ...account,
      meta: { name: 'studio two' },
      recording: { mode: 'automatic', timeoutSeconds: 10 },
    })
    const uid = made.uid ?? ''
    expect(made).toMatchObject({ meta: { name: 'studio two' }, enabled: true, status: null })
    expect(made.recording).toEqual({
      mode: 'automatic',
      timeoutSeconds: 10,
      requireSignedURLs: false,
      allowedOrigins: null,
      hideLiveViewerCount: false,
    })
    expect(await inputs.get(uid, account)).toEqual(made)
    const changed = await inputs.update(uid, { ...account, recording: { requireSignedURLs: true } })
    expect(changed.recording).toEqual({ ...made.recording, requireSignedURLs: true })
    expect(changed.meta).toEqual(made.meta)
    const listed = (await inputs.list({ ...account, include_counts: true })) as unknown as Input[]
    expect(listed[0]).toEqual({
      uid,
      created: made.created,
      modified: changed.modified,
      meta: made.meta,
      enabled: true,
      deleteRecordingAfterDays: null,
    })
    await inputs.delete(uid, account)
    await expect(inputs.get(uid, account)).rejects.toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    await expect(inputs.delete(uid, account)).rejects.toMatchObject({ status: 404 })
  })

  test('loops over the list, which is an array', async () => {
    const { client, account } = connect()
    const { uid } = await newInput()
    const seen: string[] = []
    // As programs that work on the live service do, whatever the types say (spec §12).
    const listed = (await client.stream.liveInputs.list(account)) as unknown as Input[]
    // oxlint-disable-next-line typescript/await-thenable -- it loops over arrays, too
    for await (const input of listed) seen.push(input.uid)
    expect(seen[0]).toBe(uid)
  })

  test('adds, lists, switches and deletes outputs', async () => {
    const { client, account } = connect()
    const { uid } = await newInput()
    const { outputs } = client.stream.liveInputs
    const given = { url: 'rtmp://a.rtmp.example.com/live2', streamKey: 'uzya-f19y-g2g9-a2ee-51j2' }
    const made = await outputs.create(uid, { ...account, ...given })
    expect(made).toEqual({
      ...given,
      uid: expect.stringMatching(UID) as string,
      enabled: true,
      status: null,
    })
    const id = made.uid ?? ''
    expect(await Array.fromAsync(outputs.list(uid, account))).toEqual([made])
    expect(await switchOutput(client, uid, id)).toEqual({ ...made, enabled: false })
    await removeOutput(client, uid, id)
    expect(await Array.fromAsync(outputs.list(uid, account))).toEqual([])
  })

  test('uses what has no method by its path', async () => {
    const { client, account } = connect()
    const input = await newInput()
    const path = `/accounts/${account.account_id}/stream/live_inputs/${input.uid}`
    const post = async (rest: string) => (await client.post<{ result: Input }>(path + rest)).result
    expect(await post('/disable')).toMatchObject({ uid: input.uid, enabled: false })
    expect(await post('/enable')).toMatchObject({ uid: input.uid, enabled: true })
    const rotated = await post('/rotate_keys')
    expect(rotated.keysRotatedAt).toEqual(TIME)
    expect(rotated.rtmps.streamKey).not.toBe(input.rtmps.streamKey)
    expect(await client.get(`${path}/videos`)).toMatchObject({ result: [] })
  })

  /** From version 7 on the output comes first and the input is a parameter. */
  function switchOutput(client: Client, input: string, output: string): unknown {
    const account = { account_id: server.accountId, enabled: false }
    const { outputs } = client.stream.liveInputs
    if (version === '7') return outputs.update(output, { ...account, live_input_identifier: input })
    return (outputs.update as unknown as OldMethod).call(outputs, input, output, account)
  }

  function removeOutput(client: Client, input: string, output: string): unknown {
    const account = { account_id: server.accountId }
    const { outputs } = client.stream.liveInputs
    if (version === '7') return outputs.delete(output, { ...account, live_input_identifier: input })
    return (outputs.delete as unknown as OldMethod).call(outputs, input, output, account)
  }
})

type OldMethod = (input: string, output: string, params: object) => unknown

test('version 7 of the SDK repeats a creation with its key, and one input is made', async () => {
  const client = SDKS.at(-1)?.[1]({ baseURL: server.apiUrl, apiToken: server.token })
  const params = { account_id: server.accountId, 'Idempotency-Key': 'studio-two-1', meta: { name: 'once' } }
  const first = await client?.stream.liveInputs.create(params)
  expect(await client?.stream.liveInputs.create(params)).toEqual(first)
  const { result } = await call('GET', '')
  const named = (result as unknown as { meta: { name?: string } }[]).filter(
    ({ meta }) => meta.name === 'once',
  )
  expect(named).toHaveLength(1)
})

describe('the list', () => {
  test('has counts where they are asked for', async () => {
    await newInput()
    expect((await call('GET', '')).total).toBeUndefined()
    const counted = await call('GET', '?include_counts=true')
    const { length } = counted.result as unknown as unknown[]
    expect(counted).toMatchObject({ total: length, range: length })
    expect((await call('GET', '?include_counts=maybe')).errors).toMatchObject([{ code: 10005 }])
  })

  test('is an object where that is set, as the SDK types it', async () => {
    const other = await startApi({ settings: { liveInputList: 'object' } })
    try {
      for (const [, create] of SDKS) {
        const client = create({ baseURL: other.apiUrl, apiToken: other.token })
        const account = { account_id: other.accountId }
        const { uid } = await client.stream.liveInputs.create(account)
        const { liveInputs = [], total, range } = await client.stream.liveInputs.list(account)
        expect(liveInputs[0]).toMatchObject({ uid, enabled: true })
        expect([total, range]).toEqual([liveInputs.length, liveInputs.length])
      }
    } finally {
      await other.close()
    }
  })

  test('shows no key, and is the newest first', async () => {
    const [older, newer] = [await newInput(), await newInput()]
    const listed = (await call('GET', '')).result as unknown as Input[]
    expect(listed.slice(0, 2).map(({ uid }) => uid)).toEqual([newer.uid, older.uid])
    expect(JSON.stringify(listed)).not.toContain(newer.rtmps.streamKey.slice(0, 32))
  })
})

describe('the object of a live input', () => {
  test('has every field, and the addresses of the host that was asked', async () => {
    const input = await newInput({ defaultCreator: 'anna', deleteRecordingAfterDays: 45 })
    const { uid } = input
    const publish = expect.stringMatching(`^[0-9a-f]{32}k${uid}$`) as string
    const rtmps = { url: 'rtmps://127.0.0.1:1936/live/', streamKey: publish }
    const rtmp = { url: 'rtmp://127.0.0.1:1935/live/', streamKey: publish }
    const srt = { url: 'srt://127.0.0.1:8778', passphrase: publish }
    expect(input).toEqual({
      uid: expect.stringMatching(UID) as string,
      rtmps,
      rtmpsPlayback: rtmps,
      rtmp,
      rtmpPlayback: rtmp,
      srt: { ...srt, streamId: uid },
      srtPlayback: { ...srt, streamId: `play${uid}` },
      webRTC: { url: `${server.url}/${input.rtmps.streamKey}/webRTC/publish` },
      webRTCPlayback: { url: `${server.url}/${uid}/webRTC/play` },
      playback: {
        hls: `${server.url}/${uid}/manifest/video.m3u8`,
        dash: `${server.url}/${uid}/manifest/video.mpd`,
      },
      created: TIME,
      modified: TIME,
      meta: {},
      enabled: true,
      status: null,
      defaultCreator: 'anna',
      recording: {
        mode: 'off',
        requireSignedURLs: false,
        allowedOrigins: null,
        hideLiveViewerCount: false,
      },
      deleteRecordingAfterDays: 45,
      preferLowLatency: false,
    })
  })

  test('has one key to publish and another to play', async () => {
    const input = (await newInput()) as unknown as Record<string, Record<string, string>>
    const [publish, play] = [input.rtmps?.streamKey, input.rtmpsPlayback?.streamKey]
    expect(publish).not.toBe(play)
    expect([input.rtmp?.streamKey, input.srt?.passphrase]).toEqual([publish, publish])
    expect([input.rtmpPlayback?.streamKey, input.srtPlayback?.passphrase]).toEqual([play, play])
  })

  test('follows the public address, and shows protocols that are on only', async () => {
    const other = await startApi({
      settings: { publicUrl: 'https://video.example.com/base' },
      livePorts: { rtmps: null, srt: null },
    })
    try {
      const response = await fetch(`${other.apiUrl}/accounts/${other.accountId}/stream/live_inputs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${other.token}` },
      })
      const { result } = (await response.json()) as { result: Record<string, { url?: string }> }
      expect(result.rtmps?.url).toBe('rtmp://video.example.com:1935/live/')
      expect(result.srt).toBeUndefined()
      expect(result.webRTCPlayback?.url).toMatch(
        /^https:\/\/video\.example\.com\/base\/[0-9a-f]{32}\/webRTC\/play$/,
      )
    } finally {
      await other.close()
    }
  })

  test('takes keys in any case, as guides write them', async () => {
    const recording = { mode: 'automatic' }
    const made = await newInput({ DefaultCreator: 'anna', Recording: { Mode: 'automatic' } })
    expect(made).toMatchObject({ defaultCreator: 'anna', recording })
  })

  test('can be cleared, and keeps what an update does not name', async () => {
    const { uid } = await newInput({
      meta: { name: 'one' },
      defaultCreator: 'anna',
      deleteRecordingAfterDays: 45,
      preferLowLatency: true,
      recording: { mode: 'automatic', timeoutSeconds: 30, allowedOrigins: ['example.com'] },
    })
    const off = await call('PUT', `/${uid}`, { enabled: false })
    expect(off.result).toMatchObject({
      enabled: false,
      meta: { name: 'one' },
      defaultCreator: 'anna',
      deleteRecordingAfterDays: 45,
      preferLowLatency: true,
      recording: { mode: 'automatic', timeoutSeconds: 30, allowedOrigins: ['example.com'] },
    })
    const cleared = await call('PUT', `/${uid}`, {
      defaultCreator: null,
      deleteRecordingAfterDays: null,
      recording: { allowedOrigins: [], timeoutSeconds: null },
    })
    expect(cleared.result).toMatchObject({
      enabled: false,
      defaultCreator: null,
      deleteRecordingAfterDays: null,
    })
    expect(cleared.result.recording).toEqual({
      mode: 'automatic',
      requireSignedURLs: false,
      allowedOrigins: [],
      hideLiveViewerCount: false,
    })
  })

  test('inside `recording` the days until deletion mean nothing', async () => {
    expect(await newInput({ recording: { deleteRecordingAfterDays: 5 } })).toMatchObject({
      deleteRecordingAfterDays: null,
    })
  })

  test('tells its status, and how it was before', async () => {
    const { uid } = await newInput()
    await enter(uid, 'connected')
    await enter(uid, 'client_disconnect')
    const state = { ingestProtocol: 'rtmp', statusEnteredAt: TIME }
    expect((await call('GET', `/${uid}`)).result.status).toEqual({
      current: { ...state, state: 'disconnected', reason: 'client_disconnect', statusLastSeen: null },
      history: [{ ...state, state: 'connected', reason: 'connected', statusLastSeen: TIME }],
    })
  })

  test('its recordings are its videos, newest first', async () => {
    const { uid } = await newInput()
    await server.addVideo()
    const older = await server.addVideo({ liveInput: uid })
    const newer = await server.addVideo({ liveInput: uid, state: 'live-inprogress', durationSeconds: null })
    expect((await call('GET', `/${uid}/videos`)).result).toMatchObject([
      { uid: newer.uid, liveInput: uid, status: { state: 'live-inprogress' }, duration: -1 },
      { uid: older.uid, liveInput: uid },
    ])
    await call('DELETE', `/${uid}`)
    const kept = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${older.uid}`, {
      headers: { authorization: `Bearer ${server.token}` },
    })
    expect(kept.status).toBe(200)
  })

  test.each([
    [{ deleteRecordingAfterDays: 29 }, 10060, 'deleteRecordingAfterDays'],
    [{ deleteRecordingAfterDays: 1_097 }, 10060, 'deleteRecordingAfterDays'],
    [{ deleteRecordingAfterDays: 30.5 }, 10060, 'deleteRecordingAfterDays'],
    [{ deleteRecordingAfterDays: '30' }, 10004, 'deleteRecordingAfterDays'],
    [{ recording: { mode: 'manual' } }, 10005, 'recording/mode'],
    [{ recording: { mode: 1 } }, 10004, 'recording/mode'],
    [{ recording: { timeoutSeconds: 86_401 } }, 10005, 'recording/timeoutSeconds'],
    [{ recording: { timeoutSeconds: -1 } }, 10005, 'recording/timeoutSeconds'],
    [{ recording: { timeoutSeconds: 0.5 } }, 10005, 'recording/timeoutSeconds'],
    [{ recording: { allowedOrigins: ['a b'] } }, 10005, 'recording/allowedOrigins'],
    [{ recording: { allowedOrigins: 'example.com' } }, 10004, 'recording/allowedOrigins'],
    [{ recording: 'automatic' }, 10004, 'recording'],
    [{ meta: 'name' }, 10004, 'meta'],
    [{ meta: { name: 'x'.repeat(33_000) } }, 10005, 'meta'],
    [{ defaultCreator: 'x'.repeat(65) }, 10005, 'defaultCreator'],
    [{ enabled: 'yes' }, 10004, 'enabled'],
    [{ preferLowLatency: 1 }, 10004, 'preferLowLatency'],
  ])('refuses %j, at its creation and in an update', async (fields, code, field) => {
    const { uid } = await newInput()
    for (const answer of [await call('POST', '', fields), await call('PUT', `/${uid}`, fields)]) {
      expect(answer.status).toBe(400)
      expect(answer.errors).toMatchObject([{ code, source: { pointer: `/${field}` } }])
    }
  })

  test.each([
    ['GET', ''],
    ['PUT', ''],
    ['DELETE', ''],
    ['POST', '/enable'],
    ['POST', '/disable'],
    ['POST', '/rotate_keys'],
    ['GET', '/videos'],
    ['GET', '/outputs'],
  ])('that nobody knows is 404/10003: %s %s', async (method, rest) => {
    for (const uid of [UNKNOWN, UNKNOWN.toUpperCase(), 'x']) {
      const answer = await call(method, `/${uid}${rest}`, method === 'PUT' ? {} : undefined)
      expect(answer).toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    }
  })

  test('never comes into the log with its keys', async () => {
    const { uid, rtmps } = await newInput()
    await call('POST', `/${uid}/outputs`, { url: 'rtmp://a:b@example.com/x', streamKey: 'hidden-word' })
    await call('POST', `/${uid}/outputs`, { url: 'http://a:hidden-too@example.com/x', streamKey: 'k' })
    await call('POST', `/${uid}/rotate_keys`)
    const log = server.logLines.join('\n')
    expect(log).toContain('live_inputs')
    for (const secret of [rtmps.streamKey.slice(0, 32), 'hidden-word', 'hidden-too']) {
      expect(log).not.toContain(secret)
    }
  })
})
