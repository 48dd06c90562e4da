/** Those who listen to one thing: each is told everything, and one that throws is told nothing more. */
export class Listeners<Listener> {
  /** Replaced by every change, so that one who comes or goes while somebody is told disturbs nobody. */
  #all: readonly Listener[] = []
  readonly #onFault: (error: unknown) => void

  /** `onFault` is told what a listener has thrown. */
  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  get size(): number {
    return this.#all.length
  }

  /** Adds one and tells it what came before it did. Answers how it stops to listen. */
  add(listener: Listener, greet: (listener: Listener) => void): () => void {
    this.#all = [...this.#all, listener]
    this.#tell(listener, greet)
    return () => this.#drop(listener)
  }

  /** Tells all who listen now, but those that stop meanwhile. */
  tell(what: (listener: Listener) => void): void {
    for (const one of this.#all) if (this.#all.includes(one)) this.#tell(one, what)
  }

  /** Nobody listens any more. */
  clear(): void {
    this.#all = []
  }

  #tell(listener: Listener, what: (listener: Listener) => void): void {
    try {
      what(listener)
    } catch (error) {
      this.#drop(listener)
      this.#onFault(error)
    }
  }

  #drop(listener: Listener): void {
    this.#all = this.#all.filter((one) => one !== listener)
  }
}
