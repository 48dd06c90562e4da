import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runTorture } from './torture.ts'

/** `npm run torture` is the long form. */
const ROUNDS = 20

test(`after ${ROUNDS} kills at any instant nothing acknowledged is lost, done twice or left lying about`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-crash-'))
  try {
    const report = await runTorture({ folder, seed: 20_261_120, rounds: ROUNDS, say: () => {} })
    expect(report.rounds).toBe(ROUNDS)
    // Kills that met nothing at work would prove nothing.
    expect(report.killsDuringUpload).toBeGreaterThan(2)
    expect(report.bodiesCut).toBeGreaterThan(2)
    expect(report.killsDuringEncode).toBeGreaterThan(2)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 600_000)
