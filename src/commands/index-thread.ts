/** What the work thread is started with: the composition root of that thread. */

import { answerWork } from '../adapters/threads/answer-work.ts'
import { systemClock } from '../adapters/system/clock.ts'
import type { ReadOptions } from '../core/captions/index.ts'
import type { LayoutQuestion } from '../core/downloads/index.ts'
import { ingestWorks } from '../core/planning/index.ts'

// Modules are read when they are first wanted: nobody who uploads should wait for what only others need.
answerWork({
  ...ingestWorks(systemClock()),
  async indexWebVtt(input, source) {
    const { indexWebVtt } = await import('../core/captions/index.ts')
    const result = await indexWebVtt(input as ReadOptions, source)
    return { result, transfer: Object.values(result).map((array) => array.buffer) }
  },
  async layoutFile(input, index) {
    const { layoutFile } = await import('../core/downloads/index.ts')
    const result = await layoutFile(input as LayoutQuestion, index)
    return { result, transfer: [result.head.buffer, result.pieces.buffer, result.literals.buffer] }
  },
})
