/**
 * Speech recognition by a program of the operator's: `<program> <file.wav> <language>`, WebVTT on its standard output. It
 * runs in a group of its own and is killed with it when it is no longer wanted; should the server itself be killed, the
 * program ends at its next write, since nobody reads it.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { HeadwaterError } from '../../lib/failure.ts'
import { BoundedBytes, MAX_ANSWER_BYTES } from './bounded-bytes.ts'
import type { HearFile } from './hear-file.ts'

/** How much of what the program says of itself is kept. */
const SAID_BYTES = 2_048

/** An engine that runs `program` with `environment`. */
export function commandEngine(program: string, environment: Readonly<Record<string, string>>): HearFile {
  return async (path, { language, signal }) => {
    signal.throwIfAborted()
    const child = spawn(program, [path, language], {
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const kill = () => killGroup(child)
    signal.addEventListener('abort', kill)
    const answer = new BoundedBytes()
    let said = ''
    child.stdout.on('data', (bytes: Uint8Array) => {
      if (!answer.push(bytes)) kill()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_BYTES)
    })
    try {
      const { exitCode, killedBy } = await waitForEnd(child)
      signal.throwIfAborted()
      if (answer.isOver) throw failed(`wrote more than ${MAX_ANSWER_BYTES} bytes`)
      if (exitCode !== 0) {
        const how = killedBy === null ? `ended with ${exitCode}` : `was ended by ${killedBy}`
        throw failed(`${how}: ${said.trimEnd().split('\n').at(-1) || 'it said nothing'}`)
      }
      return answer.bytes()
    } finally {
      signal.removeEventListener('abort', kill)
    }
  }
}

function waitForEnd(child: ChildProcess) {
  return new Promise<{ exitCode: number | null; killedBy: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', (cause) => reject(failed(`could not be started (${cause.message})`)))
    // Nobody waits for it, so it gives way to everything else.
    child.once('spawn', () => giveWay(child))
    child.once('close', (exitCode, killedBy) => resolve({ exitCode, killedBy }))
  })
}

function giveWay(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It has ended already, or the system does not let us.
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended between the question and the signal.
  }
}

function failed(how: string): HeadwaterError {
  return new HeadwaterError('speech_failed', `The program of HEADWATER_SPEECH_COMMAND ${how}.`)
}
