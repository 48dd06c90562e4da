/** WHIP: publishing from browsers and encoders (draft-ietf-wish-whip-06, RFC 9725; live.md §9). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteRoute } from '../route.ts'
import { type RtcRouteDeps, rtcRoutes } from './rtc-routes.ts'

/** `/<secret>/webRTC/publish`. The secret is the credential; `Authorization` is not looked at. */
export function whipRoutes(deps: RtcRouteDeps): readonly ByteRoute[] {
  return rtcRoutes(deps, {
    purpose: 'publish',
    word: 'publish',
    protocolVersion: 'draft-ietf-wish-whip-06',
    mayBeEmpty: false,
    open: async (request, incoming, offer) => {
      const rtc = deps.rtc()
      if (rtc === undefined) throw rtcIsOff()
      const remote = incoming.socket.remoteAddress ?? ''
      return rtc.publish({ key: request.params.id ?? '', remote, offer })
    },
  })
}

/** The role or the port of WebRTC is switched off. */
export function rtcIsOff(): HeadwaterError {
  return new HeadwaterError('not_found', 'WebRTC is switched off on this server.')
}
