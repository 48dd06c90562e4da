/** A live input of our own server, and where it is published to and played from. */

import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { TestServer } from '../tests/harness/server.ts'

const addressSchema = z.object({ url: z.string(), streamKey: z.string() })
const srtSchema = z.object({ url: z.string(), streamId: z.string(), passphrase: z.string() })
const inputSchema = z.object({
  uid: z.string(),
  rtmp: addressSchema.optional(),
  rtmpPlayback: addressSchema.optional(),
  srtPlayback: srtSchema.optional(),
  webRTC: z.object({ url: z.string() }),
  webRTCPlayback: z.object({ url: z.string() }),
})

/** As the API shows it. */
export type BenchInput = z.output<typeof inputSchema>

const PATIENCE_MS = 20_000

/** Makes one that is recorded and may be watched with low latency. */
export async function createInput(server: TestServer): Promise<BenchInput> {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/live_inputs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ recording: { mode: 'automatic', timeoutSeconds: 1 }, preferLowLatency: true }),
  })
  if (!response.ok) throw new Error(`The input was refused: ${response.status} ${await response.text()}`)
  return z.object({ result: inputSchema }).parse(await response.json()).result
}

/** ffmpeg's output for publishing to it by RTMP. */
export function publishTarget({ rtmp }: BenchInput): readonly string[] {
  if (rtmp === undefined) throw new Error('RTMP is off')
  return ['-f', 'flv', '-flvflags', 'no_duration_filesize', `${rtmp.url}${rtmp.streamKey}`]
}

/** Uid of the video that it becomes, once it can be watched. Throws when that takes too long. */
export async function waitUntilLive(server: TestServer, { uid }: BenchInput): Promise<string> {
  const lifecycle = z.object({ live: z.boolean(), videoUID: z.string().nullable() })
  for (const endMs = Date.now() + PATIENCE_MS; Date.now() < endMs; await sleep(100)) {
    const manifest = await fetch(`${server.url}/${uid}/manifest/video.m3u8`)
    await manifest.arrayBuffer()
    if (manifest.status !== 200) continue
    const state = lifecycle.safeParse(await (await fetch(`${server.url}/${uid}/lifecycle`)).json())
    if (state.data?.videoUID) return state.data.videoUID
  }
  throw new Error('it could not be watched within twenty seconds')
}
