/** Addresses of SRT servers: `srt://host:port?streamid=…&passphrase=…&latency=…`, as ffmpeg and OBS write them. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { SrtTarget } from './life.ts'

/** SRT API, `SRTO_PASSPHRASE`. */
const LEAST_PASSPHRASE = 10
const MOST_PASSPHRASE = 79
const MOST_LATENCY_MS = 60_000

/**
 * What an output's address says, for the checked `address` of its host. `latency` counts microseconds, as ffmpeg and OBS do.
 * The stream id is the stream key, else `streamid` of the address. Throws `fetch_failed` with what is wrong.
 */
export function readSrtTarget(given: { url: string; streamKey: string; address: string }): SrtTarget {
  const url = URL.canParse(given.url) ? new URL(given.url) : undefined
  if (url?.protocol !== 'srt:' || url.port === '') throw wrong('expected srt://host:port')
  const query = url.searchParams
  const mode = query.get('mode')
  if (mode !== null && mode !== 'caller') throw wrong(`expected mode=caller, got mode=${mode}`)
  const passphrase = query.get('passphrase') ?? undefined
  if (passphrase !== undefined && !isPassphrase(passphrase)) {
    throw wrong(
      `expected a passphrase of ${LEAST_PASSPHRASE} to ${MOST_PASSPHRASE} characters, got ${passphrase.length}`,
    )
  }
  const latency = query.get('latency')
  const latencyMs = latency === null ? undefined : Math.round(Number(latency) / 1_000)
  if (latencyMs !== undefined && !(latencyMs >= 0 && latencyMs <= MOST_LATENCY_MS)) {
    throw wrong('expected a latency in microseconds, of a minute at most')
  }
  const streamId = given.streamKey === '' ? (query.get('streamid') ?? '') : given.streamKey
  return {
    address: given.address,
    port: Number(url.port),
    streamId,
    ...(passphrase !== undefined && { passphrase }),
    ...(latencyMs !== undefined && { latencyMs }),
  }
}

function isPassphrase(text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return bytes >= LEAST_PASSPHRASE && bytes <= MOST_PASSPHRASE
}

function wrong(what: string): HeadwaterError {
  return new HeadwaterError('fetch_failed', `The address of the SRT server cannot be used: ${what}.`, {
    facts: { mayPass: false },
  })
}
