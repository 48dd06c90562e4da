/** Downloads with `maxDurationSeconds`, which is looked at as soon as the file tells how long it is: uploads.md §5, §8. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { type CopyServer, startCopyServer } from './copy-fixture.ts'
import { declaredMovie, minutesInUse } from './form-fixture.ts'
import { metadata, MIB, sha256 } from './tus-fixture.ts'

const ETAG = '"one"'

let server: CopyServer
let origin: Origin

beforeAll(async () => {
  server = await startCopyServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  origin = await startOrigin({ bytes: Buffer.alloc(0) })
})
afterEach(async () => {
  await origin.stop()
  await expect.poll(() => server.drafts()).toBe(0)
  expect(await server.deps.db.selectFrom('copies').select('video_uid').execute()).toEqual([])
})

const gets = () => origin.requests.filter(({ method }) => method === 'GET')

describe('a film that declares itself longer than allowed', () => {
  const copyLimited = async (creator = '') => {
    const headers = {
      'upload-metadata': metadata({ maxDurationSeconds: '60' }),
      'upload-creator': creator,
    }
    return server.settled((await server.accepted({ url: origin.url }, headers)).uid)
  }
  const TOO_LONG = {
    state: 'error',
    error: {
      reasonCode: 'ERR_DURATION_EXCEED_CONSTRAINT',
      detail: { stage: 'download', detail: 'The video lasts 75.0 s; this upload allows 60 s.' },
    },
  }

  test('is given up as soon as that has come, and its reservation is free', async () => {
    const film = declaredMovie(75, { bytesAfter: 40 * MIB })
    origin.file = { bytes: film, etag: ETAG }
    origin.behaviour = { rate: 2 * MIB }
    expect(await copyLimited('too-long')).toMatchObject({ ...TOO_LONG, creator: 'too-long' })
    await origin.until(() => gets().every(({ ended }) => ended))
    expect(gets()[0]?.sentBytes).toBeLessThan(film.length)
    expect(gets()).toHaveLength(1)
    expect(server.pausesMs).toEqual([])
    expect(await minutesInUse(server, 'too-long')).toBe(0)
  })

  test('at its end is never handed on', async () => {
    origin.file = { bytes: declaredMovie(75, { bytesBefore: 2 * MIB }), etag: ETAG }
    const video = await copyLimited()
    expect(video).toMatchObject(TOO_LONG)
    expect(await Array.fromAsync(server.deps.blobs.list(`sources/${video.uid}`))).toEqual([])
  })

  test.each([
    ['within its limit', declaredMovie(60, { bytesAfter: MIB })],
    ['without saying so', declaredMovie(75, { track: { duration: 0 }, bytesAfter: MIB })],
  ])('but not one %s', async (_, bytes) => {
    origin.file = { bytes, etag: ETAG }
    const video = await copyLimited()
    expect(video).toMatchObject({ state: 'queued', error: null })
    expect(await server.sourceHash(video.uid)).toBe(sha256(bytes))
  })
})
