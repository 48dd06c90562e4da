/** ffmpeg that publishes for as long as it is let. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Publishes `film` over and over, in its own time, to an address of RTMP or SRT. */
export function publishForever(film: string, url: string): ChildProcess {
  const format = url.startsWith('srt:') ? 'mpegts' : 'flv'
  const args = ['-re', '-stream_loop', '-1', '-i', film, '-c', 'copy', '-f', format, url]
  return spawn('ffmpeg', ['-v', 'error', '-nostdin', ...args], { stdio: 'ignore' })
}

/** Ends it, and waits until it is gone; it may have seen before that nobody answers. */
export async function endPublisher(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}
