/** A blob store in which the nth call of a kind fails, is slow, or is the last thing that the program does. */

import type { BlobName, Blobs, Draft } from '../../../src/ports.ts'
import { wrapDrafts } from '../../contract/faulty-blobs.ts'
import type { BlobCall, InnerFaults } from './faults.ts'

export type FaultyBlobsOptions = {
  readonly faults: InnerFaults
  /** Does not return. */
  readonly die: (where: string) => void
  readonly say: (line: string) => void
  /** What the program's clock showed when this machine's showed `realMs`: files have the times of that clock. */
  readonly shownMs: (realMs: number) => number
}

/** What a call that fails says; by these words the checks know that a job failed by a fault. */
export const FAULT_WORDS = 'a fault of the test'

/** Wraps `blobs`. */
export function faultyBlobs<B extends Blobs>(blobs: B, options: FaultyBlobsOptions): B {
  const meet = meeter(options)
  const wrapped = wrapDrafts(blobs, (draft: Draft) => ({
    append: (buffers) => meet('append', () => draft.append(buffers)),
    sync: () => meet('sync', () => draft.sync()),
    discard: () => meet('discardDraft', () => draft.discard()),
    publish: (name) =>
      meet(
        'publish',
        () => draft.publish(name),
        // Closed after a failure, as the port wants it.
        () => draft.close(),
      ),
  }))
  const { shownMs } = options
  const changes: Partial<Blobs> = {
    createDraft: (options) => meet('createDraft', () => wrapped.createDraft(options)),
    delete: (name, options) => meet('delete', () => deleteShown(name, options)),
    discardDraft: (id) => meet('discardDraft', () => blobs.discardDraft(id)),
    async *list(prefix) {
      for await (const one of blobs.list(prefix)) yield { ...one, modifiedUs: shownUs(one.modifiedUs) }
    },
    async *listDrafts() {
      for await (const one of blobs.listDrafts()) yield { ...one, modifiedUs: shownUs(one.modifiedUs) }
    },
  }
  const shownUs = (realUs: number): number => shownMs(realUs / 1000) * 1000
  /** The time that is named is one of the moved clock, those of the files are this machine's. */
  async function deleteShown(
    name: BlobName,
    options?: { readonly publishedBeforeUs?: number },
  ): Promise<void> {
    const { publishedBeforeUs } = options ?? {}
    if (publishedBeforeUs === undefined) return await blobs.delete(name)
    for await (const found of blobs.list(name)) {
      if (found.name !== name || shownUs(found.modifiedUs) >= publishedBeforeUs) continue
      await blobs.delete(name, { publishedBeforeUs: found.modifiedUs + 1 })
    }
  }
  return new Proxy(wrapped as B, {
    get: (target, key) => {
      const value: unknown = Reflect.get(changes, key) ?? Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

type Meet = <T>(call: BlobCall, go: () => Promise<T>, onFailure?: () => Promise<void>) => Promise<T>

/** Counts the calls of each kind and lets the faults meet theirs. */
function meeter({ faults, die, say }: FaultyBlobsOptions): Meet {
  const counts = new Map<BlobCall, number>()
  return async (call, go, onFailure) => {
    const nth = (counts.get(call) ?? 0) + 1
    counts.set(call, nth)
    const kill = faults.kill?.at === call && faults.kill.nth === nth ? faults.kill : undefined
    if (kill?.when === 'before') die(`${call}, before it`)
    const write = faults.write?.call === call && faults.write.nth === nth ? faults.write : undefined
    if (write) say(`fault ${call} ${write.how}`)
    if (write?.how === 'is slow') await new Promise((resolve) => setTimeout(resolve, write.ms))
    if (write?.how === 'fails') {
      await onFailure?.()
      throw new Error(`${call} fails: ${FAULT_WORDS}`)
    }
    const result = await go()
    if (kill?.when === 'after') die(`${call}, after it`)
    if (write?.how === 'fails late') throw new Error(`${call} fails late: ${FAULT_WORDS}`)
    return result
  }
}
