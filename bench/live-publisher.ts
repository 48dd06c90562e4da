/** Publishers: one whose picture is a clock, drawn by us and coded by ffmpeg; others that send a file again and again. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { CLOCK, drawPicture, drawSound, SAMPLE_RATE } from './live-clock.ts'

const FRAME_RATE = 30
const GOP_SECONDS = 2

export type Publisher = AsyncDisposable & {
  readonly pid: number
  /** Ends as a publisher does who presses stop; answers what it said. */
  stop(): Promise<string>
}

/** Publishes the clock until it is stopped. `target`: ffmpeg's output, e.g. `['-f', 'flv', 'rtmp://…']`. */
export function publishClock(target: readonly string[]): Publisher {
  const child = spawn(
    'ffmpeg',
    [
      ...words('-hide_banner -v error -probesize 32 -analyzeduration 0 -thread_queue_size 64'),
      ...words(`-f rawvideo -pix_fmt yuv420p -s ${CLOCK.width}x${CLOCK.height} -r ${FRAME_RATE} -i pipe:0`),
      ...words(`-probesize 32 -thread_queue_size 64 -f s16le -ar ${SAMPLE_RATE} -ac 1 -i pipe:3`),
      ...words('-map 0:v -map 1:a -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p'),
      ...words(`-profile:v baseline -b:v 1500k -maxrate 1500k -bufsize 500k -g ${FRAME_RATE * GOP_SECONDS}`),
      ...words('-sc_threshold 0 -c:a aac -b:a 96k -ac 2 -flush_packets 1'),
      ...target,
    ],
    { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] },
  )
  const stopping = new AbortController()
  const drawing = draw(child.stdin as Writable, child.stdio[3] as Writable, stopping.signal)
  return live(child, async () => {
    stopping.abort()
    await drawing
  })
}

/** Sends a file in its own time, again and again, as it is. */
export function publishFile(path: string, target: readonly string[]): Publisher {
  const args = [
    ...words('-hide_banner -v error -re -stream_loop -1'),
    '-i',
    path,
    ...words('-c copy'),
    ...target,
  ]
  const child = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'pipe', 'ignore'] })
  return live(child, async () => {
    // A file is left off at once by the letter that ends ffmpeg.
    child.stdin?.end('q')
  })
}

function live(child: ChildProcess, end: () => Promise<void>): Publisher {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000)
  })
  for (const pipe of child.stdio) pipe?.on('error', () => {})
  const closed = once(child, 'close')
  const stop = async (): Promise<string> => {
    await end()
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await closed
    clearTimeout(timer)
    return said
  }
  return {
    pid: child.pid ?? 0,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
    },
  }
}

/** Every picture when it is due, each with the time at which it is drawn; and the sound up to then. */
async function draw(pictures: Writable, sound: Writable, signal: AbortSignal): Promise<void> {
  const startMs = Date.now()
  let heardMs = startMs
  for (let frame = 0; !signal.aborted; frame += 1) {
    const dueMs = startMs + (frame * 1_000) / FRAME_RATE
    await sleep(Math.max(0, dueMs - Date.now()), undefined, { signal }).catch(() => {})
    // Sound first: whoever codes both waits for the later one.
    sound.write(drawSound(heardMs, dueMs + 1_000 / FRAME_RATE))
    heardMs = dueMs + 1_000 / FRAME_RATE
    pictures.write(drawPicture(Date.now()))
  }
  pictures.end()
  sound.end()
}

function words(line: string): string[] {
  return line.split(' ')
}
