/**
 * Tells who listens that a transaction has committed, without either side knowing the other: whoever opens a database
 * announces its commits, whoever was handed that database may listen.
 */

const listeners = new WeakMap<object, Set<() => void>>()

/** Calls `listener` after every commit on `database`, if its opener announces them. Answers how to stop listening. */
export function onCommit(database: object, listener: () => void): () => void {
  const known = listeners.get(database) ?? new Set()
  listeners.set(database, known)
  known.add(listener)
  return () => {
    known.delete(listener)
  }
}

/** Calls the listeners of `database`; for its opener, after a commit. */
export function announceCommit(database: object): void {
  for (const listener of listeners.get(database) ?? []) listener()
}
