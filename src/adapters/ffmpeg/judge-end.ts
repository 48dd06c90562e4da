/** What the end of a run means: an output, or a failure that says which limit was met. */

import { constants } from 'node:os'
import { HeadwaterError } from '../../lib/failure.ts'
import type { DecoderTask } from '../../ports.ts'
import { MOST_PIXELS, MOST_STREAMS } from './guard-args.ts'
import type { OutputFile } from './output-file.ts'
import type { FfmpegEnd } from './run-ffmpeg.ts'

/** Throws when the run did not give what it should. */
export async function judgeEnd(
  task: DecoderTask,
  end: FfmpegEnd,
  stderr: string,
  files: ReadonlyMap<string, OutputFile>,
): Promise<void> {
  const killedBy = end.killedBy ?? signalOf(end.exitCode)
  const fail = (reason: string, sentence: string): never => {
    const mayPass = !BUDGETS.includes(reason)
    throw new HeadwaterError('decoder_failed', sentence, {
      facts: { task: task.label, reason, mayPass, exitCode: end.exitCode, signal: killedBy, stderr },
    })
  }
  if (end.reason === 'wall') {
    fail('wall', `${task.label}: the decoder was stopped after ${task.limits.wallMs / 1000} s.`)
  }
  if (end.reason === 'stall') fail('stall', `${task.label}: the decoder made no progress and was stopped.`)
  // Where only the last bytes found no room, the decoder says so and ends as if nothing were missing.
  if (/No space left on device/i.test(stderr)) {
    throw new HeadwaterError('disk_full', `${task.label}: the disk is full.`, { facts: { stderr } })
  }
  if (end.exitCode !== 0) {
    if (killedBy === 'SIGXFSZ' || /File too large/i.test(stderr)) {
      throw wroteTooMuch(task, stderr)
    }
    if (/exceeds specified max pixel count/.test(stderr)) {
      fail('pixels', `${task.label}: a picture has more than ${MOST_PIXELS} pixels.`)
    }
    if (/Number of streams exceeds max_streams/.test(stderr)) {
      fail('streams', `${task.label}: there are more than ${MOST_STREAMS} streams.`)
    }
    if (killedBy === 'SIGXCPU' || wasAskedToEnd(end.exitCode, stderr)) {
      fail('cpu', `${task.label}: the decoder used more than ${task.limits.cpuSeconds} s of processor time.`)
    }
    const how = killedBy === null ? `ended with ${end.exitCode}` : `was ended by ${killedBy}`
    fail('exit', `${task.label}: the decoder ${how}: ${lastLine(stderr)}`)
  }
  for (const file of files.values()) {
    await file.refresh()
    if (file.sizeBytes === 0) fail('missing-output', `${task.label}: the decoder made no ${file.name}.`)
  }
}

/** What a file uses up wherever and whenever it is decoded: another try would only cost as much again. */
const BUDGETS: readonly string[] = ['cpu', 'output', 'pixels', 'streams']

/** ffmpeg takes the signal of the processor time for a wish to end, and tells it like this; nobody else has one. */
function wasAskedToEnd(exitCode: number | null, stderr: string): boolean {
  return (
    exitCode === 255 && (stderr.trim() === '' || /Immediate exit requested|Exiting normally/.test(stderr))
  )
}

/** The failure of a run that wrote more than it may. */
export function wroteTooMuch({ label, limits }: DecoderTask, stderr = ''): HeadwaterError {
  return new HeadwaterError(
    'decoder_failed',
    `${label}: the decoder wrote more than ${limits.outputBytes} bytes.`,
    { facts: { task: label, reason: 'output', mayPass: false, stderr } },
  )
}

/** Inside walls the first process answers for the decoder, as shells do: 128 and the number of the signal. */
function signalOf(exitCode: number | null): NodeJS.Signals | null {
  const found = DEADLY.find((name) => exitCode === SHELL_BASE + constants.signals[name])
  return found ?? null
}

const SHELL_BASE = 128
/** What ends a decoder from outside or by its own fault; other numbers above 128 are ffmpeg's own. */
const DEADLY = [
  'SIGILL',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGSYS',
] as const satisfies readonly NodeJS.Signals[]

/** Paths of this machine must not reach customers, and the addresses that ffmpeg prints before messages say nothing. */
export function scrub(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) clean = clean.replaceAll(secret, '')
  return clean
    .replaceAll(/ @ 0x[0-9a-f]+\]/g, ']')
    .replaceAll(/\bfile:(?:\/proc\/self\/fd\/\d+)?(?=[:,'\s]|$)/g, 'input')
    .replaceAll(ANY_PATH, '')
}

/** Whatever else looks like the path of a file of this machine: of a library, of a program. */
const ANY_PATH = /(?<=^|[\s'"(=:])(?:\/[\w@.+-]+){2,}/gm

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() || 'it said nothing'
}
