/** How the lengths of a publisher's groups of pictures are told to players. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessUnit } from '../../src/media/live/units.ts'
import { type LiveServer, startLiveServer } from './live-server.ts'
import { type LiveFilm, makeFilm, readFilm } from './live-units.ts'

const TICKS = 90_000
let folder: string
let server: LiveServer
let film: LiveFilm
let key: AccessUnit
let other: AccessUnit
let sound: AccessUnit

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-live-'))
  await makeFilm(join(folder, 'film.mp4'), { seconds: 3 })
  film = await readFilm(join(folder, 'film.mp4'))
  const pictures = film.units.filter(({ kind }) => kind === 'video')
  const [first, second, heard] = [pictures[0], pictures[1], film.units.find(({ kind }) => kind === 'audio')]
  if (!first || !second || !heard) throw new Error('The film has too little in it.')
  ;[key, other, sound] = [first, second, heard]
  server = await startLiveServer()
})

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** A broadcast of pictures and sounds at moments; `read` answers a media playlist as it is by then. */
async function begin() {
  const input = server.addInput({})
  const { package: pack } = await server.begin(input, {})
  for (const format of [film.video, film.audio]) if (format !== null) pack.format(format)
  const send = (seconds: number, isKey: boolean) => {
    const at = Math.round(seconds * TICKS)
    pack.unit({ ...(isKey ? key : other), dts: at, pts: at })
    for (let tenth = 0; tenth < 5; tenth += 1) pack.unit({ ...sound, dts: at, pts: at + tenth * 9_000 })
  }
  const read = async (query = '') =>
    (await fetch(`${server.url}/${input.uid}/manifest/${pack.id}v.m3u8${query}`)).text()
  return { send, read }
}

test('short ones are joined to a second', async () => {
  const { send, read } = await begin()
  for (let fifth = 0; fifth <= 40; fifth += 1) send(fifth / 5, true)
  const durations = [...(await read()).matchAll(/^#EXTINF:([\d.]+)/gm)].map(([, duration]) => duration)
  expect(durations.length).toBeGreaterThan(4)
  expect(new Set(durations)).toEqual(new Set(['1.000000']))
})

test('a reload that waits is not offered where players would lose patience: groups of eight seconds', async () => {
  const { send, read } = await begin()
  for (let half = 0; half <= 34; half += 1) send(half / 2, half % 16 === 0)
  const playlist = await read()
  expect(playlist).toContain('#EXT-X-TARGETDURATION:8\n')
  expect(playlist).not.toContain('SERVER-CONTROL')
})

test('those that become longer are announced as long as they are, from the first one on', async () => {
  const { send, read } = await begin()
  const keys = new Set([0, 2, 4, 10, 12])
  const announced: number[] = []
  for (let half = 0; half <= 27; half += 1) {
    send(half / 2, keys.has(half / 2))
    if (half < 6) continue
    announced.push(Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(await read('?protocol=llhls'))?.[1]))
  }
  expect(new Set(announced)).toEqual(new Set([2, 6]))
  expect(announced).toEqual(announced.toSorted((a, b) => a - b))
})

test('those that become longer bring back no parts of segments that have none any more', async () => {
  const { send, read } = await begin()
  let oldest = 0
  for (let half = 0; half <= 40; half += 1) {
    send(half / 2, half <= 16 ? half % 4 === 0 : half === 32)
    if (half < 8) continue
    const listed = /#EXT-X-PART:.*v\/(\d+)\.\d+\.m4s/.exec(await read('?protocol=llhls'))?.[1]
    expect(Number(listed)).toBeGreaterThanOrEqual(oldest)
    oldest = Number(listed)
  }
  expect(oldest).toBeGreaterThan(0)
})
