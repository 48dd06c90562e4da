/** Planning beside the event loop: `plan-source.ts` in a work thread, and its typed face on this side. */

import { formatIndex } from '../../media/isobmff/index-format.ts'
import type { ByteSource } from '../../media/isobmff/movie.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import type { BlobName, Clock, Thread } from '../../ports.ts'
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
  /** The index of a file that was planned by it, once more. Throws `mp4_…`, `not_found`. */
  readonly index: (media: BlobName) => Promise<Uint8Array>
}

/** The face of a thread that does `ingestWorks`. */
export function createPlanner(thread: Thread): Planner {
  return {
    planIndexed: async (question) =>
      (await thread.run('planIndexed', question, { blob: question.media.name })) as IndexedAnswer,
    planListed: async (question) => (await thread.run('planListed', question)) as Planned,
    planEarly: async ({ draft, ...question }) =>
      (await thread.run('planEarly', question, { draft })) as EarlyAnswer,
    index: async (media) => (await thread.run('indexMedia', null, { blob: media })) as Uint8Array,
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
    async indexMedia(_input: unknown, source: ByteSource) {
      const result = formatIndex(await readMovie(source))
      return { result, transfer: [result.buffer] }
    },
  }
}

function memoryOf({ index }: Pick<Planned, 'index'>): ArrayBuffer[] {
  return index === null ? [] : [index.buffer]
}
