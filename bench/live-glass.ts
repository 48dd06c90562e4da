/** From glass to glass: how old the clock is in pictures when they have been decoded at the other end. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Page } from 'playwright-core'
import { ageOf, CLOCK, readAge } from './live-clock.ts'

/** Ages in milliseconds, one for each picture that could be read. */
export type Ages = readonly number[]

/** Plays an address with ffmpeg for a while, as a player of low latency would. The first second does not count. */
export async function playWithFfmpeg(input: readonly string[], ms: number): Promise<Ages> {
  const { width, band } = CLOCK
  const child = spawn(
    'ffmpeg',
    [
      ...'-hide_banner -nostdin -v error -fflags nobuffer -flags low_delay -threads 1'.split(' '),
      ...'-probesize 100000 -analyzeduration 200000'.split(' '),
      ...input,
      ...`-map 0:v -vf crop=${width}:${band}:0:0,format=gray -fps_mode passthrough`.split(' '),
      ...'-flush_packets 1 -f rawvideo pipe:1'.split(' '),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1_000)
  })
  const ages: number[] = []
  const size = width * band
  let pending = Buffer.alloc(0)
  let firstMs = Number.NaN
  child.stdout.on('data', (piece: Buffer) => {
    const nowMs = Date.now()
    pending = Buffer.concat([pending, piece])
    for (; pending.byteLength >= size; pending = pending.subarray(size)) {
      if (Number.isNaN(firstMs)) firstMs = nowMs
      const age = readAge(pending.subarray(0, size), width, nowMs)
      if (age !== null && nowMs - firstMs >= SETTLING_MS.ffmpeg) ages.push(age)
    }
  })
  const closed = once(child, 'close')
  const timer = setTimeout(() => child.kill('SIGKILL'), ms + SETTLING_MS.ffmpeg + 2_000)
  await closed
  clearTimeout(timer)
  if (ages.length === 0) throw new Error(`ffmpeg read no clock: ${said.trim() || 'it said nothing'}`)
  return ages
}

/** Players of pages find their place at the edge in the first seconds. */
const SETTLING_MS = { ffmpeg: 1_000, page: 6_000 } as const
const PATIENCE_MS = 20_000

/** Reads the clock of the page's one video, whenever it shows another picture. */
export async function watchPage(page: Page, ms: number): Promise<Ages> {
  const words = await page.evaluate<[number, number][]>(
    `(async () => {
      const { cells, settling, ms, patience } = ${JSON.stringify({ cells: 32, settling: SETTLING_MS.page, ms, patience: PATIENCE_MS })}
      const until = (done) => new Promise((resolve, reject) => {
        const endMs = Date.now() + patience
        const look = () => {
          const found = done()
          if (found) resolve(found)
          else if (Date.now() > endMs) reject(new Error('There was nothing to see.'))
          else setTimeout(look, 50)
        }
        look()
      })
      const video = await until(() => {
        const found = document.querySelector('video')
        return found && found.videoWidth > 0 && found.currentTime > 0 && found
      })
      const canvas = document.createElement('canvas')
      canvas.width = cells
      canvas.height = 1
      const context = canvas.getContext('2d', { willReadFrequently: true })
      const words = []
      const startMs = Date.now()
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(words), settling + ms)
        const look = () => {
          const nowMs = Date.now()
          const { videoWidth: width, videoHeight: height } = video
          const cell = width / cells
          // The middle of each cell, from the middle of the band.
          for (let bit = 0; bit < cells; bit += 1) {
            context.drawImage(video, (bit + 0.5) * cell, height / 18, 1, 1, bit, 0, 1, 1)
          }
          const { data } = context.getImageData(0, 0, cells, 1)
          let word = 0
          for (let bit = 0; bit < cells; bit += 1) if (data[bit * 4] > 126) word |= 1 << bit
          if (nowMs - startMs >= settling) words.push([word >>> 0, nowMs])
          if (nowMs - startMs >= settling + ms) { clearTimeout(timer); resolve(words) }
          else video.requestVideoFrameCallback(look)
        }
        video.requestVideoFrameCallback(look)
      })
    })()`,
  )
  const ages = words.map(([word, nowMs]) => ageOf(word, nowMs)).filter((age) => age !== null)
  if (ages.length === 0) throw new Error(`the page showed no clock in ${words.length} pictures`)
  return ages
}
