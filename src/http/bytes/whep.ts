/** WHEP: playing in real time (draft-murillo-whep-01; live.md §9). */

import type { InputAdmissions } from '../../core/playback/index.ts'
import type { ByteRoute } from '../route.ts'
import { type RtcRouteDeps, rtcRoutes } from './rtc-routes.ts'
import { requestOrigin } from './viewer.ts'
import { rtcIsOff } from './whip.ts'

/** `/<input uid or token>/webRTC/play`; a `POST` without a body is answered by an offer. */
export function whepRoutes(
  deps: RtcRouteDeps & { readonly inputAdmissions: Pick<InputAdmissions, 'admit'> },
): readonly ByteRoute[] {
  return rtcRoutes(deps, {
    purpose: 'play',
    word: 'play',
    protocolVersion: 'draft-murillo-whep-01',
    mayBeEmpty: true,
    open: async (request, incoming, offer) => {
      const rtc = deps.rtc()
      if (rtc === undefined) throw rtcIsOff()
      const view = {
        id: request.params.id ?? '',
        viewer: request.viewer,
        from: requestOrigin(request, incoming),
      }
      const admit = () => deps.inputAdmissions.admit(view)
      const input = await admit()
      const remote = incoming.socket.remoteAddress ?? ''
      return rtc.play({ key: input.uid, remote, offer: offer === '' ? null : offer, admitAgain: admit })
    },
  })
}
