/** From whatever went wrong to what the owner of a video is told: whose code, at which stage, where, in whose words. Pure. */

import { type FailureCode, HeadwaterError, isFailure } from '../../lib/failure.ts'
import { type FileReason, isMediaFault, MEDIA_FAULTS, type Stage } from '../../lib/media-faults.ts'
import { decoderFault } from './decoder-faults.ts'
import { decoderLines } from './decoder-words.ts'

/** Why a video failed, as it is stored. */
export type Explained = {
  /** The vendor's code (spec §3.1). */
  readonly reasonCode: FileReason | 'ERR_FETCH_ORIGIN_ERROR' | 'ERR_UNKNOWN'
  readonly detail: {
    /** Ours. */
    readonly code: FailureCode
    readonly stage: Stage
    /** The sentence that says what was found. */
    readonly detail: string
    /** In the file as it was sent; what is not known is left out. */
    readonly position?: { readonly byte?: number; readonly seconds?: number }
    /** The decoder's last words, scrubbed. */
    readonly decoder?: readonly string[]
    /** What an origin answered instead of the file. */
    readonly status?: number
    /** Of what was being encoded. */
    readonly kind?: string
    readonly pass?: string
    readonly segment?: number
  }
}

/**
 * Explains `error`. `stage`: where it came up; a fault of the file that has a stage of its own goes by that, unless
 * `exactly`. `atSeconds`: the time in the video that was at work. `unexpected`: the sentence for what nobody foresaw.
 */
export function explainFailure(
  error: unknown,
  at: {
    readonly stage: Stage
    readonly exactly?: boolean
    readonly atSeconds?: number
    readonly unexpected: string
  },
): Explained {
  const failure = isFailure(error) ? error : undefined
  const code = codeOf(failure)
  const stage = isMediaFault(code) && at.exactly !== true ? MEDIA_FAULTS[code].stage : at.stage
  const position = positionOf(failure, at.atSeconds)
  const said = wordsBehind(error)
  return {
    reasonCode: reasonOf(code),
    detail: {
      code,
      stage,
      detail: sentenceOf(failure, code) ?? at.unexpected,
      ...(position === undefined ? {} : { position }),
      ...(said.length === 0 ? {} : { decoder: said }),
    },
  }
}

function codeOf(failure: HeadwaterError | undefined): FailureCode {
  if (failure === undefined) return 'internal'
  if (failure.code !== 'decoder_failed') return failure.code
  return decoderFault(failure.facts) ?? failure.code
}

/** A failed run speaks of our files and limits; what it means for the file is in the list. */
function sentenceOf(failure: HeadwaterError | undefined, code: FailureCode): string | undefined {
  if (failure === undefined) return undefined
  return failure.code === 'decoder_failed' && isMediaFault(code) ? MEDIA_FAULTS[code].when : failure.message
}

function reasonOf(code: FailureCode): Explained['reasonCode'] {
  if (isMediaFault(code)) return MEDIA_FAULTS[code].reason
  return code === 'fetch_failed' || code === 'fetch_refused' ? 'ERR_FETCH_ORIGIN_ERROR' : 'ERR_UNKNOWN'
}

function positionOf(
  failure: HeadwaterError | undefined,
  atSeconds: number | undefined,
): Explained['detail']['position'] {
  const byte = failure?.facts.atByte
  const seconds = failure?.facts.atSeconds ?? atSeconds
  const position = {
    ...(typeof byte === 'number' ? { byte } : {}),
    ...(typeof seconds === 'number' ? { seconds } : {}),
  }
  return Object.keys(position).length === 0 ? undefined : position
}

/** What the decoder said, wherever in the chain of causes it was kept. */
function wordsBehind(error: unknown): string[] {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    const said = cause instanceof HeadwaterError ? cause.facts.stderr : undefined
    if (typeof said === 'string') return decoderLines(said)
  }
  return []
}
