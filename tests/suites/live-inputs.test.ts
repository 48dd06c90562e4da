import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createLiveInput,
  createOutput,
  deleteLiveInput,
  deleteOutput,
  editLiveInput,
  findByKey,
  findByStreamId,
  findStatus,
  getLiveInput,
  type LiveInput,
  type LiveInputChange,
  LiveInputChanges,
  type LiveInputDeps,
  type LiveInputFields,
  type LiveReason,
  listLiveInputs,
  listOutputs,
  recordStatus,
  rotateKeys,
  setEnabled,
  setOutputEnabled,
  streamIdOf,
  streamKeyOf,
  touchStatuses,
} from '../../src/core/live-inputs/index.ts'
import { createFetcher } from '../../src/adapters/fetch/guarded-fetch.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { openTestDatabase, type TestDatabase } from './open-test-database.ts'
import { TestClock } from './test-clock.ts'

const ACCOUNT = 'a'.repeat(32)
const OTHER = 'b'.repeat(32)

let database: TestDatabase
let clock: TestClock
let deps: LiveInputDeps
let told: LiveInputChange[]

beforeEach(async () => {
  database = await openTestDatabase()
  clock = new TestClock()
  const changes = new LiveInputChanges()
  told = []
  changes.listen((change) => told.push(change))
  deps = {
    db: database.db,
    clock,
    liveInputChanges: changes,
    jobs: createJobTable({ db: database.db, clock }),
  }
})

afterEach(() => database.remove())

const create = (fields: LiveInputFields = {}): Promise<LiveInput> => createLiveInput(deps, ACCOUNT, fields)

async function enter(subject: string, reason: LiveReason): Promise<void> {
  const connected = reason === 'connected' || reason === 'reconnected'
  await database.db.transaction().execute((trx) =>
    recordStatus(trx, deps, subject, {
      state: connected ? 'connected' : 'disconnected',
      reason,
      protocol: 'rtmp',
    }),
  )
}

