/** Generated captions (spec §6) by both kinds of speech engine: a program, and a server. */

import { once } from 'node:events'
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SampleName, sample } from '../harness/samples.ts'
import { startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

type Told = {
  status: number
  result: Record<string, unknown> | null
  errors: { code: number; message: string }[]
}

const MADE = { language: 'en-GB', label: 'British English (auto-generated)', generated: true }
/** Ten seconds of 16-bit samples at 16 kHz behind the header that ffmpeg writes. */
const WAV_BYTES = 10 * 16_000 * 2 + 78

let server: TestServer
let uid: string

async function call(method: string, path: string, body?: FormData): Promise<Told> {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
    body,
  })
  return { status: response.status, ...((await response.json()) as Omit<Told, 'status'>) }
}
const generate = (language: string, video = uid) => call('POST', `${video}/captions/${language}/generate`)
const told = ({ status, errors }: Told) => [status, errors[0]?.code]

/** The captions once the engine is done with them. */
async function settled(language: string, video = uid): Promise<Record<string, unknown>> {
  const look = async () => (await call('GET', `${video}/captions/${language}`)).result ?? {}
  await expect
    .poll(async () => (await look()).status, { timeout: 30_000, interval: 50 })
    .not.toBe('inprogress')
  return look()
}

async function vtt(language: string): Promise<string> {
  const response = await fetch(
    `${server.apiUrl}/accounts/${server.accountId}/stream/${uid}/captions/${language}/vtt`,
    { headers: { authorization: `Bearer ${server.token}` } },
  )
  return response.text()
}

async function upload(name: SampleName): Promise<string> {
  const video = (await uploadFile(server, await sample(name))).uid
  await waitForVideo(server, video, 'ready')
  return video
}

describe('a program', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headwater-speech-'))
    // A path with a space is one path.
    const program = join(folder, 'my engine.mjs')
    await copyFile(join(import.meta.dirname, 'speech/engine.mjs'), program)
    server = await startServer({ env: { HEADWATER_SPEECH_COMMAND: program } })
    uid = await upload('h264-aac.mp4')
  })
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true })
  })

  test('makes captions, which players see once they are ready', async () => {
    expect(await generate('en-gb')).toMatchObject({ status: 200, result: { ...MADE, status: 'inprogress' } })
    expect(await settled('en-GB')).toEqual({ ...MADE, status: 'ready' })
    expect(await vtt('en-GB')).toBe(
      `WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nen: RIFF, 1 channel, 16000 Hz, ${WAV_BYTES} bytes, 0 secrets\n\n`,
    )
    const manifest = await (await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).text()
    expect(manifest).toContain('NAME="British English (auto-generated)",LANGUAGE="en-GB"')
    expect(await readdir(join(server.dataDir, 'work'))).toEqual([])
  })

  test('has time: until it ends the captions are in progress, and nobody sees them', async () => {
    await generate('de')
    expect(told(await call('GET', `${uid}/captions/de/vtt`))).toEqual([404, 10003])
    expect(told(await generate('de'))).toEqual([409, 10007])
    const manifest = await (await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).text()
    expect(manifest).not.toContain('LANGUAGE="de"')
    await writeFile(join(folder, 'go'), '')
    expect(await settled('de')).toMatchObject({ status: 'ready' })
  })

  test.each([
    ['fr', 'ended with 3: no French today'],
    ['it', 'Line 1: expected WEBVTT at the start'],
  ])('that fails (%s) leaves captions in error, and says why', async (language, why) => {
    await generate(language)
    expect(await settled(language)).toMatchObject({
      generated: true,
      status: 'error',
      failure: {
        code: 'speech_failed',
        stage: 'speech',
        found: expect.stringContaining(why),
        advice: expect.stringContaining('speech engine'),
      },
    })
    expect(told(await call('GET', `${uid}/captions/${language}/vtt`))).toEqual([404, 10003])
    expect(told(await generate(language))).toEqual([409, 10007])
    expect(server.output()).toContain(why)
    expect((await call('DELETE', `${uid}/captions/${language}`)).status).toBe(200)
  })

  test('is not asked for what cannot be heard or is there already', async () => {
    for (const language of ['sv', 'de-1996', 'pt-Latn', 'x']) {
      expect(told(await generate(language))).toEqual([400, 10005])
    }
    const form = new FormData()
    form.append('file', new Blob(['WEBVTT\n']), 'es.vtt')
    await call('PUT', `${uid}/captions/es`, form)
    expect(told(await generate('es'))).toEqual([409, 10007])
    expect(told(await generate('en', '0'.repeat(32)))).toEqual([404, 10003])
    const silent = await upload('silent.mp4')
    await generate('en', silent)
    expect(await settled('en', silent)).toMatchObject({
      status: 'error',
      failure: { code: 'sound_missing', advice: 'Choose a file with sound.' },
    })
  })

  test('what it makes is replaced by an upload, which is nobody’s but its own', async () => {
    const form = new FormData()
    form.append('file', new Blob(['WEBVTT\n']), 'en.vtt')
    const { result } = await call('PUT', `${uid}/captions/en-GB`, form)
    expect(result).toEqual({ ...MADE, label: 'British English', generated: false, status: 'ready' })
    expect(await vtt('en-GB')).toBe('WEBVTT\n')
  })
})

