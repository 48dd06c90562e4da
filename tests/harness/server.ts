/**
 * The real program, as its users run it: a process of its own on a free port with a folder of its own. Whoever starts
 * one must stop it; a test that fails before that leaves a process behind, so start it in `beforeAll` or with `await using`.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { open, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { PresentedVideo } from '../../src/http/present-video.ts'

const PROJECT = join(import.meta.dirname, '../..')
/** What `bin/headwater` says too: a start takes a second less when its files need not be compiled. */
export const COMPILED_FOLDER = join(PROJECT, 'node_modules/.cache/headwater/compiled')
/** What users start. It takes the program in few files, which `npm test` has made, unless a source has changed since. */
export const LAUNCHER = join(PROJECT, 'bin/headwater')
const START_MS = 60_000
const STOP_MS = 20_000

export type StartOptions = {
  /** Beside those the harness sets; wins over them. */
  readonly env?: Readonly<Record<string, string>>
  /** An existing folder; default: a new one. */
  readonly dataDir?: string
  /** What is started; default: `LAUNCHER`. */
  readonly command?: readonly string[]
  /** Leaves the folder in place after `stop`. */
  readonly keep?: boolean
}

export type TestServer = AsyncDisposable & {
  readonly url: string
  /** Ends in `/client/v4`. */
  readonly apiUrl: string
  readonly accountId: string
  /** May write. */
  readonly token: string
  readonly dataDir: string
  readonly pid: number
  /** Everything the process has said so far. */
  readonly output: () => string
  /** SIGTERM and wait; then the folder goes. Answers the exit code; stopping again changes nothing. */
  stop(): Promise<number | null>
  /** SIGKILL and wait; the folder stays. */
  kill(): Promise<void>
  /** The same folder, account and token, in a new process. Stops this one first if it runs. */
  restart(env?: Readonly<Record<string, string>>): Promise<TestServer>
}

/** Starts the program and waits until it says that it is ready. Throws with its output when it ends instead. */
export async function startServer(options: StartOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'headwater-test-')))
  return startIn(dataDir, options, {
    accountId: options.env?.HEADWATER_ACCOUNT_ID ?? randomBytes(16).toString('hex'),
    token: options.env?.HEADWATER_API_TOKEN ?? randomBytes(30).toString('base64url'),
  })
}

async function startIn(
  dataDir: string,
  options: StartOptions,
  identity: { accountId: string; token: string },
): Promise<TestServer> {
  const { accountId, token } = identity
  const [program = '', ...before] = options.command ?? [LAUNCHER]
  const child = spawn(program, [...before, 'serve'], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      NODE_COMPILE_CACHE: COMPILED_FOLDER,
      HEADWATER_PORT: '0',
      HEADWATER_RTMP_PORT: '0',
      HEADWATER_RTMPS_PORT: '0',
      HEADWATER_WEBRTC_PORT: '0',
      // Its process takes a quarter of a second of the processor; who tests SRT asks for it.
      HEADWATER_SRT_PORT: 'off',
      HEADWATER_HOST: '127.0.0.1',
      HEADWATER_DATA_DIR: dataDir,
      HEADWATER_ACCOUNT_ID: accountId,
      HEADWATER_API_TOKEN: token,
      HEADWATER_LOG_LEVEL: 'info',
      HEADWATER_MIN_FREE_BYTES: '0',
      ...options.env,
    },
  })
  const said: string[] = []
  const url = await waitUntilReady(child, said)
  const stop = async () => {
    const code = await end(child, 'SIGTERM')
    if (!options.keep && options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
    return code
  }
  return {
    url,
    apiUrl: `${url}/client/v4`,
    accountId,
    token,
    dataDir,
    pid: child.pid ?? 0,
    output: () => said.join('\n'),
    stop,
    kill: async () => {
      await end(child, 'SIGKILL')
    },
    restart: async (env) => {
      await end(child, 'SIGTERM')
      return startIn(dataDir, { ...options, env: { ...options.env, ...env } }, identity)
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

async function waitUntilReady(child: ChildProcess, said: string[]): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(`${reason}\n${said.join('\n')}`))
    }
    const timer = setTimeout(() => fail(`The server was not ready within ${START_MS / 1000} s:`), START_MS)
    child.once('error', (error) => fail(`The server could not be started: ${error.message}`))
    // `close` comes after the last line, `exit` may come before it.
    child.once('close', (code, signal) => fail(`The server ended (${code ?? signal}) before it was ready:`))
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line)
        const url = /^ready (http:\S+)/.exec(line)?.[1]
        if (url === undefined) return
        clearTimeout(timer)
        child.removeAllListeners('close')
        resolve(url)
      })
    }
  })
}

/** Ends the process; one that does not obey is killed, which the caller sees by the exit code null. */
async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
  return child.exitCode
}

type Caller = Pick<TestServer, 'apiUrl' | 'accountId' | 'token'>

/** One call below `/accounts/<id>`, e.g. `callApi(server, '/stream')`; the answer's `result`. Throws when it is a refusal. */
export async function callApi<Result>(
  server: Caller,
  path: string,
  init: { method?: string; body?: unknown } = {},
): Promise<Result> {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}${path}`, {
    method: init.method ?? 'GET',
    headers: { authorization: `Bearer ${server.token}` },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path} answered ${response.status}: ${text}`)
  return (JSON.parse(text) as { result: Result }).result
}

/** Polls until the video is in `state` (or `complete`: every rendition made). Throws when it fails or takes too long. */
export async function waitForVideo(
  server: Caller,
  uid: string,
  state: PresentedVideo['status']['state'] | 'complete',
  timeoutMs = 120_000,
): Promise<PresentedVideo> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const video = await callApi<PresentedVideo>(server, `/stream/${uid}`)
    const complete = video.status.state === 'ready' && Number(video.status.pctComplete) >= 100
    if (video.status.state === state || (state === 'complete' && complete)) return video
    if (video.status.state === 'error' || performance.now() > deadline) {
      throw new Error(`Video ${uid} did not become ${state}: ${JSON.stringify(video.status)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** A multiple of 256 KiB, as the chunk rules want it. */
const CHUNK_BYTES = 52_428_800

/** Uploads a file by tus in chunks of 50 MiB; answers the uid and when the last byte was acknowledged. */
export async function uploadFile(
  server: Caller,
  file: string,
  options: { name?: string; metadata?: Readonly<Record<string, string>> } = {},
): Promise<{ uid: string; acknowledgedMs: number }> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const metadata = { name: options.name ?? basename(file), ...options.metadata }
    const created = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'tus-resumable': '1.0.0',
        'upload-length': String(size),
        'upload-metadata': formatMetadata(metadata),
      },
    })
    await expectStatus(created, 201)
    const location = created.headers.get('location') ?? ''
    const uid = created.headers.get('stream-media-id') ?? ''
    const buffer = Buffer.alloc(Math.min(size, CHUNK_BYTES))
    for (let offset = 0; offset < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset)
      const patched = await fetch(location, {
        method: 'PATCH',
        headers: {
          authorization: `Bearer ${server.token}`,
          'tus-resumable': '1.0.0',
          'upload-offset': String(offset),
          'content-type': 'application/offset+octet-stream',
        },
        body: buffer.subarray(0, bytesRead),
      })
      await expectStatus(patched, 204)
      offset += bytesRead
    }
    return { uid, acknowledgedMs: performance.now() }
  } finally {
    await handle.close()
  }
}

function formatMetadata(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

async function expectStatus(response: Response, status: number): Promise<void> {
  const text = await response.text()
  if (response.status !== status) throw new Error(`${response.url} answered ${response.status}: ${text}`)
}
