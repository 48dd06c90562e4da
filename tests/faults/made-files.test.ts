/** kill -9 while something is made of a video beside its renditions: it is made after the next start, and nothing is left over. */

import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { processesOf } from './program.ts'
import { readBlobs, readWorkFolder } from './stored-state.ts'

const execute = promisify(execFile)

/** What a call answers once it is no longer in progress. */
async function settled<Result>(
  look: () => Promise<Result>,
  state: (result: Result) => string,
): Promise<Result> {
  for (;;) {
    const result = await look()
    if (state(result) !== 'inprogress') return result
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function expectNothingLeftOver({ dataDir }: TestServer): Promise<void> {
  const { recorded, present, orphanDrafts } = await readBlobs(dataDir)
  expect(present).toEqual(recorded)
  expect(orphanDrafts).toEqual([])
  expect(await readWorkFolder(dataDir)).toEqual([])
}

test('a download that waits for the encode', async () => {
  type Downloads = { default: { status: string; url: string } }
  let server = await startServer({ keep: true })
  try {
    const { uid } = await uploadFile(server, await sample('hevc.mp4'))
    await waitForVideo(server, uid, 'ready')
    const downloads = `/stream/${uid}/downloads`
    const asked = await callApi<Downloads>(server, downloads, { method: 'POST' })
    expect(asked.default.status).toBe('inprogress')
    await server.kill()
    server = await server.restart()
    const made = await settled(
      () => callApi<Downloads>(server, downloads),
      (answer) => answer.default.status,
    )
    expect(made.default.status).toBe('ready')
    const url = `${server.url}/${uid}/downloads/default.mp4`
    const probe = ['-v', 'error', '-count_frames', '-show_entries', 'stream=codec_name,nb_read_frames']
    const { stdout } = await execute('ffprobe', [...probe, '-of', 'csv=p=0', url])
    expect(stdout).toMatch(/^h264,125$/m)
    expect(stdout).toMatch(/^aac,\d+$/m)
    await waitForVideo(server, uid, 'complete')
    await server.stop()
    await expectNothingLeftOver(server)
  } finally {
    await server.stop()
    await rm(server.dataDir, { recursive: true, force: true })
  }
})

test('captions whose engine is at work', async () => {
  type Captions = { status: string }
  const folder = await mkdtemp(join(tmpdir(), 'headwater-speech-'))
  const program = join(folder, 'engine.mjs')
  await copyFile(join(import.meta.dirname, '../contract/speech/engine.mjs'), program)
  let server = await startServer({ keep: true, env: { HEADWATER_SPEECH_COMMAND: program } })
  const engines = () => processesOf(folder).filter(({ command }) => command.includes('engine.mjs'))
  try {
    const { uid } = await uploadFile(server, await sample('h264-aac.mp4'))
    await waitForVideo(server, uid, 'complete')
    // In German it waits for the file `go`.
    await callApi(server, `/stream/${uid}/captions/de/generate`, { method: 'POST' })
    await expect.poll(() => engines().length, { timeout: 30_000, interval: 20 }).toBe(1)
    const [first] = engines()
    await server.kill()
    server = await server.restart()
    await expect
      .poll(() => engines().filter(({ pid }) => pid !== first?.pid).length, { timeout: 60_000, interval: 50 })
      .toBe(1)
    await writeFile(join(folder, 'go'), '')
    const look = () => callApi<Captions>(server, `/stream/${uid}/captions/de`)
    expect(await settled(look, ({ status }) => status)).toMatchObject({ status: 'ready', generated: true })
    expect(engines()).toEqual([])
    await server.stop()
    await expectNothingLeftOver(server)
  } finally {
    await server.stop()
    await rm(server.dataDir, { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  }
})
