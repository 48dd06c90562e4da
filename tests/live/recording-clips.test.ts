/** Instant clips of a broadcast that is over: cut from its recording, which by then is a video like others. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEarly } from '../../src/core/early/index.ts'
import { clipRecording, createPlayback, mediaPlaylistText } from '../../src/core/playback/index.ts'
import { digests, filmOf, openStage } from './broadcast-stage.ts'

const FPS = 25

test('a recording is clipped exact to the picture, and its playlist by whole segments', async () => {
  await using stage = await openStage()
  const film = await filmOf({ seconds: 6 })
  const input = await stage.createInput({})
  const publisher = await stage.publish(input)
  publisher.send(film)
  const uid = stage.broadcasts.broadcast(input.uid)?.videoUid ?? ''
  // Its pictures begin as much later as they are reordered, in the video's own timeline, too.
  const begin = stage.broadcasts.broadcast(input.uid)?.package.startSeconds ?? 0
  publisher.end('clean')
  await stage.pass(1_000, async () => {
    const video = await stage.engine.video(uid).catch(() => undefined)
    return video?.state === 'queued' ? true : undefined
  })
  await stage.engine.ingest(uid)
  const { engine } = stage
  const early = createEarly({
    ...engine,
    receiving: new Set(),
    settings: { decoder: 'none', quality: 'standard', forceLadder: false },
  })
  const playback = createPlayback({ ...engine, early, requestSegment: async () => undefined })
  const from = {
    origin: undefined,
    referer: undefined,
    parentOrigin: undefined,
    publicUrl: 'http://127.0.0.1',
  }
  const viewer = { address: undefined, country: undefined }
  const playable = await playback.playables.find({ id: uid, viewer, from })
  const window = { startSeconds: 1.5, durationSeconds: 2 }
  const body = await clipRecording(playback, playable, window, AbortSignal.timeout(60_000))
  const pieces: Buffer[] = []
  for (const part of body.parts) {
    if (part instanceof Uint8Array) pieces.push(Buffer.from(part))
    else {
      const bytes = Buffer.alloc(part.range.end - part.range.start)
      const reader = await playback.sources.open(part.blob)
      await reader.read(bytes, part.range.start)
      await reader.close()
      pieces.push(bytes)
    }
  }
  const file = join(stage.folder, 'clip.mp4')
  await writeFile(file, pieces)
  const first = Math.floor((window.startSeconds - begin) * FPS + 1e-6)
  const count = Math.ceil((window.startSeconds + window.durationSeconds - begin) * FPS - 1e-6) - first
  expect(await digests(file, 'v')).toEqual(film.pictures.slice(first, first + count))

  const picture = playable.timeline.tracks.find(({ kind }) => kind === 'video')
  const playlist = mediaPlaylistText(playable, picture?.id ?? '', { clip: window })
  expect(playlist.split('\n').filter((line) => line.endsWith('.m4s')).length).toBeLessThan(
    (picture?.starts.length ?? 0) - 1,
  )
  expect(playlist).toContain('#EXT-X-ENDLIST')
})
