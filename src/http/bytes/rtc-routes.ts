/**
 * What WHIP and WHEP share over HTTP (RFC 9725 §4; live.md §9): an address that sessions are opened at by `POST`, and one
 * of each session for `PATCH` and `DELETE`, which any page may call (playback.md §8).
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HeadwaterError } from '../../lib/failure.ts'
import { SDP_BYTES } from '../../media/sdp/read-sdp.ts'
import type { RtcServer, RtcSession } from '../../live-ports.ts'
import { headerText } from '../header-text.ts'
import { readTextBody } from '../read-body.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'

/** A STUN or TURN server that clients are told of. */
export type IceServer = {
  readonly url: string
  readonly username: string | null
  readonly credential: string | null
}

/** What differs between the two. */
export type RtcManner = {
  readonly purpose: RtcSession['purpose']
  /** Last word of the address. */
  readonly word: string
  /** As live.md §9 has it. */
  readonly protocolVersion: string
  /** Answers the session that the body of the `POST` opened; `''` for one without. */
  readonly open: (request: ByteRequest, incoming: IncomingMessage, sdp: string) => Promise<RtcSession>
  /** Whether a `POST` without a body asks for an offer. */
  readonly mayBeEmpty: boolean
}

export type RtcRouteDeps = {
  /** Undefined while the server of WebRTC is off. */
  readonly rtc: () => RtcServer | undefined
  readonly iceServers: readonly IceServer[]
}

const SDP = 'application/sdp'
const FRAGMENT = 'application/trickle-ice-sdpfrag'

/** The routes of one of them. */
export function rtcRoutes(deps: RtcRouteDeps, manner: RtcManner): ByteRoute[] {
  const { word } = manner
  return [
    {
      pattern: new RegExp(`^\\/(?<id>[^/]+)\\/webRTC\\/${word}$`),
      failures: 'plain',
      handle: async (request, incoming, outgoing) => {
        setCommon(outgoing, manner)
        if (request.method === 'OPTIONS') return answerOptions(outgoing, { 'accept-post': SDP })
        checkMethod(request, ['POST'])
        await open(deps, manner, { request, incoming, outgoing })
      },
    },
    {
      pattern: new RegExp(`^\\/(?<id>[^/]+)\\/webRTC\\/${word}\\/(?<session>[0-9a-f]{32})$`),
      failures: 'plain',
      handle: async (request, incoming, outgoing) => {
        setCommon(outgoing, manner)
        if (request.method === 'OPTIONS') {
          return answerOptions(outgoing, { 'accept-patch': `${FRAGMENT}, ${SDP}` })
        }
        checkMethod(request, ['PATCH', 'DELETE'])
        const session = deps.rtc()?.find(request.params.session ?? '')
        if (session?.purpose !== manner.purpose) {
          throw new HeadwaterError('not_found', 'There is no such session; it may have ended.')
        }
        if (request.method === 'PATCH') return change(session, { incoming, outgoing })
        session.close()
        outgoing.writeHead(200, { 'content-length': 0 }).end()
      },
    },
  ]
}

type Exchange = { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }

async function open(
  deps: RtcRouteDeps,
  manner: RtcManner,
  { request, incoming, outgoing }: Exchange & { readonly request: ByteRequest },
): Promise<void> {
  const sdp = await readTextBody(incoming, outgoing, SDP_LIMIT)
  if (sdp !== '' || !manner.mayBeEmpty) checkType(incoming, [SDP])
  const session = await manner.open(request, incoming, sdp)
  // Nobody is there to use it.
  if (request.signal.aborted) session.close()
  const id = encodeURIComponent(request.params.id ?? '')
  for (const server of deps.iceServers) outgoing.appendHeader('link', formatLink(server))
  const body = Buffer.from(session.sdp)
  outgoing
    .writeHead(201, {
      'content-type': SDP,
      'content-length': body.byteLength,
      'cache-control': 'no-store',
      location: `${request.publicUrl}/${id}/webRTC/${manner.word}/${session.id}`,
      etag: session.etag,
    })
    .end(body)
}

async function change(session: RtcSession, { incoming, outgoing }: Exchange): Promise<void> {
  const type = checkType(incoming, [FRAGMENT, SDP])
  const text = await readTextBody(incoming, outgoing, SDP_LIMIT)
  if (type === SDP) {
    session.answer(text)
    outgoing.writeHead(204).end()
    return
  }
  checkCondition(incoming, session)
  const answer = session.trickle(text)
  if (answer === undefined) {
    outgoing.writeHead(204).end()
    return
  }
  const body = Buffer.from(answer)
  outgoing
    .writeHead(200, { 'content-type': FRAGMENT, 'content-length': body.byteLength, etag: session.etag })
    .end(body)
}

/** RFC 9725 §4.3.1: a fragment is one of the ICE session that the tag names; `*` where it begins another (§4.3.3). */
function checkCondition(incoming: IncomingMessage, session: RtcSession): void {
  const condition = headerText(incoming, 'if-match')
  if (condition === undefined) {
    throw new HeadwaterError(
      'rtc_condition_missing',
      `A fragment needs the header If-Match with the ETag of the session (${session.etag}), or * to begin ICE anew.`,
    )
  }
  const tags = condition.split(',').map((tag) => tag.trim())
  if (tags.includes('*') || tags.includes(session.etag)) return
  throw new HeadwaterError(
    'rtc_session_changed',
    `The ETag of the session is ${session.etag}, not ${condition}.`,
  )
}

const SDP_LIMIT = { most: SDP_BYTES, what: 'A session description' }

/** Answers which of them it is. */
function checkType(incoming: IncomingMessage, allowed: readonly string[]): string {
  const type = (incoming.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (allowed.includes(type)) return type
  throw new HeadwaterError(
    'unsupported_media_type',
    `This address takes Content-Type ${allowed.join(' or ')}, not ${type || 'a request without one'}.`,
  )
}

function checkMethod(request: ByteRequest, allowed: readonly string[]): void {
  if (allowed.includes(request.method)) return
  const allow = [...allowed, 'OPTIONS'].join(', ')
  throw new HeadwaterError('method_not_allowed', `This address answers ${allow}, not ${request.method}.`, {
    facts: { allow },
  })
}

/** playback.md §8. */
function setCommon(outgoing: ServerResponse, manner: RtcManner): void {
  outgoing.setHeader('access-control-allow-origin', '*')
  outgoing.setHeader('access-control-expose-headers', 'Location, ETag, Link, protocol-version')
  outgoing.setHeader('cross-origin-resource-policy', 'cross-origin')
  outgoing.setHeader('protocol-version', manner.protocolVersion)
}

function answerOptions(outgoing: ServerResponse, accepts: Readonly<Record<string, string>>): void {
  outgoing
    .writeHead(204, {
      ...accepts,
      'access-control-allow-methods': 'POST, PATCH, DELETE, OPTIONS',
      'access-control-allow-headers': 'content-type, authorization, if-match, protocol-version',
      'access-control-max-age': '86400',
    })
    .end()
}

/** RFC 9725 §4.6. */
function formatLink({ url, username, credential }: IceServer): string {
  const secret =
    username === null || credential === null
      ? ''
      : `; username="${username}"; credential="${credential}"; credential-type="password"`
  return `<${url}>; rel="ice-server"${secret}`
}
