/** Processes that outlived their server, as the kernel leaves them: real cages whose server is this test. */

import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findCage } from './cage.ts'
import { type Cage, cageCommand } from './cage-command.ts'
import { CHILD_ENV } from './child-env.ts'
import { findFfmpeg } from './find-ffmpeg.ts'
import { clearLeftovers } from './leftovers.ts'

const PREFIX = 'run-'

let workDir: string

beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'leftovers-'))
})

afterEach(async () => {
  await rm(workDir, { recursive: true, force: true })
})

test.each(['bwrap', 'unshare', null] as const)('a run behind the walls of %s is ended', async (walls) => {
  const run = await startRun(walls, 'run-1')
  const other = await startRun(walls, 'live-1')
  await clearLeftovers(workDir, PREFIX)
  expect(await run.ended).toBe('SIGKILL')
  expect(await readdir(workDir)).toEqual(['live-1'])
  expect(other.isAlive()).toBe(true)
  await clearLeftovers(workDir, 'live-')
  expect(await other.ended).toBe('SIGKILL')
})

test('whoever else looks at a run is left alone', async () => {
  await mkdir(join(workDir, 'run-1'))
  const reader = start('/usr/bin/tail', ['-f', '/dev/null', join(workDir, 'run-1')], workDir)
  await reader.begun
  await clearLeftovers(workDir, PREFIX)
  expect(reader.isAlive()).toBe(true)
  process.kill(reader.pid, 'SIGKILL')
  await reader.ended
})

/** ffmpeg that goes on for ever in a folder of that name. Resolves once it runs. */
async function startRun(walls: Cage['walls'], name: string): Promise<Started> {
  const { path } = await findFfmpeg()
  const found = await findCage({ program: path, folder: join(workDir, 'probe'), mode: 'auto' })
  await rm(join(workDir, 'probe'), { recursive: true })
  const folder = join(workDir, name)
  await mkdir(folder)
  const { program, args } = cageCommand(
    { ...found, walls, ownUser: false },
    {
      program: path,
      args: '-nostdin -v error -progress pipe:1 -re -f lavfi -i testsrc2 -f null -'.split(' '),
      folder,
      inputs: [],
      limits: { cpuSeconds: 60, outputBytes: 1e6, memoryBytes: 2e9, nice: 1 },
      user: null,
    },
  )
  const run = start(program, args, folder)
  await run.begun
  return run
}

type Started = {
  readonly pid: number
  readonly begun: Promise<unknown>
  readonly ended: Promise<NodeJS.Signals | null>
  isAlive(): boolean
}

function start(program: string, args: readonly string[], cwd: string): Started {
  const child = spawn(program, args, { cwd, env: CHILD_ENV, stdio: ['ignore', 'pipe', 'pipe'] })
  const begun = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) stream.once('data', resolve)
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  )
  return {
    pid: child.pid ?? 0,
    begun,
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
  }
}
