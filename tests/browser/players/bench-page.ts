/** Serves the bench page with the three players to a real Chromium, and drives it. */

import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type Page } from 'playwright-core'

export type PlayerName = 'hls' | 'shaka' | 'dash' | 'file'

export type Playthrough = {
  readonly errors: readonly string[]
  readonly loads: readonly string[]
  /** `[mediaTime seconds, number read from the picture, displayed width]`. */
  readonly frames: readonly (readonly [number, number, number])[]
  /** Audio-context seconds at which beeps begin. */
  readonly beeps: readonly number[]
  /** Pairs of audio-context seconds and media seconds. */
  readonly clock: readonly (readonly [number, number])[]
  readonly stalls: number
  /** Pictures that had been replaced on the screen before they could be read. */
  readonly late: number
  readonly ended: boolean
  readonly duration: number
  readonly ranges: readonly (readonly [number, number])[]
  readonly quality: number
}

export type BenchPage = {
  readonly page: Page
  playThrough(options: { player: PlayerName; url: string; switching: boolean }): Promise<Playthrough>
  seekAndRead(seconds: number): Promise<{ number: number; mediaTime: number; ms: number }>
  /** Local file served beside the page, for the progressive baseline. */
  fileUrl: string
  reload(): Promise<void>
  close(): Promise<void>
}

const here = new URL('.', import.meta.url)
const modules = new URL('../../../node_modules/', import.meta.url)
const FILES: Record<string, { url: URL; type: string }> = {
  '/': { url: new URL('page.html', here), type: 'text/html' },
  '/page.js': { url: new URL('page.js', here), type: 'text/javascript' },
  '/hls.js': { url: new URL('hls.js/dist/hls.min.js', modules), type: 'text/javascript' },
  '/shaka.js': {
    url: new URL('shaka-player/dist/shaka-player.compiled.js', modules),
    type: 'text/javascript',
  },
  '/dash.js': { url: new URL('dashjs/dist/modern/umd/dash.all.min.js', modules), type: 'text/javascript' },
}

/** Where the browser is; Debian's unless told otherwise. */
export const CHROMIUM = process.env['HEADWATER_CHROMIUM'] ?? '/usr/bin/chromium'

/** Arguments that keep a headless Chromium from reaching for a network that is not there. */
export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--mute-audio',
]

/** Starts a browser on the bench page. */
export async function openBenchPage(progressiveFile: string): Promise<BenchPage> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const file = path === '/source.mp4' ? { url: progressiveFile, type: 'video/mp4' } : FILES[path]
    if (!file) return response.writeHead(404).end()
    readFile(file.url).then(
      (bytes) => answer(request.headers.range, bytes, file.type, response),
      () => response.writeHead(500).end(),
    )
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS })
  const page = await browser.newPage()
  const reload = async () => {
    await page.goto('about:blank')
    await page.goto(`${origin}/`)
  }
  await reload()
  return {
    page,
    fileUrl: `${origin}/source.mp4`,
    reload,
    playThrough: (options) =>
      page.evaluate(
        (o) => (globalThis as unknown as { playThrough(x: unknown): Promise<Playthrough> }).playThrough(o),
        options,
      ),
    seekAndRead: (seconds) =>
      page.evaluate(
        (s) =>
          (
            globalThis as unknown as {
              seekAndRead(x: number): Promise<{ number: number; mediaTime: number; ms: number }>
            }
          ).seekAndRead(s),
        seconds,
      ),
    async close() {
      await browser.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with a range where one is asked for: a media element seeks that way. */
function answer(range: string | undefined, bytes: Buffer, type: string, response: ServerResponse): void {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
  if (!match) {
    response
      .writeHead(200, { 'content-type': type, 'content-length': bytes.length, 'accept-ranges': 'bytes' })
      .end(bytes)
    return
  }
  const start = Number(match[1])
  const end = Math.min(match[2] ? Number(match[2]) : bytes.length - 1, bytes.length - 1)
  response
    .writeHead(206, {
      'content-type': type,
      'content-length': end - start + 1,
      'content-range': `bytes ${start}-${end}/${bytes.length}`,
      'accept-ranges': 'bytes',
    })
    .end(bytes.subarray(start, end + 1))
}
