import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeTorture, runTorture } from './torture.ts'

/** `npm run torture` is the long form. */
const ROUNDS = 20

test(`after ${ROUNDS} kills at any instant nothing acknowledged is lost, done twice or left lying about`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-crash-'))
  try {
    const tally = await runTorture({ folder, seed: 20_261_120, rounds: ROUNDS, say: () => {} })
    expect(tally.rounds).toBe(ROUNDS)
    // Kills that met nothing at work would prove nothing.
    expect(tally.killsDuringUpload).toBeGreaterThan(2)
    expect(tally.bodiesCut).toBeGreaterThan(2)
    expect(tally.killsDuringEncode).toBeGreaterThan(2)
  } finally {
    await removeTorture(folder)
  }
}, 1_800_000)
