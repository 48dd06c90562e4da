import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { runFfmpeg } from './run-ffmpeg.ts'
import { niceSession } from './session-nice.ts'

/** Ends with 0 once its session gives way, or at once where the kernel knows no groups of sessions. */
const WAIT =
  'while test -e /proc/self/autogroup && ! grep -q "nice 10$" /proc/self/autogroup; do sleep 0.02; done'

test('the session of a run gives way, not only the run inside it', async () => {
  const end = await runFfmpeg({
    program: '/bin/sh',
    args: ['-c', WAIT],
    folder: tmpdir(),
    wallMs: 20_000,
    nice: 10,
    keepBytes: 1_000,
    keep: 'last',
    signal: new AbortController().signal,
    onProgress: () => {},
  })
  expect(end).toMatchObject({ exitCode: 0, reason: null })
})

test('a run that has ended, or never began, gives way to nobody and fails nobody', async () => {
  const beyond = 2 ** 30
  expect(existsSync(`/proc/${beyond}`)).toBe(false)
  await expect(niceSession(beyond, 10)).resolves.toBeUndefined()
  await expect(niceSession(undefined, 10)).resolves.toBeUndefined()
})