describe('a live input', () => {
  test('has the defaults of the API, and comes back from the database as it was made', async () => {
    const input = await create()
    expect(input).toMatchObject({
      accountId: ACCOUNT,
      enabled: true,
      meta: {},
      defaultCreator: null,
      deleteRecordingAfterDays: null,
      preferLowLatency: false,
      recording: {
        mode: 'off',
        timeoutSeconds: null,
        requireSignedUrls: false,
        allowedOrigins: null,
        hideLiveViewerCount: false,
      },
      keysRotatedUs: null,
    })
    expect(await getLiveInput(deps.db, input.uid)).toEqual(input)
  })

  test('keeps what it was given, and an edit leaves what it does not name, also inside `recording`', async () => {
    const given = {
      enabled: false,
      meta: { name: 'studio two', room: { floor: 3 } },
      defaultCreator: 'anna',
      deleteRecordingAfterDays: 45,
      preferLowLatency: true,
      recording: {
        mode: 'automatic',
        timeoutSeconds: 10,
        requireSignedUrls: true,
        allowedOrigins: ['HTTPS://Example.com'],
        hideLiveViewerCount: true,
      },
    }
    const input = await create(given)
    const stored = { ...given, recording: { ...given.recording, allowedOrigins: ['example.com'] } }
    expect(await getLiveInput(deps.db, input.uid)).toMatchObject(stored)
    const edited = await editLiveInput(deps, ACCOUNT, input.uid, { recording: { timeoutSeconds: 0 } })
    expect(edited).toMatchObject({ ...stored, recording: { ...stored.recording, timeoutSeconds: 0 } })
    const cleared = await editLiveInput(deps, ACCOUNT, input.uid, {
      defaultCreator: null,
      deleteRecordingAfterDays: null,
      recording: { allowedOrigins: null },
    })
    expect(cleared).toMatchObject({ defaultCreator: null, deleteRecordingAfterDays: null })
    expect(cleared.recording.allowedOrigins).toBeNull()
    expect(cleared.modifiedUs).toBeGreaterThan(edited.modifiedUs)
  })

  test.each([
    [{ deleteRecordingAfterDays: 29 }, 'scheduled_deletion_out_of_range'],
    [{ deleteRecordingAfterDays: 1_097 }, 'scheduled_deletion_out_of_range'],
    [{ deleteRecordingAfterDays: 30.5 }, 'scheduled_deletion_out_of_range'],
    [{ defaultCreator: 'x'.repeat(65) }, 'bad_request'],
    [{ recording: { mode: 'manual' } }, 'bad_request'],
    [{ recording: { timeoutSeconds: -1 } }, 'bad_request'],
    [{ recording: { timeoutSeconds: 86_401 } }, 'bad_request'],
    [{ recording: { timeoutSeconds: 1.5 } }, 'bad_request'],
    [{ recording: { allowedOrigins: ['https://example.com/path'] } }, 'bad_request'],
  ])('is not made with %j', async (fields, code) => {
    await expect(create(fields)).rejects.toMatchObject({ code })
    expect(await listLiveInputs(deps.db, ACCOUNT)).toEqual([])
  })

  test('is seen by its own account only', async () => {
    const input = await create()
    expect(await listLiveInputs(deps.db, OTHER)).toEqual([])
    const missing = { code: 'not_found' }
    await expect(editLiveInput(deps, OTHER, input.uid, {})).rejects.toMatchObject(missing)
    await expect(rotateKeys(deps, OTHER, input.uid)).rejects.toMatchObject(missing)
    await expect(deleteLiveInput(deps, OTHER, input.uid)).rejects.toMatchObject(missing)
    expect(await getLiveInput(deps.db, input.uid)).toEqual(input)
  })

  test('is listed newest first', async () => {
    const older = await create()
    clock.advance(1)
    const newer = await create()
    expect((await listLiveInputs(deps.db, ACCOUNT)).map(({ uid }) => uid)).toEqual([newer.uid, older.uid])
  })

  test('tells of every change after its commit', async () => {
    const { uid } = await create()
    await editLiveInput(deps, ACCOUNT, uid, { preferLowLatency: true })
    await setEnabled(deps, ACCOUNT, uid, false)
    await setEnabled(deps, ACCOUNT, uid, true)
    await rotateKeys(deps, ACCOUNT, uid)
    await deleteLiveInput(deps, ACCOUNT, uid)
    expect(told.map(({ kind }) => kind)).toEqual([
      'created',
      'edited',
      'edited',
      'disabled',
      'edited',
      'enabled',
      'keysRotated',
      'deleted',
    ])
    expect(new Set(told.map(({ inputUid }) => inputUid))).toEqual(new Set([uid]))
  })
})

describe('the keys of a live input', () => {
  test('find it for what they are for, and for nothing else', async () => {
    const input = await create()
    const publish = streamKeyOf(input, 'publish')
    const play = streamKeyOf(input, 'play')
    expect(publish).toMatch(/^[0-9a-f]{32}k[0-9a-f]{32}$/)
    expect(await findByKey(deps.db, publish, 'publish')).toEqual(input)
    expect(await findByKey(deps.db, play, 'play')).toEqual(input)
    expect(await findByKey(deps.db, play, 'publish')).toBeUndefined()
    expect(await findByKey(deps.db, publish, 'play')).toBeUndefined()
  })

  test.each([
    ['', 'nothing'],
    ['x', 'a word'],
    [`${'0'.repeat(32)}k${'0'.repeat(32)}`, 'a key of nobody'],
  ])('are not %j: %s', async (key) => {
    await create()
    expect(await findByKey(deps.db, key, 'publish')).toBeUndefined()
  })

  test('stop at a rotation, and the new ones begin', async () => {
    const before = await create()
    clock.advance(1)
    const after = await rotateKeys(deps, ACCOUNT, before.uid)
    expect(after).toEqual({
      ...before,
      publishSecret: after.publishSecret,
      playSecret: after.playSecret,
      modifiedUs: clock.nowUs(),
      keysRotatedUs: clock.nowUs(),
    })
    expect(await findByKey(deps.db, streamKeyOf(before, 'publish'), 'publish')).toBeUndefined()
    expect(await findByKey(deps.db, streamKeyOf(after, 'publish'), 'publish')).toEqual(after)
  })

  test('are the passphrases of SRT, whose stream ids say what for', async () => {
    const input = await create()
    for (const purpose of ['publish', 'play'] as const) {
      const streamId = streamIdOf(input, purpose)
      const passphrase = streamKeyOf(input, purpose)
      expect(await findByStreamId(deps.db, streamId)).toEqual({ input, purpose, passphrase })
    }
    expect(await findByStreamId(deps.db, `publish${input.uid}`)).toBeUndefined()
    expect(await findByStreamId(deps.db, '0'.repeat(32))).toBeUndefined()
  })
})

