/** The program on a folder of its own, with fixed credentials, for one fault test. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Program, startProgram } from './program.ts'
import { type Access, type ClientUpload, createUpload, getResult, sendChunk } from './tus-lines.ts'

const ACCOUNT_ID = 'fedcba9876543210fedcba9876543210'
const TOKEN = 'fault-token-of-no-value'

/** A started program, and how to ask it. */
export type FaultServer = { readonly program: Program; readonly access: Access; stop(): Promise<void> }

/** What these tests look at in a video. */
export type VideoAnswer = {
  readonly uid: string
  readonly readyToStream: boolean
  readonly status: {
    readonly state: string
    readonly pctComplete?: string
    readonly errorReasonCode: string
    readonly errorReasonText: string
  }
  readonly playback: { readonly hls: string }
}

/** The environment of such a server. */
export function faultEnvironment(dataDir: string): Record<string, string> {
  return {
    HEADWATER_PORT: '0',
    HEADWATER_DATA_DIR: dataDir,
    HEADWATER_ACCOUNT_ID: ACCOUNT_ID,
    HEADWATER_API_TOKEN: TOKEN,
    HEADWATER_LOG_LEVEL: 'warn',
  }
}

/** Starts on `dataDir` and waits until it is ready. */
export async function startFaultServer(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<FaultServer> {
  const program = startProgram(['serve'], { ...faultEnvironment(dataDir), ...env })
  const access = { url: await program.ready, accountId: ACCOUNT_ID, token: TOKEN }
  return {
    program,
    access,
    async stop() {
      program.signal('SIGTERM')
      await program.exited
    },
  }
}

/** Calls `use` with a new folder, which is removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-faults-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Uploads everything in chunks of 5 MiB; throws at the first answer that is not 204. */
export async function uploadBytes(access: Access, name: string, bytes: Uint8Array): Promise<ClientUpload> {
  const upload = await createUpload(access, name, bytes.length)
  for (let at = 0; at < bytes.length; at = upload.acknowledgedBytes) {
    const answer = await sendChunk(access, upload, bytes.subarray(at, at + 5 * 2 ** 20), at)
    if (answer.status !== 204) throw new Error(`PATCH at ${at} was answered ${answer.status}: ${answer.text}`)
  }
  return upload
}

/** Asks until `isThere` says yes. Throws with the last status after a minute. */
export async function waitForVideo(
  access: Access,
  uid: string,
  isThere: (video: VideoAnswer) => boolean,
): Promise<VideoAnswer> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const video = await getResult<VideoAnswer>(access, `/stream/${uid}`)
    if (isThere(video)) return video
    if (performance.now() > deadline) throw new Error(`${uid} stays ${JSON.stringify(video.status)}`)
    await sleep(50)
  }
}
