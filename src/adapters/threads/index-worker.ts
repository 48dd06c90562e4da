/** The thread's side of `index-thread.ts`: reads one index at a time from a local file. Started only by it. */

import { open } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { isFailure } from '../../lib/failure.ts'
import type { Movie } from '../../media/isobmff/movie.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import type { IndexAnswer, IndexQuestion } from './index-messages.ts'

parentPort?.on('message', (question: IndexQuestion) => {
  void answer(question).then(({ reply, buffers }) => parentPort?.postMessage(reply, buffers))
})

async function answer(question: IndexQuestion): Promise<{ reply: IndexAnswer; buffers: ArrayBuffer[] }> {
  try {
    const movie = await readFile(question.path)
    return { reply: { id: question.id, movie }, buffers: tableBuffers(movie) }
  } catch (error) {
    const failure = isFailure(error)
      ? { code: error.code, sentence: error.message, facts: error.facts }
      : {
          code: 'internal' as const,
          sentence: error instanceof Error ? (error.stack ?? error.message) : String(error),
          facts: {},
        }
    return { reply: { id: question.id, failure }, buffers: [] }
  }
}

async function readFile(path: string): Promise<Movie> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    return await readMovie({
      sizeBytes: size,
      async read(target, position) {
        let filled = 0
        while (filled < target.byteLength) {
          const { bytesRead } = await handle.read(
            target,
            filled,
            target.byteLength - filled,
            position + filled,
          )
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

/** The large arrays change hands instead of being copied; each buffer once, and only those that are wholly theirs. */
function tableBuffers(movie: Movie): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  for (const { samples } of movie.tracks) {
    for (const column of [
      samples.offsets,
      samples.sizes,
      samples.decodeTimes,
      samples.compositionOffsets,
      samples.sync,
    ]) {
      if (column.buffer instanceof ArrayBuffer && column.byteLength === column.buffer.byteLength) {
        buffers.add(column.buffer)
      }
    }
  }
  return [...buffers]
}
