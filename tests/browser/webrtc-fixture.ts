/** A server of WHIP and WHEP over real inputs, and pages of another origin that publish and play as anybody's would. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRtcServer } from '../../src/adapters/webrtc/rtc-server.ts'
import { LiveFeed } from '../../src/core/broadcasts/live-feed.ts'
import {
  createLiveInput,
  type LiveInput,
  LiveInputChanges,
  streamKeyOf,
} from '../../src/core/live-inputs/index.ts'
import type { LiveInputFields } from '../../src/core/live-inputs/index.ts'
import { findByKey } from '../../src/core/live-inputs/index.ts'
import { InputAdmissions } from '../../src/core/playback/index.ts'
import { whepRoutes } from '../../src/http/bytes/whep.ts'
import { whipRoutes } from '../../src/http/bytes/whip.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { AccessUnit, LiveFormat } from '../../src/media/live/units.ts'
import type { Feed, LiveDoor, RtcServer } from '../../src/live-ports.ts'
import type { Db } from '../../src/tables.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'

/** What a publisher has sent, in order. */
export type Heard = {
  readonly formats: LiveFormat[]
  readonly units: AccessUnit[]
  ended: 'clean' | 'lost' | undefined
}

/** A door that admits publishers by their keys and gives what they send to whoever plays; nothing is kept. */
export class RelayDoor implements LiveDoor {
  readonly #db: () => Db
  readonly feeds = new Map<string, LiveFeed>()
  readonly heard = new Map<string, Heard>()
  readonly cuts = new Map<string, (reason: Error) => void>()
  /** How viewers get a feed: as it is, unless a test converts it. */
  view: (feed: Feed, accepts: Parameters<LiveDoor['play']>[1]) => Feed = (feed) => feed

  constructor(db: () => Db) {
    this.#db = db
  }

  findSrt(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  async publish(caller: Parameters<LiveDoor['publish']>[0]) {
    const input = await findByKey(this.#db(), caller.key, 'publish')
    if (input === undefined) throw new HeadwaterError('live_key_unknown', 'There is no such key.')
    if (!input.enabled) throw new HeadwaterError('live_input_disabled', 'It is disabled.')
    if (this.feeds.has(input.uid)) throw new HeadwaterError('live_input_busy', 'Somebody publishes.')
    return this.open(input.uid, caller.onCut)
  }

  /** As `publish`, for what the test itself sends. */
  open(inputUid: string, onCut: (reason: Error) => void = () => undefined) {
    const feed = new LiveFeed((error) => {
      throw error
    })
    const heard: Heard = { formats: [], units: [], ended: undefined }
    this.feeds.set(inputUid, feed)
    this.heard.set(inputUid, heard)
    this.cuts.set(inputUid, onCut)
    return {
      inputUid,
      format: (format: LiveFormat) => {
        heard.formats.push(format)
        feed.format(format)
      },
      unit: (unit: AccessUnit) => {
        heard.units.push(unit)
        feed.unit(unit)
      },
      end: (how: 'clean' | 'lost') => {
        heard.ended ??= how
        feed.end()
        this.feeds.delete(inputUid)
      },
    }
  }

  play(caller: Parameters<LiveDoor['play']>[0], accepts: Parameters<LiveDoor['play']>[1]) {
    const feed = this.feeds.get(caller.key)
    if (feed === undefined) {
      return Promise.reject(new HeadwaterError('live_not_started', 'Nobody publishes.'))
    }
    return Promise.resolve(this.view(feed, accepts))
  }
}

export type WebRtcFixture = AsyncDisposable & {
  readonly api: ApiServer
  readonly rtc: RtcServer & { readonly remembered: () => number }
  readonly door: RelayDoor
  readonly port: number
  /** Address of an empty page of another origin. */
  readonly pageUrl: string
  addInput(fields?: LiveInputFields): Promise<Addresses & { readonly input: LiveInput }>
}

export type Addresses = { readonly publish: string; readonly play: string }

/** Starts it. */
export async function startWebRtc(options: { maxSessions?: number } = {}): Promise<WebRtcFixture> {
  const opened: { api: ApiServer | undefined } = { api: undefined }
  const started = () => {
    if (opened.api === undefined) throw new Error('The server has not been started.')
    return opened.api
  }
  const door = new RelayDoor(() => started().db)
  const rtc = await createRtcServer({
    door,
    log: silentLog,
    port: 0,
    host: '127.0.0.1',
    announced: [],
    maxSessions: options.maxSessions ?? 100,
  })
  const deps = {
    rtc: () => rtc,
    iceServers: [{ url: 'turn:turn.example.com:3478', username: 'me', credential: 'secret' }],
    // The records are opened by the server below.
    inputAdmissions: {
      admit: (request: Parameters<InputAdmissions['admit']>[0]) =>
        new InputAdmissions(started()).admit(request),
    },
  }
  const api = await startApi({ byteRoutes: [...whipRoutes(deps), ...whepRoutes(deps)] })
  opened.api = api
  const pages = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(
      '<!doctype html><title>page</title><link rel="icon" href="data:,"><video autoplay playsinline></video>',
    )
  })
  await new Promise<void>((resolve) => {
    pages.listen(0, '127.0.0.1', resolve)
  })
  return {
    api,
    rtc,
    door,
    port: rtc.ports.webrtc ?? 0,
    pageUrl: `http://127.0.0.1:${(pages.address() as AddressInfo).port}`,
    addInput: async (fields = {}) => {
      const input = await createLiveInput(
        { ...api, liveInputChanges: new LiveInputChanges() },
        api.accountId,
        fields,
      )
      return {
        input,
        publish: `${api.url}/${streamKeyOf(input, 'publish')}/webRTC/publish`,
        play: `${api.url}/${input.uid}/webRTC/play`,
      }
    },
    [Symbol.asyncDispose]: async () => {
      await rtc.close()
      await api.close()
      await new Promise((resolve) => {
        pages.close(resolve)
      })
    },
  }
}
