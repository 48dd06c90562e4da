/**
 * Who keeps connections is told at once when an input is changed, so that what must be cut is cut. Told after the commit,
 * never before, and only within the process: a server that ends cuts its connections anyhow.
 */

/** What happened to an input. An edit that also turns it on or off is told as both. */
export type LiveInputChange = {
  readonly kind: 'created' | 'edited' | 'disabled' | 'enabled' | 'deleted' | 'keysRotated' | 'outputsChanged'
  readonly inputUid: string
}

/** One object for the process, made by the composition root. */
export class LiveInputChanges {
  readonly #listeners = new Set<(change: LiveInputChange) => void>()

  /** `listener` must neither throw nor wait. Answers how to leave. */
  listen(listener: (change: LiveInputChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Tells everybody; called by this folder alone. */
  tell(inputUid: string, kind: LiveInputChange['kind']): void {
    for (const listener of this.#listeners) listener({ kind, inputUid })
  }
}
