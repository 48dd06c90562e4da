/** The server in few files, as `npm start` makes and runs it: whole in itself, and never run where a source is newer. */

import { execFile } from 'node:child_process'
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { offer } from '../live/sdp-samples.ts'
import { environmentOf } from './own-folder.ts'
import { descendantsOf, startProgram } from './program.ts'

const ROOT = join(import.meta.dirname, '../..')
const execute = promisify(execFile)

/** A project of its own, whose sources may be edited; packages and pages are those of this one. */
let project: string
let launcher: string

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'headwater-built-'))
  launcher = join(project, 'bin/headwater')
  for (const name of ['bin', 'scripts', 'src', 'package.json', 'package-lock.json']) {
    await cp(join(ROOT, name), join(project, name), { recursive: true })
  }
  await mkdir(join(project, 'web'))
  for (const name of ['node_modules', 'web/dist']) await symlink(join(ROOT, name), join(project, name))
  await prepare()
})
afterAll(async () => {
  await rm(project, { recursive: true })
})

/** What npm does before `npm start`. */
async function prepare(): Promise<void> {
  await execute(process.execPath, ['scripts/prepare.mjs', 'start'], { cwd: project })
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const cache = { NODE_COMPILE_CACHE: join(project, 'compiled') }
  const program = startProgram(args, { ...cache, ...env }, [launcher])
  const { code } = await program.exited
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}

async function commandOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
}

test('the launcher runs it, with its threads and the process of SRT, and a file becomes a video with pages around it', async () => {
  await using server = await startServer({
    command: [launcher],
    env: { HEADWATER_SRT_PORT: '0', NODE_COMPILE_CACHE: join(project, 'compiled') },
  })
  expect(await commandOf(server.pid)).toContain(join(project, 'dist/server/main.js'))
  const commands = await Promise.all(descendantsOf(server.pid).map(commandOf))
  expect(commands.join('\n')).toContain(join(project, 'dist/server/process-main-'))

  const { uid } = await uploadFile(server, await sample('h264-aac.mp4'))
  await waitForVideo(server, uid, 'ready')
  const watched = await fetch(`${server.url}/${uid}/watch`)
  expect([watched.status, watched.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  const playlist = await fetch(`${server.url}/${uid}/manifest/video.m3u8`)
  expect(await playlist.text()).toContain('#EXT-X-STREAM-INF')

  // The largest of what is read late only.
  type Input = { readonly webRTC: { readonly url: string } }
  const input = await callApi<Input>(server, '/stream/live_inputs', { method: 'POST', body: {} })
  const headers = { 'content-type': 'application/sdp' }
  const answer = await fetch(input.webRTC.url, { method: 'POST', headers, body: offer() })
  expect(answer.status, await answer.text()).toBe(201)
  expect(server.output()).not.toMatch(/"level":[56]0/)
})

test('a stack names the sources', async () => {
  const dataDir = join(project, 'package.json')
  const { code, stderr } = await run(['serve'], environmentOf(dataDir))
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /at async .*\/src\/adapters\/sql\/open-database\.ts:\d+:\d+\)\n.*\/src\/commands\/serve\.ts/s,
  )
})

test('an edited source is run at once, the test of one changes nothing, and the next build has what was edited', async () => {
  const version = async () => (await run(['--version'])).stdout.trim()
  const before = await version()
  const builtFiles = await readdir(join(project, 'dist/server'))
  await appendFile(join(project, 'dist/server/main.js'), "\nprocess.stdout.write('built\\n')\n")
  await appendFile(join(project, 'src/config/settings.test.ts'), '\n')
  expect(await version()).toBe(`${before}\nbuilt`)

  const edit = "\nexport const EDITED = process.stdout.write('edited\\n')\n"
  await appendFile(join(project, 'src/config/version.ts'), edit)
  expect(await version()).toBe(`edited\n${before}`)

  await prepare()
  await appendFile(join(project, 'dist/server/main.js'), "\nprocess.stdout.write('built\\n')\n")
  expect(await version()).toBe(`edited\n${before}\nbuilt`)
  // A server that runs meanwhile still finds its files.
  expect(await readdir(join(project, 'dist/server'))).toEqual(expect.arrayContaining(builtFiles))
})