describe('an output', () => {
  const fetcher = createFetcher({ allowPrivate: false, resolve: async () => ['93.184.216.34'] })
  const add = (input: LiveInput, given: { url?: string; streamKey?: string } = {}, accountId = ACCOUNT) =>
    createOutput(
      { ...deps, fetcher },
      { accountId, inputUid: input.uid },
      { url: 'rtmp://live.example.com/app', streamKey: 'secret', enabled: true, ...given },
    )

  test.each([
    'rtmp://live.example.com/app',
    'rtmps://live.example.com:443/app/inner?a=b',
    'SRT://93.184.216.34:778?latency=120',
    'rtmp://user:word@[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/app',
  ])('may go to %s', async (url) => {
    const input = await create()
    const output = await add(input, { url })
    expect(output).toMatchObject({ inputUid: input.uid, url, streamKey: 'secret', enabled: true })
    expect(await listOutputs(deps.db, input.uid)).toEqual([output])
  })

  test.each([
    [{ url: 'http://live.example.com/app' }, 'url must be a whole rtmp'],
    [{ url: 'live.example.com/app' }, 'url must be a whole rtmp'],
    [{ url: 'rtmp://' }, 'url must be a whole rtmp'],
    [{ url: 'rtmp:///app' }, 'url must be a whole rtmp'],
    [{ url: 'rtmp://live.example.com/a b' }, 'url must be a whole rtmp'],
    [{ url: 'rtmp://live.example.com/app#1' }, 'url must be a whole rtmp'],
    [{ url: `rtmp://live.example.com/${'a'.repeat(2_048)}` }, 'url may have at most 2048'],
    [{ url: 'srt://live.example.com' }, 'url must name the port'],
    [{ url: 'rtmp://127.0.0.1/app' }, 'url cannot be called: 127.0.0.1 is a loopback'],
    [{ url: 'srt://10.0.0.7:778' }, 'url cannot be called: 10.0.0.7 is a private'],
    [{ url: 'rtmp://localhost/app' }, 'url cannot be called: localhost is a name of this machine'],
    [{ url: 'rtmp://[::1]/app' }, 'url cannot be called: ::1 is a loopback'],
    [{ url: 'rtmp://2130706433/app' }, 'url cannot be called: 127.0.0.1 is a loopback'],
    [{ streamKey: '' }, 'streamKey must not be empty'],
    [{ streamKey: 'a key' }, 'streamKey may not hold spaces'],
    [{ streamKey: 'k\r\nk' }, 'streamKey may not hold spaces'],
    [{ streamKey: 'k'.repeat(2_049) }, 'streamKey may have at most 2048'],
  ])('is not made with %j', async (given, sentence) => {
    const input = await create()
    await expect(add(input, given)).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringContaining(sentence),
    })
    expect(await listOutputs(deps.db, input.uid)).toEqual([])
  })

  test('by SRT may do without a stream id', async () => {
    await expect(
      add(await create(), { url: 'srt://live.example.com:778', streamKey: '' }),
    ).resolves.toBeDefined()
  })

  test('is the fiftieth at most', async () => {
    const input = await create()
    for (let count = 0; count < 50; count += 1) await add(input)
    await expect(add(input)).rejects.toMatchObject({ code: 'bad_request' })
    expect(await listOutputs(deps.db, input.uid)).toHaveLength(50)
  })

  test('is of one input of one account', async () => {
    const input = await create()
    const { uid } = await add(input)
    const missing = { code: 'not_found' }
    await expect(add(input, {}, OTHER)).rejects.toMatchObject(missing)
    const inputs = [
      { accountId: OTHER, inputUid: input.uid, uid },
      { accountId: ACCOUNT, inputUid: (await create()).uid, uid },
    ]
    for (const path of inputs) {
      await expect(setOutputEnabled(deps, path, false)).rejects.toMatchObject(missing)
      await expect(deleteOutput(deps, path)).rejects.toMatchObject(missing)
    }
  })

  test('is switched and removed with its statuses, and that is told', async () => {
    const input = await create()
    const { uid } = await add(input)
    const path = { accountId: ACCOUNT, inputUid: input.uid, uid }
    await enter(uid, 'connected')
    expect(await setOutputEnabled(deps, path, false)).toMatchObject({ uid, enabled: false })
    expect(await findStatus(deps.db, uid)).not.toBeNull()
    await deleteOutput(deps, path)
    expect(await listOutputs(deps.db, input.uid)).toEqual([])
    expect(await deps.db.selectFrom('live_statuses').selectAll().execute()).toEqual([])
    expect(told.filter(({ kind }) => kind === 'outputsChanged')).toHaveLength(3)
  })

  test('goes with its input', async () => {
    const input = await create()
    await enter((await add(input)).uid, 'connected')
    await deleteLiveInput(deps, ACCOUNT, input.uid)
    expect(await deps.db.selectFrom('live_outputs').selectAll().execute()).toEqual([])
    expect(await deps.db.selectFrom('live_statuses').selectAll().execute()).toEqual([])
  })
})

