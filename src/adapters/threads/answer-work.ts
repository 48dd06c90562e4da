/** The thread's side of `work-thread.ts`: does one piece of work after the other. */

import { open } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { assert, isFailure } from '../../lib/failure.ts'
import type { ByteSource } from '../../media/isobmff/movie.ts'
import type { WorkAnswer, WorkQuestion } from './work-messages.ts'

/** A piece of work. `source`: the bytes of the blob it is about; one that needs none ignores it. */
export type Work = (input: unknown, source: ByteSource) => Promise<WorkResult>

export type WorkResult = {
  readonly result: unknown
  /** Memory of the result that changes hands instead of being copied. */
  readonly transfer?: readonly ArrayBuffer[]
}

/** Called once by the module that a thread is started with: answers its keeper from then on. */
export function answerWork(works: Readonly<Record<string, Work>>): void {
  const keeper = parentPort
  assert(keeper !== null, 'Work is answered in a thread only.')
  keeper.on('message', (question: WorkQuestion) => {
    void answer(works, question).then(({ reply, transfer }) => keeper.postMessage(reply, transfer))
  })
}

async function answer(
  works: Readonly<Record<string, Work>>,
  question: WorkQuestion,
): Promise<{ reply: WorkAnswer; transfer: ArrayBuffer[] }> {
  try {
    const work = works[question.work]
    assert(work !== undefined, `This thread does not know the work "${question.work}".`)
    const { result, transfer } = await withSource(question.path, (source) => work(question.input, source))
    return { reply: { result }, transfer: [...(transfer ?? [])] }
  } catch (error) {
    const failure = isFailure(error)
      ? { code: error.code, sentence: error.message, facts: error.facts }
      : {
          code: 'internal' as const,
          sentence: error instanceof Error ? (error.stack ?? error.message) : String(error),
          facts: {},
        }
    return { reply: { failure }, transfer: [] }
  }
}

/** Runs `use` on the bytes of a file; on none without one. */
async function withSource<T>(path: string | null, use: (source: ByteSource) => Promise<T>): Promise<T> {
  if (path === null) return await use({ sizeBytes: 0, read: async () => 0 })
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    return await use({
      sizeBytes: size,
      async read(target, position) {
        let filled = 0
        while (filled < target.byteLength) {
          const left = target.byteLength - filled
          const { bytesRead } = await handle.read(target, filled, left, position + filled)
          if (bytesRead === 0) break
          filled += bytesRead
        }
        return filled
      },
    })
  } finally {
    await handle.close()
  }
}
