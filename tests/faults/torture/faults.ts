/** What goes wrong in one life of the server, drawn from the seed. */

/** A call of the blob store that a fault can meet. */
export const BLOB_CALLS = ['createDraft', 'append', 'sync', 'publish', 'delete', 'discardDraft'] as const
export type BlobCall = (typeof BLOB_CALLS)[number]

/** An instant of the program, by what it does. */
export type Instant =
  /** After so many commits have reached the disk, before anybody is told of the last one. */
  | { readonly at: 'commit'; readonly nth: number }
  /** Before or after the `nth` call of this kind. */
  | { readonly at: BlobCall; readonly nth: number; readonly when: 'before' | 'after' }

/** Faults that the program itself is started with (`faulty-program.ts`). */
export type InnerFaults = {
  /** Where it kills itself. */
  readonly kill?: Instant
  /** The `nth` call fails before anything is done, or after everything is; or it takes `ms` longer. */
  readonly write?: {
    readonly call: BlobCall
    readonly nth: number
    readonly how: 'fails' | 'fails late' | 'is slow'
    readonly ms: number
  }
  /** After `afterMs` its clock moves by so much. */
  readonly jump?: { readonly afterMs: number; readonly byMs: number }
}

/** Everything that is to happen in one life. */
export type LifePlan = {
  readonly inner: InnerFaults
  /** When the driver kills it at the latest, in milliseconds: after its start, or after its first answer. */
  readonly kill: { readonly after: 'start' | 'ready'; readonly ms: number; readonly scope: 'tree' | 'alone' }
  /** Milliseconds after the first answer. */
  readonly killDecoderAtMs: number | null
  /** The disk is full for a while. */
  readonly diskFull: { readonly atMs: number; readonly forMs: number } | null
  /** The kill comes so long after an encode has begun. */
  readonly waitForEncode: boolean
}

/** A life without faults, for `ms` milliseconds at most. */
export const NO_FAULTS: LifePlan = {
  inner: {},
  kill: { after: 'ready', ms: Number.POSITIVE_INFINITY, scope: 'tree' },
  killDecoderAtMs: null,
  diskFull: null,
  waitForEncode: false,
}

const HOUR_MS = 3_600_000
/** Longest load of a life. */
const LOAD_MS = 1_400

/** Draws a life. */
export function drawLife(random: () => number): LifePlan {
  const below = (count: number) => Math.floor(random() * count)
  const scope = random() < 0.5 ? 'tree' : 'alone'
  if (random() < 0.1) {
    // Some kills come while the server is still putting itself together.
    return { ...NO_FAULTS, kill: { after: 'start', ms: random() * 700, scope } }
  }
  return {
    inner: {
      ...(random() < 0.45 && { kill: drawInstant(random) }),
      ...(random() < 0.3 && { write: drawWrite(random) }),
      ...(random() < 0.15 && { jump: { afterMs: below(LOAD_MS), byMs: drawJumpMs(random) } }),
    },
    kill: { after: 'ready', ms: 100 + random() * LOAD_MS, scope },
    killDecoderAtMs: random() < 0.2 ? random() * LOAD_MS : null,
    diskFull: random() < 0.12 ? { atMs: random() * LOAD_MS, forMs: 100 + random() * 900 } : null,
    waitForEncode: random() < 0.5,
  }
}

/** Whether a job may fail in this life other than by the kill. */
export function mayFail({ inner, killDecoderAtMs, diskFull }: LifePlan): boolean {
  const write = inner.write !== undefined && inner.write.how !== 'is slow'
  return write || killDecoderAtMs !== null || diskFull !== null
}

function drawInstant(random: () => number): Instant {
  if (random() < 0.6) return { at: 'commit', nth: 1 + Math.floor(random() ** 2 * 60) }
  const call = pick(random, BLOB_CALLS)
  return { at: call, nth: drawNth(random, call), when: random() < 0.5 ? 'before' : 'after' }
}

function drawWrite(random: () => number): NonNullable<InnerFaults['write']> {
  const call = pick(random, BLOB_CALLS)
  const drawn = pick(random, ['fails', 'fails late', 'is slow'] as const)
  // An append that fails has left the draft as it was: the port says so.
  const how = drawn === 'fails late' && call === 'append' ? 'fails' : drawn
  return { call, nth: drawNth(random, call), how, ms: 200 + Math.floor(random() * 800) }
}

/** Bodies come in many pieces, everything else is rare. */
function drawNth(random: () => number, call: BlobCall): number {
  return 1 + Math.floor(random() ** 2 * (call === 'append' || call === 'sync' ? 20 : 6))
}

/** Corrections of seconds and hours in both directions; now and then the machine was off for a day. */
function drawJumpMs(random: () => number): number {
  const chance = random()
  if (chance < 0.1) return 25 * HOUR_MS
  if (chance < 0.3) return -Math.round(random() * 24 * HOUR_MS)
  return Math.round((random() < 0.5 ? 60_000 : 2 * HOUR_MS) * (2 * random() - 1))
}

function pick<T>(random: () => number, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0]
}
