/** The attack corpus: every file goes through a real server whose system calls are watched, and must end as the tables say. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMediaFault } from '../../src/lib/media-faults.ts'
import { liveOnServer, type MediaEnd } from '../fuzz/media-life.ts'
import { findLeftovers } from '../fuzz/media-leftovers.ts'
import { type Attack, endOf } from './attack.ts'
import { bombs } from './bombs.ts'
import { boxBombs } from './boxes.ts'
import { firstPicture } from './build.ts'
import { damagedFiles } from './damaged-files.ts'
import { lyingDurations } from './durations.ts'
import { playlists } from './playlists.ts'
import { referring } from './references.ts'
import { openAttackSources } from './sources.ts'
import { CANARY_WORDS, layLure, peakBytes, readTrace, startWatched, type WatchedServer } from './watch.ts'

/** Files under way at once. */
const AT_ONCE = 8
const BUDGET_MS = 150_000
/** Files of 64 GiB, 2^32 samples and 10,000 levels leave the server's memory about where it was. */
const MOST_MEMORY_BYTES = 700 * 2 ** 20

const folder = await mkdtemp(join(tmpdir(), 'headwater-attacks-'))
const lure = await layLure(folder)
const sources = await openAttackSources()
const still = await firstPicture(sources.get('index-last.mp4'))
const FAMILIES: Readonly<Record<string, readonly Attack[]>> = {
  'a list of other files': playlists(lure),
  'a file that points elsewhere': referring(lure, sources),
  'a structure that claims what cannot be': boxBombs(sources, still),
  'a length that is not true': lyingDurations(sources, still),
  'a file that becomes large': bombs(sources, still),
  'a damaged file': damagedFiles(sources),
}

let server: WatchedServer
const ends = new Map<string, MediaEnd>()

beforeAll(async () => {
  server = await startWatched(folder)
  const waiting = Object.values(FAMILIES).flat()
  const send = async (): Promise<void> => {
    for (let attack = waiting.shift(); attack; attack = waiting.shift()) {
      const { name, bytes, metadata } = attack
      const file = { bytes, metadata: { name: 'playlist.mp4', ...metadata } }
      ends.set(name, await liveOnServer(server, file, { budgetMs: BUDGET_MS, watch: true, remove: true }))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, send))
}, 600_000)

afterAll(async () => {
  server.program.signal('SIGTERM')
  await server.program.exited
  await lure.remove()
  await rm(folder, { recursive: true, force: true })
})

describe.each(Object.entries(FAMILIES))('%s', (_, attacks) => {
  test.each(attacks)('$name: $ends', ({ name, ends: expected, says, seconds }) => {
    const end = ends.get(name)
    if (end === undefined) throw new Error('it was not sent')
    expect({ end: endOf(end), problems: end.problems }, end.sentence).toEqual({ end: expected, problems: [] })
    expect(end.sentence).not.toMatch(/canary|undefined|\bat \w+ \(|\/tmp\//)
    if (says !== undefined) expect(end.sentence).toMatch(says)
    if (expected !== 'ready') expect(isMediaFault(end.code), end.code).toBe(true)
    if (seconds !== undefined) expect(Math.abs(end.seconds - seconds)).toBeLessThan(0.2)
  })
})

describe('after all of them', () => {
  test('nobody was called, and nothing was opened but what a decoder needs', async () => {
    const { opened, called, started } = await server.trace()
    expect(lure.calls()).toBe(0)
    expect(called.filter(({ text }) => text.includes('AF_INET'))).toEqual([])
    expect(opened.filter(({ path }) => path.includes('canary'))).toEqual([])
    const decoders = opened.filter(({ program }) => program === 'ffmpeg')
    expect(decoders.length).toBeGreaterThan(100)
    const foreign = decoders.filter(
      ({ path }) => !path.startsWith(server.dataDir) && !DECODER_FILES.test(path),
    )
    expect([...new Set(foreign.map(({ path }) => path))]).toEqual([])
    expect(started.length).toBeGreaterThan(100)
    expect(started.filter(({ text }) => text.includes('canary') || text.includes(lure.url))).toEqual([])
  })

  test('the server is as it was: no crash, no process, no file, no memory', async () => {
    expect(await findLeftovers(server.dataDir, server.program.pid)).toEqual([])
    expect(await peakBytes(server.program.pid)).toBeLessThan(MOST_MEMORY_BYTES)
    expect(server.program.stdout() + server.program.stderr()).not.toContain(CANARY_WORDS)
  })

  test('a good file plays', async () => {
    const file = { bytes: sources.get('h264.mkv'), metadata: { name: 'holiday.mkv' } }
    const end = await liveOnServer(server, file, { budgetMs: BUDGET_MS, watch: true, remove: true })
    expect(end).toMatchObject({ state: 'ready', problems: [] })
  })
})

test('the watcher sees what is tried in vain, and by whom', () => {
  const { opened, called, started } = readTrace(
    String.raw`10 execve("/usr/bin/node", ["node"], 0x0 /* 1 var */) = 0
10 clone(child_stack=NULL, flags=SIGCHLD) = 11
11 execve("/usr/bin/ffmpeg", ["ffmpeg", "-i", "x"], 0x0 /* 1 var */ <unfinished ...>
10 openat(AT_FDCWD, "/data/a", O_RDONLY) = 3
11 <... execve resumed>) = 0
11 openat(AT_FDCWD, "/secret/canary", O_RDONLY) = -1 ENOENT (No such file or directory)
11 connect(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = -1 ECONNREFUSED (Connection refused)
`,
  )
  expect(opened).toEqual([
    expect.objectContaining({ program: 'node', path: '/data/a' }),
    expect.objectContaining({ program: 'ffmpeg', path: '/secret/canary' }),
  ])
  expect(called).toEqual([expect.objectContaining({ program: 'ffmpeg' })])
  expect(started.map(({ program }) => program)).toEqual(['node', 'ffmpeg'])
})

/** Libraries and what the system tells of itself; relative names are outputs in the run's own folder. */
const DECODER_FILES =
  /^(?:\/usr\/|\/lib(?:64)?\/|\/etc\/(?:ld\.so|localtime|alternatives|ssl\/|gcrypt\/)|\/proc\/|\/sys\/|\/dev\/(?:null|urandom|shm|dri)|[\w-]+\.\w+$)/
