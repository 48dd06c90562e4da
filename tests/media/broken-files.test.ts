/** Every kind of broken file is told by a code of its own, with the stage, the place, the decoder's words and what to do. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { giveUpEncode } from '../../src/core/encoding/index.ts'
import type { Video } from '../../src/core/videos/index.ts'
import { type PresentedFailure, presentFailure } from '../../src/http/present-failure.ts'
import { MEDIA_FAULTS, type MediaFault } from '../../src/lib/media-faults.ts'
import { type Broken, DECODED, FOREIGN, INDEXES, mostlyDamaged } from './broken-files.ts'
import { type Engine, startEngine } from './engine.ts'
import { type GoodFiles, makeGoodFiles } from './good-files.ts'

let engine: Engine
let good: GoodFiles
const told = new Set<MediaFault>()

beforeAll(async () => {
  ;[engine, good] = await Promise.all([startEngine(), makeGoodFiles()])
})
afterAll(() => engine.close())

/** What the spec says of each code of the vendor (api.md §3.1). */
const SENTENCES = {
  ERR_NON_VIDEO: 'The file was not recognized as a valid video file.',
  ERR_MALFORMED_VIDEO: 'The video was deemed to be corrupted or malformed.',
  ERR_DURATION_TOO_SHORT: 'The video is shorter than 0.1 seconds.',
  ERR_DURATION_EXCEED_CONSTRAINT: 'The video is longer than the limit set for this upload.',
}
const MEMBERS = { byte: ['byte'], seconds: ['seconds'], both: ['byte', 'seconds'], nowhere: [] }

async function fail(bytes: Uint8Array, changes: Partial<Video> = {}): Promise<Video> {
  const uid = await engine.addSource(bytes, changes)
  await engine.ingest(uid)
  return await engine.video(uid)
}

function check(video: Video, code: MediaFault, place: Broken[2], sizeBytes: number): PresentedFailure {
  expect(video.state).toBe('error')
  if (video.error === null) throw new Error('a video in error without a reason')
  const { reason, stage, advice } = MEDIA_FAULTS[code]
  const failure = presentFailure(video.error)
  expect(failure).toMatchObject({ code, advice })
  expect(video.error.reasonCode).toBe(reason)
  expect(video.error.reasonText).toBe(`${SENTENCES[reason]} ${failure.found}`)
  expect(failure.found).toMatch(/^[A-Z][^\p{Cc}]+\.$/u)
  expect(Object.keys(failure.position ?? {})).toEqual(MEMBERS[place])
  expect(failure.position?.byte ?? 0).toBeLessThanOrEqual(sizeBytes)
  expect(failure.decoder?.length ?? 0).toBeLessThanOrEqual(6)
  // Nothing of this machine.
  for (const line of failure.decoder ?? []) {
    expect(line).toMatch(/^[^\p{Cc}]{1,240}$/u)
    expect(line).not.toMatch(/0x[0-9a-f]{9}|engine-|sources\/|\/tmp/)
  }
  told.add(code)
  return { ...failure, stage: failure.stage || stage }
}

describe('no video at all', () => {
  test.each(FOREIGN)('%s: %s', async (_, code, place, make) => {
    const bytes = make(good)
    expect(check(await fail(bytes), code, place, bytes.byteLength).stage).toBe('sniff')
  })
})

describe('an index that cannot be used', () => {
  test.each(INDEXES)('%s: %s', async (_, code, place, make) => {
    const bytes = make(good)
    const failure = check(await fail(bytes), code, place, bytes.byteLength)
    expect(failure.stage).toBe(MEDIA_FAULTS[code].stage)
    expect(failure.decoder).toBeUndefined()
  })

  test.each([
    ['longer than allowed', 'too_long', { maxDurationSeconds: 1 }],
    ['as long as allowed', null, { maxDurationSeconds: 3 }],
  ] as const)('%s: %s', async (_, code, changes) => {
    const video = await fail(good['first.mp4'], changes)
    if (code === null) return expect(video.state).toBe('ready')
    expect(check(video, code, 'seconds', 0).position).toEqual({ seconds: 1 })
  })
})

describe('what the decoder is asked about', () => {
  test.each(DECODED)('%s: %s', async (_, code, place, make) => {
    const bytes = make(good)
    const failure = check(await fail(bytes), code, place, bytes.byteLength)
    expect(failure.stage).toBe(MEDIA_FAULTS[code].stage)
    // Where the file is merely too short, nobody complained.
    if (code !== 'cut_off') expect(failure.decoder).not.toEqual([])
  })

  test('pictures of which most cannot be decoded: pictures_mostly_damaged', async () => {
    const uid = await engine.addSource(mostlyDamaged(good))
    await engine.ingest(uid)
    const job = await engine.claim('encode')
    if (job === undefined) throw new Error('nothing to encode')
    const error = await engine.run(job).catch((thrown: unknown) => thrown)
    await giveUpEncode(engine, job, error)
    const failure = check(await engine.video(uid), 'pictures_mostly_damaged', 'seconds', 0)
    expect(failure).toMatchObject({ stage: 'encode', position: { seconds: 0 } })
    expect(failure.decoder).toContainEqual(expect.stringContaining('[hevc]'))
    await engine.jobs.fail(job, { error: 'given up', retryAtUs: 'never' })
  })
})

test('at least 40 kinds of broken file have a code of their own, and none is unknown', () => {
  expect(told.size).toBeGreaterThanOrEqual(40)
  const made = [...FOREIGN, ...INDEXES, ...DECODED].map(([, code]) => code)
  expect(new Set(made).size).toBeGreaterThanOrEqual(70)
  for (const code of told) expect(MEDIA_FAULTS[code].reason).toMatch(/^ERR_(?!UNKNOWN)/)
})
