/** WHIP behind HTTP: a publisher's offer, admitted and answered (RFC 9725 §4.2). */

import { randomBytes } from 'node:crypto'
import { choosePublished } from '../../media/sdp/choose-codecs.ts'
import { answerPublished } from '../../media/sdp/own-codecs.ts'
import { readSdp, readSdpFragment } from '../../media/sdp/read-sdp.ts'
import { writeSdp, writeSdpFragment } from '../../media/sdp/write-sdp.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { RtcServer } from '../../live-ports.ts'
import { PublishSession } from './publish-session.ts'
import { RtcConnection } from './rtc-connection.ts'
import type { KeptSession, OpenDeps } from './kept-session.ts'

/** Opens it. Throws as `RtcServer.publish` says. */
export async function openPublish(
  deps: OpenDeps,
  { key, remote, offer }: Parameters<RtcServer['publish']>[0],
): Promise<KeptSession> {
  const parsed = readSdp(offer)
  const agreement = choosePublished(parsed)
  const id = deps.newId()
  let cut: (reason: Error) => void = () => undefined
  const publishing = await deps.door.publish({
    protocol: 'webrtc',
    key,
    remote,
    onCut: (reason) => cut(reason),
  })
  const connection = new RtcConnection(deps.connection, {
    opened: () =>
      deps.log.info({ session: id, input: publishing.inputUid, remote }, 'webrtc publisher connected'),
    rtp: (bytes) => session.rtp(bytes),
    rtcp: (bytes) => session.rtcp(bytes),
    lost: () => end('lost'),
  })
  const session = new PublishSession(
    {
      publishing,
      agreement,
      sendRtcp: (bytes) => connection.sendRtcp(bytes),
      onBye: () => end('clean'),
    },
    randomBytes(4).readUInt32BE(),
  )
  const end = (how: 'clean' | 'lost'): void => {
    connection.close()
    session.close(how)
    deps.onEnd(id)
  }
  cut = () => end('lost')
  connection.setFar(agreement.far)
  const sdp = writeSdp({
    sessionId: String(randomBytes(6).readUIntBE(0, 6)),
    sections: agreement.sections.map(answerPublished),
    transport: connection.describe(agreement.far.role === 'client' ? 'active' : 'passive'),
    streams: { video: null, audio: null },
  })
  let farUfrag = agreement.far.ufrag
  let generation = 1
  return {
    id,
    purpose: 'publish',
    sdp,
    get etag() {
      return `"${generation}"`
    },
    answer: () => {
      throw new HeadwaterError(
        'conflict',
        'This session has its answer already; it was in the response to POST.',
      )
    },
    trickle: (text) => {
      const fragment = readSdpFragment(text)
      if (fragment.ufrag === farUfrag) return undefined
      farUfrag = fragment.ufrag
      generation += 1
      connection.restartIce(farUfrag)
      return writeSdpFragment(connection.describe('actpass'))
    },
    close: () => end('clean'),
    abandon: () => end('lost'),
    tick: (nowMs) => {
      session.tick(nowMs)
      connection.tick(nowMs)
    },
    askKeyFrame: (inputUid) => {
      if (inputUid === publishing.inputUid) session.askForViewer(performance.now())
    },
  }
}
