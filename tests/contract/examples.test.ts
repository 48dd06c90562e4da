/** The programs of `examples/`, run as a user would run them: a process each, against a real server. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLES = join(ROOT, 'examples')

let server: TestServer
/** Holds `video.mp4`, and everything the examples keep. */
let folder = ''
let env: NodeJS.ProcessEnv = {}

beforeAll(async () => {
  // `headwater/binding` is what the example imports, so it has to be built.
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/prepare.mjs'), 'binding'])
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'headwater-examples-'))
  await copyFile(await sample('h264-aac.mp4'), join(folder, 'video.mp4'))
  env = {
    PATH: process.env.PATH,
    TMPDIR: folder,
    HEADWATER_PUBLIC_URL: server.url,
    HEADWATER_ACCOUNT_ID: server.accountId,
    HEADWATER_API_TOKEN: server.token,
    PORT: '0',
    CHUNK_SIZE: '5242880',
  }
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

type Program = AsyncDisposable & {
  readonly child: ChildProcess
  readonly line: (pattern: RegExp) => Promise<string>
}

/** Starts an example; `line` waits for a line of its output and answers the match. */
function start(file: string, args: readonly string[] = []): Program {
  const child = spawn(process.execPath, [join(EXAMPLES, file), ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const said: string[] = []
  lines.on('line', (text) => said.push(text))
  const line = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = said.map((text) => pattern.exec(text)).find((match) => match !== null)
        if (found) resolve(found[1] ?? found[0])
      }
      lines.on('line', look)
      lines.once('close', () => reject(new Error(`${file} never said ${pattern}:\n${said.join('\n')}`)))
      look()
    })
  return {
    child,
    line,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

describe('worker', () => {
  test('a Worker runs unchanged beside Headwater', async () => {
    await using program = start('worker/node.ts')
    const url = await program.line(/(http:\S+)/)
    const ask = async (method: string, path: string, body?: object) => {
      const response = await fetch(url + path, { method, body: body && JSON.stringify(body) })
      const text = await response.text()
      return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
    }
    expect(await ask('GET', '/videos')).toEqual({ status: 200, body: [] })

    const { uid } = await uploadFile(server, join(folder, 'video.mp4'))
    await waitForVideo(server, uid, 'ready')
    const shown = {
      id: uid,
      name: 'video.mp4',
      state: 'ready',
      duration: expect.closeTo(10, 1) as number,
      watch: `${server.url}/${uid}/watch`,
      hls: `${server.url}/${uid}/manifest/video.m3u8`,
    }
    expect(await ask('GET', '/videos')).toEqual({ status: 200, body: [shown] })
    expect(await ask('GET', `/videos/${uid}`)).toEqual({ status: 200, body: shown })
    const renamed = { ...shown, name: 'harbour tour' }
    expect(await ask('PATCH', `/videos/${uid}`, { name: 'harbour tour' })).toEqual({
      status: 200,
      body: renamed,
    })
    expect(await ask('DELETE', `/videos/${uid}`)).toEqual({ status: 204, body: undefined })
    expect(await ask('GET', `/videos/${uid}`)).toMatchObject({
      status: 404,
      body: { error: 'NotFoundError' },
    })
    expect(await ask('PATCH', `/videos/${uid}`, { name: 'x' })).toMatchObject({ status: 404 })
    expect(await ask('GET', '/nothing')).toEqual({ status: 404, body: { error: 'NoSuchPage' } })
  })
})

describe('tus-node.mjs', () => {
  test('uploads, and a second run goes on where the first was stopped', async () => {
    const file = join(folder, 'long.mp4')
    // The end of the file is beyond the end of the film, which players and decoders do not mind.
    await promisify(execFile)('sh', ['-c', `cat video.mp4 > long.mp4; truncate -s 24M long.mp4`], {
      cwd: folder,
    })
    let uid = ''
    {
      await using first = start('tus-node.mjs', [file])
      uid = await first.line(/^video ([0-9a-f]{32})$/)
      await first.line(/^5242880 of/)
    }
    await using second = start('tus-node.mjs', [file])
    await second.line(/^going on/)
    await second.line(/^uploaded$/)
    const video = await waitForVideo(server, uid, 'ready')
    expect(video).toMatchObject({ size: 24 * 1024 * 1024, meta: { name: 'long.mp4' } })
  })
})

test('every example opens with a comment that says what it shows, and README.md links to it', async () => {
  const page = await readFile(join(ROOT, 'README.md'), 'utf8')
  const files = await readdir(EXAMPLES, { recursive: true, withFileTypes: true })
  for (const { name, parentPath } of files.filter((entry) => entry.isFile())) {
    const file = relative(EXAMPLES, join(parentPath, name))
    const text = await readFile(join(EXAMPLES, file), 'utf8')
    expect(text).toMatch(/^(#!.*\n# |\/\*\*\n \* |<!doctype html>\n<!-- )[A-Z]/)
    expect(page).toContain(`](examples/${file})`)
  }
})
