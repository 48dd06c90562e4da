/**
 * Who may come in by SRT, asked within the handshake: while one caller waits for the answer, everything of SRT does. So what
 * was found is remembered for a moment, and an address that guesses is turned away without a question.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import type { HeadwaterError } from '../../lib/failure.ts'
import { isSameSecret } from '../../lib/same-secret.ts'
import type { LiveDoor } from '../../live-ports.ts'
import { type HandshakeAnswer, REJECT } from './handshake.ts'
import type { SrtCaller } from './life.ts'
import { readStreamId } from './stream-id.ts'

/** A handshake may ask several times, whoever is turned away tries again at once; keys are rotated at any time. */
const FOUND_MS = 500
const UNKNOWN_MS = 2_000
const MOST_REMEMBERED = 2_000
/** Unknown ids that an address may ask for at once, and how many more each second. */
const BURST = 20
const PER_SECOND = 1
const MOST_ADDRESSES = 2_000
/** The answer to a question that takes longer comes too late; the caller tries again. */
const PATIENCE_MS = 1_000

type Found = Awaited<ReturnType<LiveDoor['findSrt']>>
/** A caller that was let in: the id as the API hands it out, and what for. */
export type Admitted = { readonly key: string; readonly purpose: 'publish' | 'play' }

/** Answers handshakes. */
export class SrtGate {
  readonly #door: Pick<LiveDoor, 'findSrt'>
  readonly #found = new BoundedCache<string, { found: Found; untilMs: number }>({
    maxWeight: MOST_REMEMBERED,
  })
  readonly #guesses = new BoundedCache<string, { left: number; atMs: number }>({ maxWeight: MOST_ADDRESSES })

  constructor(door: Pick<LiveDoor, 'findSrt'>) {
    this.#door = door
  }

  /** The passphrase a caller has to have, or why it is turned away. */
  async answer({ streamId, remote }: SrtCaller): Promise<HandshakeAnswer> {
    const wanted = readStreamId(streamId)
    if (wanted === undefined) return { reject: REJECT.badRequest }
    const remembered = this.#found.peek(wanted.key)
    const isKnown = remembered !== undefined && remembered.untilMs > performance.now()
    if (!isKnown && !this.#mayAsk(hostOf(remote))) return { reject: REJECT.overload }
    const found = isKnown ? remembered.found : await this.#ask(wanted.key)
    if (found === 'late') return { reject: REJECT.unavailable }
    if (found === undefined) {
      this.#countGuess(hostOf(remote))
      return { reject: REJECT.notFound }
    }
    if (wanted.purpose !== undefined && wanted.purpose !== found.purpose) return { reject: REJECT.badMode }
    if (found.refusal !== undefined) return { reject: rejectOf(found.refusal) }
    return { passphrase: found.passphrase }
  }

  /**
   * What a caller that has come in wants; undefined when it has meanwhile lost the right to it: the passphrase that its
   * handshake was compared with is not the one of now.
   */
  async admit(streamId: string): Promise<Admitted | undefined> {
    const wanted = readStreamId(streamId)
    const told = wanted && this.#found.peek(wanted.key)?.found
    if (!wanted || !told) return undefined
    const now = await this.#door.findSrt(wanted.key)
    if (now === undefined || now.refusal || !isSameSecret(told.passphrase, now.passphrase)) return undefined
    return { key: wanted.key, purpose: now.purpose }
  }

  async #ask(key: string): Promise<Found | 'late'> {
    const asking = this.#door.findSrt(key).then((found) => {
      const forMs = found === undefined ? UNKNOWN_MS : FOUND_MS
      this.#found.set(key, { found, untilMs: performance.now() + forMs })
      return found
    })
    const patience = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => patience.resolve('late'), PATIENCE_MS)
    try {
      return await Promise.race([asking, patience.promise])
    } catch {
      return 'late'
    } finally {
      clearTimeout(timer)
    }
  }

  #mayAsk(host: string): boolean {
    return this.#left(host) >= 1
  }

  #countGuess(host: string): void {
    this.#guesses.set(host, { left: this.#left(host) - 1, atMs: performance.now() })
  }

  #left(host: string): number {
    const known = this.#guesses.peek(host)
    if (known === undefined) return BURST
    return Math.min(BURST, known.left + ((performance.now() - known.atMs) / 1_000) * PER_SECOND)
  }
}

function rejectOf({ code }: HeadwaterError): number {
  return code === 'storage_exhausted' ? REJECT.noRoom : REJECT.forbidden
}

/** An address without its port; of IPv6 the network, since everybody has a whole one. */
function hostOf(remote: string): string {
  const v6 = /^\[(.*)\]:\d+$/.exec(remote)?.[1]
  return v6 === undefined ? remote.replace(/:\d+$/, '') : v6.split(':').slice(0, 4).join(':')
}
