/** Planning beside the event loop: `plan-source.ts` in a work thread, and its typed face on this side. */

import type { ByteSource } from '../../media/isobmff/movie.ts'
import type { Clock, Thread } from '../../ports.ts'
import { type EarlyAnswer, type EarlyQuestion, planEarly } from './plan-early.ts'
import {
  type IndexedAnswer,
  type Planned,
  planIndexed,
  planListed,
  type PlanQuestion,
} from './plan-source.ts'
import type { DecoderReport } from './read-report.ts'

type IndexedQuestion = PlanQuestion & { readonly report: DecoderReport | null }
/** `draft`: the one whose first bytes are looked at. */
type EarlyDraftQuestion = EarlyQuestion & { readonly draft: string }
type ListedQuestion = PlanQuestion & { readonly report: DecoderReport; readonly packets: Uint8Array }

/** Plans sources; throws what `plan-source.ts` throws. */
export type Planner = {
  readonly planIndexed: (question: IndexedQuestion) => Promise<IndexedAnswer>
  readonly planListed: (question: ListedQuestion) => Promise<Planned>
  readonly planEarly: (question: EarlyDraftQuestion) => Promise<EarlyAnswer>
}

/** The face of a thread that does `ingestWorks`. */
export function createPlanner(thread: Thread): Planner {
  return {
    planIndexed: async (question) =>
      (await thread.run('planIndexed', question, { blob: question.media.name })) as IndexedAnswer,
    planListed: async (question) => (await thread.run('planListed', question)) as Planned,
    planEarly: async ({ draft, ...question }) =>
      (await thread.run('planEarly', question, { draft })) as EarlyAnswer,
  }
}

/** What the thread does; `clock` makes the ids of renditions. */
export function ingestWorks(clock: Pick<Clock, 'newUid'>) {
  // Safe in addresses, and no other rendition has it.
  const newId = (name: string): string => `${name}-${clock.newUid().slice(0, 12)}`
  return {
    async planIndexed(input: unknown, source: ByteSource) {
      const result = await planIndexed(source, input as IndexedQuestion, newId)
      return { result, transfer: result.kind === 'planned' ? memoryOf(result.planned) : [] }
    },
    async planListed(input: unknown) {
      const result = planListed(input as ListedQuestion, newId)
      return { result, transfer: memoryOf(result) }
    },
    async planEarly(input: unknown, source: ByteSource) {
      const result = await planEarly(source, input as EarlyQuestion, newId)
      return { result, transfer: result.kind === 'planned' ? memoryOf(result) : [] }
    },
  }
}

function memoryOf({ index }: Pick<Planned, 'index'>): ArrayBuffer[] {
  return index === null ? [] : [index.buffer]
}
