/** What is said about callers: how their handshake is answered, and what became of their connection. */

/** Why callers are turned away, as they are told (access_control.h). */
export const REJECT = {
  badRequest: 1400,
  unauthorized: 1401,
  overload: 1402,
  forbidden: 1403,
  notFound: 1404,
  badMode: 1405,
  unavailable: 1503,
  noRoom: 1507,
} as const

/** What libsrt has no words for: these numbers mean something between applications only. */
const REJECT_WORDS: Readonly<Record<number, string>> = {
  [REJECT.badRequest]: 'its stream id cannot be read',
  [REJECT.unauthorized]: 'it has to name itself',
  [REJECT.overload]: 'too many connections',
  [REJECT.forbidden]: 'it may not be used now',
  [REJECT.notFound]: 'no such stream id',
  [REJECT.badMode]: 'this stream id is for the other direction',
  [REJECT.unavailable]: 'the server cannot answer now',
  [REJECT.noRoom]: 'there is no room for a recording',
}

/** Why a far end turned us away: in words where its number is one of those above, always with it; else what libsrt says. */
export function rejectWords(code: number, libraryWords: string): string {
  if (code < REJECT_OF_APPLICATIONS) return libraryWords
  return `${REJECT_WORDS[code] ?? 'for a reason of its own'} (${code})`
}

const REJECT_OF_APPLICATIONS = 1000

/** What libsrt knows of a connection (srt.h, `CBytePerfMon`). */
export type SrtStatistics = {
  readonly rttMs: number
  readonly packets: number
  /** Packets that did not come when they should; most came later. */
  readonly lost: number
  readonly retransmitted: number
  /** Packets that came too late, or never. */
  readonly dropped: number
}

/** How a caller is answered within its handshake. */
export type HandshakeAnswer = { readonly passphrase: string } | { readonly reject: number }
