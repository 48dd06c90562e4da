/** WHEP behind HTTP: a viewer's offer answered, or an offer of ours made (draft-murillo-whep-01 §4). */

import { randomBytes } from 'node:crypto'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { type Agreement, type AnsweredSection, choosePlayed } from '../../media/sdp/choose-codecs.ts'
import { answerPlayed, offerPlayed } from '../../media/sdp/own-codecs.ts'
import { readSdp, readSdpFragment } from '../../media/sdp/read-sdp.ts'
import { type OwnTransport, writeSdp, writeSdpFragment } from '../../media/sdp/write-sdp.ts'
import type { Feed, RtcServer } from '../../live-ports.ts'
import { findFormats } from './find-formats.ts'
import { PlaySession } from './play-session.ts'
import { RtcConnection } from './rtc-connection.ts'
import type { KeptSession, OpenDeps } from './kept-session.ts'

/** What browsers play. AAC and whatever else is published is converted, where the door can. */
const ACCEPTS = { video: ['avc', 'vp8'], audio: ['opus'] } as const

/** Opens it. Throws as `RtcServer.play` says. */
export async function openPlay(
  deps: OpenDeps,
  { key, remote, offer, admitAgain }: Parameters<RtcServer['play']>[0],
): Promise<KeptSession> {
  const parsed = offer === null ? null : readSdp(offer)
  const life = new ViewerLife(deps, { inputUid: key, admitAgain })
  const feed = await deps.door.play({ protocol: 'webrtc', key, remote, onCut: () => life.end() }, ACCEPTS)
  const formats = await findFormats(feed)
  life.feed = feed
  if (parsed !== null) {
    const agreement = choosePlayed(parsed, formats)
    life.connect(agreement)
    life.describe(
      agreement.sections.map(answerPlayed),
      agreement.far.role === 'client' ? 'active' : 'passive',
    )
  } else {
    life.describe(offerPlayed(formats), 'actpass')
  }
  return {
    id: life.id,
    purpose: 'play',
    sdp: life.sdp,
    get etag() {
      return life.etag
    },
    answer: (text) => {
      if (life.isConnected) throw new HeadwaterError('conflict', 'This session has had its answer already.')
      life.connect(choosePlayed(readSdp(text), formats))
    },
    trickle: (text) => life.trickle(text),
    close: () => life.end(),
    abandon: () => life.end(),
    tick: (nowMs) => life.tick(nowMs),
    askKeyFrame: () => undefined,
  }
}

/** One viewer from the first question to the end. */
class ViewerLife {
  readonly id: string
  sdp = ''
  feed: Feed | undefined
  readonly #deps: OpenDeps
  readonly #inputUid: string
  readonly #admitAgain: () => Promise<unknown>
  readonly #connection: RtcConnection
  readonly #ssrcs = { video: randomBytes(4).readUInt32BE(), audio: randomBytes(4).readUInt32BE() }
  readonly #cname = randomBytes(8).toString('hex')
  #session: PlaySession | undefined
  #farUfrag = ''
  #generation = 1
  #isAsking = false
  #isEnded = false

  constructor(
    deps: OpenDeps,
    viewer: { readonly inputUid: string; readonly admitAgain: () => Promise<unknown> },
  ) {
    this.#deps = deps
    this.#inputUid = viewer.inputUid
    this.#admitAgain = viewer.admitAgain
    this.id = deps.newId()
    this.#connection = new RtcConnection(deps.connection, {
      opened: () => this.#session?.begin(),
      // Viewers send none.
      rtp: () => undefined,
      rtcp: (bytes) => this.#session?.rtcp(bytes),
      lost: () => this.end(),
    })
  }

  get etag(): string {
    return `"${this.#generation}"`
  }

  get isConnected(): boolean {
    return this.#session !== undefined
  }

  describe(sections: readonly AnsweredSection[], setup: OwnTransport['setup']): void {
    const stream = (kind: 'video' | 'audio') => ({ ssrc: this.#ssrcs[kind], cname: this.#cname })
    this.sdp = writeSdp({
      sessionId: String(randomBytes(6).readUIntBE(0, 6)),
      sections,
      transport: this.#connection.describe(setup),
      streams: { video: stream('video'), audio: stream('audio') },
    })
  }

  connect(agreement: Agreement): void {
    const { feed } = this
    if (feed === undefined || this.#isEnded) return
    this.#session = new PlaySession({
      feed,
      agreement,
      ssrcs: this.#ssrcs,
      cname: this.#cname,
      random: () => randomBytes(4).readUInt32BE(),
      nowMs: Date.now,
      sendRtp: (packet) => this.#connection.sendRtp(packet),
      sendRtcp: (bytes) => this.#connection.sendRtcp(bytes),
      askKeyFrame: () => this.#deps.askKeyFrame(this.#inputUid),
      onEnd: () => this.end(),
    })
    this.#farUfrag = agreement.far.ufrag
    this.#connection.setFar(agreement.far)
  }

  trickle(text: string): string | undefined {
    const fragment = readSdpFragment(text)
    if (this.#farUfrag === '' || fragment.ufrag === this.#farUfrag) return undefined
    this.#farUfrag = fragment.ufrag
    this.#generation += 1
    this.#connection.restartIce(fragment.ufrag)
    return writeSdpFragment(this.#connection.describe('actpass'))
  }

  tick(nowMs: number): void {
    this.#session?.tick()
    this.#connection.tick(nowMs)
    if (!this.#isAsking) void this.#lookAgain()
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#session?.close()
    this.#connection.close()
    this.#deps.onEnd(this.id)
  }

  /** A token ends, a key is deleted, an input is closed to everybody without a token: who watches is sent away then. */
  async #lookAgain(): Promise<void> {
    const { log } = this.#deps
    this.#isAsking = true
    try {
      await this.#admitAgain()
    } catch (error) {
      if (this.#isEnded) return
      // That we cannot ask is not the viewer's fault.
      if (!isFailure(error) || error.kind !== 'caller') return
      log.info({ session: this.id, input: this.#inputUid, code: error.code }, 'webrtc viewer sent away')
      this.end()
    } finally {
      this.#isAsking = false
    }
  }
}
