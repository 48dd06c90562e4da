/** Where an output goes: what its address and key mean to RTMP, as OBS reads the same two fields. */

import { isIP } from 'node:net'
import { HeadwaterError } from '../../lib/failure.ts'

/** A place to publish to. */
export type RtmpTarget = {
  readonly isEncrypted: boolean
  /** Name or address in the URL, which a certificate has to be for. */
  readonly host: string
  readonly port: number
  readonly app: string
  /** `tcUrl` of `connect`: scheme, host, port if it is not the usual one, application. */
  readonly url: string
  readonly streamName: string
}

const PORTS: Readonly<Record<string, number>> = { 'rtmp:': 1935, 'rtmps:': 443 }

/**
 * The application is the URL's path with its query, the stream's name is the key; without a key it is the last part of the
 * path. Throws `fetch_failed` when it is no such address.
 */
export function readTarget(address: string, streamKey: string): RtmpTarget {
  const url = URL.parse(address)
  const usual = url === null ? undefined : PORTS[url.protocol]
  if (url === null || usual === undefined || url.hostname === '') {
    throw new HeadwaterError(
      'fetch_failed',
      'The address of the output cannot be understood, expected rtmp://host/application or rtmps://host/application.',
      { facts: { mayPass: false } },
    )
  }
  const path = decode(`${url.pathname}${url.search}`.replace(/^\/+|\/+$/g, ''))
  const cut = path.lastIndexOf('/')
  const [app, streamName] =
    streamKey === '' ? [path.slice(0, Math.max(0, cut)), path.slice(cut + 1)] : [path, streamKey]
  return {
    isEncrypted: url.protocol === 'rtmps:',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? usual : Number(url.port),
    app,
    url: `${url.protocol}//${url.host}/${app}`,
    streamName,
  }
}

/** What a certificate has to be for when it is asked for by name (RFC 6066 §3): addresses are not names. */
export function serverName({ host }: RtmpTarget): string | undefined {
  return isIP(host) === 0 ? host : undefined
}

function decode(text: string): string {
  try {
    return decodeURI(text)
  } catch {
    return text
  }
}
