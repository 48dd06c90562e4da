/** A fixed part of `npm run torture -- --kind files`: damaged copies of every container through a real server. */

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { seededRandom } from '../faults/seeded-random.ts'
import { withFolder } from '../faults/own-folder.ts'
import { mutateMedia } from '../fuzz/media-mutate.ts'
import { countFiles, describeEnds, judge } from '../fuzz/media-report.ts'
import { makeMediaSources, MEDIA_SOURCES } from '../fuzz/media-sources.ts'
import { type MediaReport, runMediaTorture } from '../fuzz/media-torture.ts'
import { findUnits } from '../fuzz/media-units.ts'

const SEED = 20_261_121

test('two damaged copies of each of twenty files leave the server as it was, and every refusal says why', async () => {
  await withFolder(async (folder) => {
    const options = { folder, seed: SEED, say: () => {} }
    const half = await runMediaTorture({ ...options, rounds: 1 })
    expect(countFiles(half)).toBe(MEDIA_SOURCES)
    // A run that was interrupted goes on where it was.
    const report = await runMediaTorture({ ...options, rounds: 2 })
    expect(countFiles(report)).toBe(2 * MEDIA_SOURCES)
    expect(judge(report)).toEqual([])
    expect(describeEnds(report)).toContain(`${2 * MEDIA_SOURCES} damaged files`)
  })
})

test('the damage of a seed is always the same, always some, and follows the structure of the file', async () => {
  const sources = await makeMediaSources()
  expect(sources).toHaveLength(MEDIA_SOURCES)
  for (const source of sources) {
    expect(findUnits(source.bytes, source.structure).length, source.name).toBeGreaterThan(8)
    const damage = (): Uint8Array[] =>
      Array.from({ length: 20 }, (_, seed) => mutateMedia(source, seededRandom(seed)))
    const copies = damage()
    expect(copies.map(hashOf), source.name).toEqual(damage().map(hashOf))
    const spared = copies.filter((copy) => Buffer.compare(copy, source.bytes) === 0)
    // Zeros over zeros, or a flag that was set already.
    expect(spared.length, source.name).toBeLessThan(10)
  }
})

test('a crash, a hang, something left over and too many riddles are all told', () => {
  const report: MediaReport = {
    ends: { 'a.mp4': { ready: 190, 'ERR_UNKNOWN internal': 10 } },
    findings: [
      { file: '', round: 3, kind: 'crash', what: 'the server ended (SIGSEGV)' },
      { file: '1-4-a.mp4', round: 4, kind: 'problem', what: 'still queued' },
      { file: '', round: 5, kind: 'leftover', what: 'left over: processes: 17' },
      { file: '1-5-a.mp4', round: 5, kind: 'unexplained', what: 'ERR_UNKNOWN' },
      { file: '1-6-a.mp4', round: 6, kind: 'unexplained', what: 'ERR_UNKNOWN' },
    ],
    slowest: { file: '1-4-a.mp4', ms: 300_000 },
  }
  expect(judge(report)).toEqual([
    expect.stringContaining('the server ended'),
    expect.stringContaining('still queued'),
    expect.stringContaining('left over'),
  ])
  const worse = { ...report, findings: [...report.findings, ...report.findings.slice(-1)] }
  expect(judge(worse).at(-1)).toBe('3 of 200 files ended without an explanation; 1 % may.')
  expect(describeEnds(report)).toMatch(/ 5\.0 % {2}ERR_UNKNOWN internal/)
})

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
