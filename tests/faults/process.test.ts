import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CREDENTIALS, environmentOf, withFolder } from './own-folder.ts'
import { type Program, startProgram } from './program.ts'
import { type Access, askOffset, createUpload, sendChunk } from './tus-lines.ts'

test('SIGTERM lets the request at hand finish, answers it and stops within ten seconds', async () => {
  await withFolder(async (dataDir) => {
    const server = await startAndWait(dataDir)
    const bytes = Buffer.alloc(6 * 2 ** 20, 'a')
    const upload = await createUpload(server.access, 'slow.mp4', 2 * bytes.length)
    let pieces = 0
    let stoppedAtMs = 0
    const answer = await sendChunk(server.access, upload, bytes, 0, {
      pieceBytes: 2 ** 19,
      pauseMs() {
        // In the middle of the body.
        if ((pieces += 1) === 6) {
          stoppedAtMs = performance.now()
          server.program.signal('SIGTERM')
        }
        return 40
      },
    })
    expect(answer).toMatchObject({ status: 204, offset: bytes.length })
    expect(await server.program.exited).toEqual({ code: 0, signal: null })
    expect(performance.now() - stoppedAtMs).toBeLessThan(10_000)

    const second = await startAndWait(dataDir)
    expect(await askOffset(second.access, upload)).toMatchObject({ status: 200, offset: bytes.length })
    await stop(second)
  })
})

test('a request that never ends does not keep it from stopping within ten seconds', async () => {
  await withFolder(async (dataDir) => {
    const server = await startAndWait(dataDir)
    const upload = await createUpload(server.access, 'stuck.mp4', 20 * 2 ** 20)
    const stopAt = Promise.withResolvers<number>()
    const answer = sendChunk(server.access, upload, Buffer.alloc(6 * 2 ** 20), 0, {
      pieceBytes: 2 ** 20,
      pauseMs() {
        stopAt.resolve(performance.now())
        return 60_000
      },
    })
    answer.catch(() => {})
    const stoppedAtMs = await stopAt.promise
    server.program.signal('SIGTERM')
    expect((await server.program.exited).code).toBe(0)
    expect(performance.now() - stoppedAtMs).toBeLessThan(10_000)
  })
})

test('a second start on the same folder is refused in one sentence; the first goes on', async () => {
  await withFolder(async (dataDir) => {
    const first = await startAndWait(dataDir)
    const second = startProgram(['serve'], environmentOf(dataDir))
    expect((await second.exited).code).toBe(1)
    expect(linesOf(second.stderr())).toEqual([expect.stringContaining(dataDir)])
    expect((await fetch(`${first.access.url}/readyz`)).status).toBe(200)
    await stop(first)
  })
})

test.each([
  ['HEADWATER_PORT', 'eighty', /^headwater: HEADWATER_PORT is "eighty", expected a port number/],
  ['HEADWATER_ROLES', 'alive', /^headwater: HEADWATER_ROLES is "alive", expected one or more of api/],
  ['HEADWATER_DATABASE_URL', 'postgres://db/x', /^headwater: HEADWATER_DATABASE_URL .*not built yet/],
  ['HEADWATER_FFMPEG', '/nowhere/ffmpeg', /^headwater: .*\/nowhere\/ffmpeg/],
])('%s=%s stops the start with one sentence', async (name, value, sentence) => {
  await withFolder(async (dataDir) => {
    const program = startProgram(['serve'], { ...environmentOf(dataDir), [name]: value })
    expect((await program.exited).code).toBe(1)
    expect(linesOf(program.stderr())).toEqual([expect.stringMatching(sentence)])
    expect(program.stdout()).toBe('')
  })
})

test('a port that is taken stops the start with one sentence', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const port = String((other.address() as AddressInfo).port)
  await withFolder(async (dataDir) => {
    const program = startProgram(['serve'], { ...environmentOf(dataDir), HEADWATER_PORT: port })
    expect((await program.exited).code).toBe(1)
    expect(linesOf(program.stderr())).toEqual([expect.stringContaining(port)])
  })
  await new Promise((resolve) => other.close(resolve))
})

test('the launcher runs the program from any folder, and an unknown setting is told', async () => {
  await withFolder(async (dataDir) => {
    const env = { ...environmentOf(dataDir), HEADWATER_PROT: '1' }
    const program = startProgram(['serve', '--print-config'], env)
    expect((await program.exited).code).toBe(0)
    expect(program.stdout()).toMatch(new RegExp(`HEADWATER_DATA_DIR +${dataDir}`))
    expect(linesOf(program.stderr())).toEqual([
      'warning: HEADWATER_PROT is not a setting and has no effect; did you mean HEADWATER_PORT?',
    ])
  })
})

test('token and account make, list and change with and without a running server', async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, 'data')
    const server = await startAndWait(dataDir)
    const env = { ...environmentOf(dataDir), HEADWATER_PORT: new URL(server.access.url).port }
    const made = await runCommand(['token', 'create', '--name', 'phone', '--read-only'], env)
    expect(await verify(server.access.url, made)).toBe(200)
    const id = /^(\S+) .* phone$/m.exec(await runCommand(['token', 'list'], env))?.[1] ?? ''
    await runCommand(['token', 'revoke', id], env)
    expect(await verify(server.access.url, made)).toBe(401)
    const account = await runCommand(['account', 'create', '--name', 'club', '--storage-minutes', '60'], env)
    const [, other = '', key = ''] = /^account id {2}(\S+)\nAPI token {3}(\S+)$/.exec(account) ?? []
    expect(await verify(server.access.url, key)).toBe(200)
    const theirs = await runCommand(['tokens', 'create', '--name', 'theirs', '--account', other], env)
    expect(await verify(server.access.url, theirs)).toBe(200)
    await stop(server)
    expect(await runCommand(['token', 'list', '--account', other], env)).toMatch(/ active {2}theirs$/)
    await runCommand(['account', 'set', other, '--storage-minutes', 'default'], env)
    expect(await runCommand(['accounts', 'list'], env)).toMatch(/ first account\n.* default {4}club$/)
    expect(await runCommand(['token', 'list'], env)).toMatch(/ revoked \S+ {2}phone/)
  })
})

type Started = { readonly program: Program; readonly access: Access }

async function startAndWait(dataDir: string): Promise<Started> {
  const program = startProgram(['serve'], environmentOf(dataDir))
  return { program, access: { url: await program.ready, ...CREDENTIALS } }
}

async function stop({ program }: Started): Promise<void> {
  program.signal('SIGTERM')
  await program.exited
}

async function runCommand(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const program = startProgram(args, env)
  expect(await program.exited, program.stderr()).toEqual({ code: 0, signal: null })
  return program.stdout().trim()
}

async function verify(url: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${url}/client/v4/user/tokens/verify`, { headers })
  await response.arrayBuffer()
  return response.status
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
