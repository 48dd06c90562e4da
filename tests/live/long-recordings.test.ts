/** Broadcasts that go on for a day and longer (live.md §4): what is recorded of them can be taken in. */

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import { digests, filmOf, openStage } from './broadcast-stage.ts'
import { later } from './live-units.ts'

test('one that has as many pictures as a video may have goes on in another video, and none is lost', async () => {
  await using stage = await openStage({ deps: () => ({ mostRecordedSamples: 500 }) })
  const film = await filmOf({ seconds: 6, sound: null })
  const input = await stage.createInput()
  const publisher = await stage.publish(input)
  // Six times 150 pictures, fifty in each group.
  const rounds = Array.from({ length: 6 }, (_, round) => later(film.units, round * 6 * LIVE_TIMESCALE))
  publisher.send({ ...film, units: rounds.flat() })
  publisher.end('clean')
  await stage.pass(1_000, async () => {
    const states = (await stage.videos(input)).map(({ state }) => state)
    return states.length === 2 && states.every((state) => state === 'queued') ? true : undefined
  })
  const shown: string[][] = []
  for (const { uid } of await stage.videos(input)) {
    const reader = await stage.engine.blobs.open(sourceBlob(uid))
    const bytes = new Uint8Array(reader.sizeBytes)
    await reader.read(bytes, 0)
    await reader.close()
    const file = join(stage.folder, `${uid}.mp4`)
    await writeFile(file, bytes)
    shown.push(await digests(file, 'v'))
    await rm(file)
  }
  // It ends with the group in which it had become full.
  expect(shown.map(({ length }) => length)).toEqual([550, 350])
  expect(shown.flat()).toEqual(rounds.flatMap(() => film.pictures))
})
