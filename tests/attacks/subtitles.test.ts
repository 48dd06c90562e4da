/** Captions that want to be pages, styles or programs: what viewers get is text, and says that it is nothing else. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ffmpeg } from '../media-samples.ts'
import { liveOnServer } from '../fuzz/media-life.ts'
import { customSample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { openAttackSources } from './sources.ts'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CUE = '00:00.000 --> 00:01.000'
const URL_OF_EVIL = 'http://127.0.0.1:9/evil'

/** The file, and what the answer to it is. */
const FILES: Readonly<Record<string, readonly [string, 200 | 400 | 413]>> = {
  'a script in a cue': [`WEBVTT\n\n${CUE}\n<script>alert(1)</script><img src=x onerror=alert(1)>\n`, 200],
  'a style that loads something': [
    `WEBVTT\n\nSTYLE\n::cue { background: url(${URL_OF_EVIL}) }\n@import "${URL_OF_EVIL}";\n\n${CUE}\nx\n`,
    200,
  ],
  'a region and settings without an end': [
    `WEBVTT\n\nREGION\nid:${'9'.repeat(100_000)}\nwidth:-1e308%\n\n${CUE} position:1e999% line:-0 size:${'9'.repeat(1000)}%\nx\n`,
    200,
  ],
  'text that runs the other way, and bytes of zero': [
    `WEBVTT\n\n${CUE}\n\u202e\u2066a\0b\u0007\uFFFE\n`,
    200,
  ],
  'a cue of almost 10 MB': [`WEBVTT\n\n${CUE}\n${'a'.repeat(10_000_000)}\n`, 200],
  'a file of more than 10 MB': [`WEBVTT\n\n${CUE}\n${'a'.repeat(10_600_000)}\n`, 413],
  'tags in tags, ten thousand deep': [`WEBVTT\n\n${CUE}\n${'<b>'.repeat(10_000)}x\n`, 200],
  'twenty thousand cues at one time': [`WEBVTT\n\n${`${CUE}\nx\n\n`.repeat(20_000)}`, 200],
  'a cue of 49 days': ['WEBVTT\n\n00:00.000 --> 1176:00:00.000\nx\n', 200],
  'a page instead': [`<!DOCTYPE html><script>alert(1)</script>`, 400],
  'an ASS file instead': ['[Script Info]\nScriptType: v4.00+\n\n[Events]\n', 400],
  nothing: ['', 400],
}

let server: TestServer
let uid = ''
let folder = ''

beforeAll(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'headwater-subtitles-'))
  const film = (await openAttackSources()).get('index-first.mp4')
  const options = { budgetMs: 150_000, watch: false, remove: false }
  uid = (await liveOnServer(server, { bytes: film, metadata: { name: 'film' } }, options)).uid
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('captions with', () => {
  test.each(Object.entries(FILES))('%s', async (_, [text, status]) => {
    const form = new FormData()
    form.append('file', new Blob([text]), '../../evil.html')
    const path = `${server.apiUrl}/accounts/${server.accountId}/stream/${uid}/captions/en`
    const authorization = `Bearer ${server.token}`
    const answer = await fetch(path, { method: 'PUT', headers: { authorization }, body: form })
    expect(answer.status, await answer.text()).toBe(status)
    if (status !== 200) return
    const kept = await fetch(`${path}/vtt`, { headers: { authorization } })
    expect(kept.status).toBe(200)
    expectOnlyText(kept)
    await kept.arrayBuffer()
    for (const address of await textAddresses()) {
      const segment = await fetch(address)
      expect(segment.status).toBe(200)
      expectOnlyText(segment)
      const shown = await segment.text()
      expect(shown).toMatch(/^WEBVTT/)
      expect(shown).not.toContain(URL_OF_EVIL)
    }
  })
})

test('an MKV with an SSA track that runs commands, and the font that it brings', async () => {
  const ass = `[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,../../evil.ttf,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{\\fn/etc/passwd\\p1}m 0 0 l 9999999 0{\\p0}{\\t(0,1,\\clip(0,0,1,1))}<script>alert(1)</script>\\NHello
`
  await writeFile(join(folder, 'evil.ass'), ass)
  await writeFile(join(folder, 'evil.ttf'), Buffer.alloc(100_000, 65))
  const picture = '-f lavfi -i testsrc2=s=64x48:r=12:d=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p'
  const film = await customSample('small-with-text-source.mkv', picture.split(' '))
  const out = join(folder, 'evil.mkv')
  const inputs = ['-i', film, '-i', join(folder, 'evil.ass'), '-map', '0:v', '-map', '1:s', '-c', 'copy']
  const font = ['-attach', join(folder, 'evil.ttf'), '-metadata:s:t', 'mimetype=application/x-truetype-font']
  const tags = ['-metadata:s:t', 'filename=../../evil.ttf', '-metadata:s:s:0', 'language=eng']
  await ffmpeg(inputs.concat(font, tags, out))
  const bytes = new Uint8Array(await readFile(out))
  const options = { budgetMs: 150_000, watch: false, remove: false }
  const end = await liveOnServer(server, { bytes, metadata: { name: 'evil' } }, options)
  expect(end).toMatchObject({ state: 'ready', problems: [] })
  const look = () => callApi<{ language: string; status: string }[]>(server, `/stream/${end.uid}/captions`)
  await expect
    .poll(async () => (await look()).map(({ status }) => status), { timeout: 60_000 })
    .toEqual(['ready'])
  const language = (await look())[0]?.language
  const response = await fetch(
    `${server.apiUrl}/accounts/${server.accountId}/stream/${end.uid}/captions/${language}/vtt`,
    { headers: { authorization: `Bearer ${server.token}` } },
  )
  expectOnlyText(response)
  const text = await response.text()
  expect(text).toContain('Hello')
  expect(text).not.toMatch(/etc\/passwd|\\fn|\\p1/)
})

function expectOnlyText({ headers }: Response): void {
  expect(headers.get('content-type')).toMatch(/^text\/vtt/)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
}

/** The caption segments that the manifest offers. */
async function textAddresses(): Promise<string[]> {
  const main = `${server.url}/${uid}/manifest/video.m3u8`
  const named = /TYPE=SUBTITLES.*?URI="([^"]+)"/.exec(await (await fetch(main)).text())?.[1]
  if (named === undefined) throw new Error('the manifest names no captions')
  const playlist = new URL(named, main).href
  const lines = (await (await fetch(playlist)).text()).split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => new URL(line, playlist).href)
}
