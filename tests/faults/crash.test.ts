import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runLiveTorture } from './live-torture.ts'
import { withFolder } from './own-folder.ts'
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

/** Each takes about six seconds of waiting for the broadcast's end. */
const BROADCASTS = 3

test('broadcasts on a server that is killed become videos with all that viewers were told of but a part', async () => {
  await withFolder(async (folder) => {
    const options = { folder, seed: 20_261_121, say: () => {} }
    await runLiveTorture({ ...options, rounds: 1 })
    // A run that was interrupted goes on where it was.
    const tally = await runLiveTorture({ ...options, rounds: BROADCASTS })
    expect(tally.rounds).toBe(BROADCASTS)
    expect(tally.withPlaylist).toBeGreaterThan(0)
    expect(tally.mostLostSeconds).toBeLessThan(0.8)
  })
}, 600_000)
