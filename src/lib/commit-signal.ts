/**
 * Tells who listens that a transaction has committed, without either side knowing the other: whoever opens a database
 * announces its commits, whoever was handed that database may listen, or look whether there was one.
 */

const listeners = new WeakMap<object, Set<() => void>>()
const counts = new WeakMap<object, number>()

/** Calls `listener` after every commit on `database`, if its opener announces them. Answers how to stop listening. */
export function onCommit(database: object, listener: () => void): () => void {
  const known = listeners.get(database) ?? new Set()
  listeners.set(database, known)
  known.add(listener)
  return () => {
    known.delete(listener)
  }
}

/**
 * For the opener of `database`, which alone writes to it: after every commit and before anybody is told of its success;
 * and once when it is opened.
 */
export function announceCommit(database: object): void {
  counts.set(database, (counts.get(database) ?? 0) + 1)
  for (const listener of listeners.get(database) ?? []) listener()
}

/** Another number after every commit; undefined for a database whose commits are not announced. */
export function commitCount(database: object): number | undefined {
  return counts.get(database)
}
