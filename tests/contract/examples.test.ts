/** The programs of `examples/`, run as a user would run them: a process each, against a real server. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openAsBlob } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startOrigin } from '../harness/origin.ts'
import { notAVideo, sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLES = join(ROOT, 'examples')

let server: TestServer
/** Holds `video.mp4`, and everything the examples keep. */
let folder = ''
let env: NodeJS.ProcessEnv = {}

beforeAll(async () => {
  // `headwater/binding` is what the example imports, so it has to be built.
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/prepare.mjs'), 'binding'])
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
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

    const made = await ask('POST', '/uploads', { name: 'a visitor’s' })
    expect(made).toEqual({
      status: 201,
      body: {
        uploadURL: expect.stringMatching(/^http/) as string,
        id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        watermark: null,
        scheduledDeletion: null,
      },
    })
    const link = made.body as { uploadURL: string; id: string }
    expect(await ask('GET', `/videos/${link.id}`)).toMatchObject({
      body: { state: 'pendingupload', duration: -1 },
    })
    const form = new FormData()
    form.append('file', await openAsBlob(join(folder, 'video.mp4')), 'video.mp4')
    expect(await fetch(link.uploadURL, { method: 'POST', body: form })).toMatchObject({ status: 200 })
    await waitForVideo(server, link.id, 'ready')
    expect(await ask('GET', '/videos')).toMatchObject({
      body: [
        { id: link.id, name: 'a visitor’s', state: 'ready' },
        { id: uid, name: 'harbour tour' },
      ],
    })

    const bytes = await readFile(join(folder, 'video.mp4'))
    const origin = await startOrigin({ bytes }, { path: '/harbour.mp4' })
    try {
      const imported = await ask('POST', '/imports', { url: origin.url })
      expect(imported).toMatchObject({ status: 201, body: { name: 'harbour.mp4', state: 'downloading' } })
      await waitForVideo(server, (imported.body as { id: string }).id, 'ready')
    } finally {
      await origin.stop()
    }
    expect(await ask('POST', '/imports', { url: 'ftp://a.example/film.mp4' })).toMatchObject({
      status: 400,
      body: { error: 'BadRequestError' },
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

describe('form-link.sh', () => {
  /** Exit code and both outputs; curl tells on the second what it sends and gets. */
  async function run(file: string) {
    await writeFile(join(folder, '.curlrc'), 'verbose\n')
    const ran = promisify(execFile)(join(EXAMPLES, 'form-link.sh'), [file], {
      cwd: folder,
      env: { ...env, HOME: folder },
    })
    return ran.then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
  }

  test('a file of megabytes goes through a one-time link, which is asked before it is sent', async () => {
    const { code, stdout, stderr } = await run(await sample('noise.mp4'))
    expect(stderr).toContain('> Expect: 100-continue')
    expect(stderr).toContain('< HTTP/1.1 100 Continue')
    expect(code).toBe(0)
    const [, uid = ''] = /^video ([0-9a-f]{32})$/m.exec(stdout) ?? []
    expect(stdout).toContain(`watch it at ${server.url}/${uid}/watch\n`)
    expect(await waitForVideo(server, uid, 'ready')).toMatchObject({
      meta: { name: 'from curl' },
      maxDurationSeconds: 3600,
      size: (await stat(await sample('noise.mp4'))).size,
    })
  })

  test('a file that is no video is refused, and the script says so', async () => {
    const { code, stdout } = await run(await notAVideo())
    expect(code).not.toBe(0)
    expect(stdout).toContain('"code":10059')
    expect(stdout).not.toContain('watch it')
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

describe('webhook-receiver.mjs', () => {
  test('is told what became of each video, and believes nobody else', async () => {
    await using receiver = start('webhook-receiver.mjs')
    const url = await receiver.line(/^listening for calls to (http:.*)$/)
    const { uid } = await uploadFile(server, join(folder, 'video.mp4'))
    expect(await receiver.line(new RegExp(`^ready ${uid} (.*)$`))).toBe(`${server.url}/${uid}/watch`)
    const broken = await uploadFile(server, await notAVideo())
    await receiver.line(new RegExp(`^failed ${broken.uid} ERR_NON_VIDEO: The file was not recognized`))

    const body = JSON.stringify({ uid, status: { state: 'ready' } })
    const forged = (time: number) => `time=${time},sig1=${'0'.repeat(64)}`
    const nowSeconds = Math.floor(Date.now() / 1000)
    for (const signature of [undefined, 'nonsense', forged(nowSeconds), forged(nowSeconds - 301)]) {
      const headers: Record<string, string> = signature ? { 'webhook-signature': signature } : {}
      expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(401)
    }
    await callApi(server, '/stream/webhook', { method: 'DELETE' })
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