describe('a server', () => {
  const asked: { authorization: string | undefined; body: string }[] = []
  let engine: Server

  beforeAll(async () => {
    engine = createServer((request, response) => {
      void (async () => {
        const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
        const text = body.toString('latin1')
        asked.push({ authorization: request.headers.authorization, body: text })
        if (request.url !== '/v1/audio/transcriptions') response.writeHead(404).end('nowhere')
        else if (/name="language"\r\n\r\nfr\r\n/.test(text))
          response.writeHead(429).end('{"error":"no quota"}')
        else response.end('WEBVTT\n\n00:00.000 --> 00:01.000\nheard\n')
      })()
    })
    engine.listen(0, '127.0.0.1')
    await once(engine, 'listening')
    const { port } = engine.address() as AddressInfo
    server = await startServer({
      env: {
        HEADWATER_SPEECH_URL: `http://127.0.0.1:${port}/v1/audio/transcriptions`,
        HEADWATER_SPEECH_KEY: 'key-of-the-engine',
        HEADWATER_SPEECH_MODEL: 'small',
      },
    })
    uid = await upload('h264-aac.mp4')
  })
  afterAll(async () => {
    await server?.stop()
    engine.close()
  })

  test('is asked as OpenAI is, and its answer becomes the captions', async () => {
    await generate('pt-BR')
    expect(await settled('pt-BR')).toMatchObject({
      label: 'português (Brasil) (auto-generated)',
      status: 'ready',
    })
    expect(await vtt('pt-BR')).toBe('WEBVTT\n\n00:00.000 --> 00:01.000\nheard\n\n')
    const body = asked[0]?.body ?? ''
    expect(asked[0]?.authorization).toBe('Bearer key-of-the-engine')
    const form = await new Response(Buffer.from(body, 'latin1'), {
      headers: { 'content-type': `multipart/form-data; boundary=${/^--(\S+)/.exec(body)?.[1]}` },
    }).formData()
    expect([form.get('model'), form.get('language'), form.get('response_format')]).toEqual([
      'small',
      'pt',
      'vtt',
    ])
    const file = form.get('file') as File
    expect([file.name, file.type, file.size]).toEqual(['sound.wav', 'audio/wav', WAV_BYTES])
  })

  test('that refuses leaves captions in error, and the log says what it said', async () => {
    await generate('fr')
    expect(await settled('fr')).toMatchObject({ status: 'error' })
    expect(server.output()).toContain('answered 429')
    expect(server.output()).not.toContain('key-of-the-engine')
  })
})
