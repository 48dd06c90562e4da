/** One holder per key. A newcomer may ask the holder to let go, and waits for that up to a limit. */

/** A held lock; releasing it twice is fine. */
export type Hold = { release(): void }

export type TakeOptions = {
  /** How long to wait for the present holder; 0 = not at all. */
  readonly waitMs: number
  /** Ends the wait early. */
  readonly signal?: AbortSignal
  /** Called, while this one holds the lock, each time somebody else wants it. */
  readonly onWanted?: () => void
}

type Taker = { readonly options: TakeOptions; grant(hold: Hold): void }

type Lock = { holder: Taker; readonly queue: Taker[] }

export class KeyedLock {
  readonly #locks = new Map<string, Lock>()

  /** Takes the lock of `key`, in the order of the calls; `undefined` when the wait ended first. */
  take(key: string, options: TakeOptions): Promise<Hold | undefined> {
    return new Promise((resolve) => {
      const taker: Taker = { options, grant: resolve }
      const lock = this.#locks.get(key)
      if (lock === undefined) {
        const free: Lock = { holder: taker, queue: [] }
        this.#locks.set(key, free)
        resolve(this.#hold(key, free, taker))
      } else if (options.waitMs <= 0 || options.signal?.aborted === true) {
        resolve(undefined)
      } else {
        this.#wait(lock, taker, () => resolve(undefined))
      }
    })
  }

  /** Whether somebody holds the lock of `key`. */
  isHeld(key: string): boolean {
    return this.#locks.has(key)
  }

  #wait(lock: Lock, taker: Taker, giveUp: () => void): void {
    const { signal, waitMs } = taker.options
    const stopWaiting = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
    }
    const waiting: Taker = {
      options: taker.options,
      grant: (hold) => {
        stopWaiting()
        taker.grant(hold)
      },
    }
    const end = () => {
      stopWaiting()
      lock.queue.splice(lock.queue.indexOf(waiting), 1)
      giveUp()
    }
    const timer = setTimeout(end, waitMs)
    signal?.addEventListener('abort', end, { once: true })
    lock.queue.push(waiting)
    lock.holder.options.onWanted?.()
  }

  #hold(key: string, lock: Lock, holder: Taker): Hold {
    return {
      release: () => {
        if (lock.holder !== holder) return
        const next = lock.queue.shift()
        if (next === undefined) {
          if (this.#locks.get(key) === lock) this.#locks.delete(key)
          return
        }
        lock.holder = next
        next.grant(this.#hold(key, lock, next))
        // Whoever waits behind it wants it, too.
        if (lock.queue.length > 0) next.options.onWanted?.()
      },
    }
  }
}