describe('the status of a live input', () => {
  test('is none before the first connection', async () => {
    expect(await findStatus(deps.db, (await create()).uid)).toBeNull()
  })

  test('has a history of twenty, newest first', async () => {
    const { uid } = await create()
    for (let turn = 0; turn < 12; turn++) {
      clock.advance(1_000)
      await enter(uid, 'connected')
      await touchStatuses(deps.db, clock, [uid])
      clock.advance(1_000)
      await enter(uid, 'client_disconnect')
    }
    const status = await findStatus(deps.db, uid)
    expect(status?.current).toMatchObject({ reason: 'client_disconnect', enteredUs: clock.nowUs() })
    expect(status?.history).toHaveLength(20)
    expect(status?.history[0]).toMatchObject({ reason: 'connected', enteredUs: clock.nowUs() - 1_000_000 })
  })

  test('is last seen when that is noted, while it is connected', async () => {
    const { uid } = await create()
    await enter(uid, 'connected')
    clock.advance(10_000)
    await touchStatuses(deps.db, clock, [uid])
    expect((await findStatus(deps.db, uid))?.current.lastSeenUs).toBe(clock.nowUs())
    await enter(uid, 'reconnecting')
    await touchStatuses(deps.db, clock, [uid])
    expect((await findStatus(deps.db, uid))?.current.lastSeenUs).toBeNull()
  })

  test('goes with it, and what comes too late for it is nothing', async () => {
    const { uid } = await create()
    await enter(uid, 'connected')
    await deleteLiveInput(deps, ACCOUNT, uid)
    await enter(uid, 'client_disconnect')
    expect(await deps.db.selectFrom('live_statuses').selectAll().execute()).toEqual([])
    expect(await deps.db.selectFrom('live_inputs').selectAll().execute()).toEqual([])
  })
})
