/** `headwater doctor`: that it says which layers the decoder's cage has here, and what to do about those that are missing. */

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFfmpeg } from '../../src/adapters/ffmpeg/index.ts'

const PROJECT = join(import.meta.dirname, '../..')
const IS_ROOT = process.getuid?.() === 0
/** Present on every system that the tests run on (`npm test` says so otherwise). */
const LAYERS = ['private view', 'own user', 'no privileges', 'limits', 'process limit', 'nice'].filter(
  (layer) => IS_ROOT || layer !== 'own user',
)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-doctor-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** What it says, by lines; its exit code does not matter here. */
function doctor(env: Record<string, string> = {}): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const options = {
      cwd: PROJECT,
      env: {
        PATH: process.env.PATH ?? '',
        HEADWATER_DATA_DIR: join(folder, 'data'),
        HEADWATER_PORT: '0',
        HEADWATER_SRT_PORT: 'off',
        ...env,
      },
    }
    execFile(process.execPath, ['src/main.ts', 'doctor'], options, (_error, stdout) =>
      resolve(stdout.split('\n')),
    )
  })
}

const about = (said: readonly string[], layer: string) =>
  said.find((line) => line.includes(`decoder: ${layer}`)) ?? said.find((line) => line.includes(layer))

test('every layer of the cage that is there is named', async () => {
  const said = await doctor()
  for (const layer of LAYERS) expect(about(said, layer), layer).toMatch(/^ok /)
  expect(about(said, 'private view')).toContain('bwrap')
})

test('a decoder that does not run behind walls: what is missing is told with a remedy', async () => {
  // What it needs to run, a shell, is not in its view.
  const script = join(folder, 'ffmpeg')
  await writeFile(script, `#!/bin/sh\nexec ${(await findFfmpeg()).path} "$@"\n`)
  await chmod(script, 0o755)
  const said = await doctor({ HEADWATER_FFMPEG: script })
  const line = about(said, 'private view') ?? ''
  expect(line).toMatch(/^less /)
  expect(said[said.indexOf(line) + 1]).toMatch(/-> .*namespaces/)
  expect(about(said, 'limits')).toMatch(/^ok /)
})

test('a cage that is off is told as such', async () => {
  const line = about(await doctor({ HEADWATER_CAGE: 'off' }), 'private view')
  expect(line).toMatch(/^less /)
})
