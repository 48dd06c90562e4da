/**
 * A real HTTP server over broadcasts of this process: units are handed to a package, its fragments are recorded into a
 * draft, and what viewers get comes through the routes of delivery. No protocol, no encoder.
 */

import { createEarly } from '../../src/core/early/index.ts'
import { TextTracks } from '../../src/core/captions/index.ts'
import {
  LivePackage,
  LiveViewers,
  type PlayedBroadcast,
  type PlayedInput,
} from '../../src/core/live-packaging/index.ts'
import { createPlanner } from '../../src/core/planning/index.ts'
import { createPlayback, LivePlayables } from '../../src/core/playback/index.ts'
import { SourceIndexes } from '../../src/core/timeline/index.ts'
import { BufferPool } from '../../src/http/bytes/buffer-pool.ts'
import { instantClipRoutes } from '../../src/http/bytes/instant-clips.ts'
import { liveSegmentRoutes } from '../../src/http/bytes/live-segments.ts'
import { manifestRoutes } from '../../src/http/bytes/manifests.ts'
import { segmentRoutes } from '../../src/http/bytes/segments.ts'
import type { ByteRoute } from '../../src/http/route.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { Draft } from '../../src/ports.ts'
import { type ApiServer, type OpenParts, startApi } from '../harness/api-server.ts'

export type LiveBroadcast = PlayedBroadcast & {
  /** Resolves when everything made so far is in the recording. */
  recorded(): Promise<void>
}

export type BeginOptions = {
  readonly lowLatency?: boolean
  readonly memoryBytes?: number
  /** The broadcast began so many seconds ago, and its first seconds are about to be sent at once. */
  readonly agoSeconds?: number
}

export type LiveServer = ApiServer & {
  readonly viewers: LiveViewers
  /** An input without a broadcast. */
  addInput(rules?: Partial<PlayedInput>): PlayedInput
  /** Begins a broadcast of an input. */
  begin(input: PlayedInput, options?: BeginOptions): Promise<LiveBroadcast>
  /** The broadcast is no longer in memory. */
  forget(broadcast: PlayedBroadcast): void
}

/** Starts it; `close` ends everything. */
export async function startLiveServer(): Promise<LiveServer> {
  const inputs = new Map<string, PlayedInput>()
  const broadcasts = new Map<string, LiveBroadcast>()
  let viewers: LiveViewers | undefined
  const api = await startApi({
    byteRoutes: (open) => {
      viewers = new LiveViewers(open.clock)
      const live = {
        get hasBroadcasts() {
          return broadcasts.size > 0
        },
        input: async (uid: string) => inputs.get(uid),
        broadcast: (uid: string) => broadcasts.get(uid),
      }
      return deliveryRoutes(open, live, viewers)
    },
  })
  if (viewers === undefined) throw new Error('The server has asked for no routes.')
  const drafts: Draft[] = []
  return {
    ...api,
    viewers,
    addInput: (rules) => {
      const input = {
        uid: api.clock.newUid(),
        accountId: api.accountId,
        requireSignedUrls: false,
        allowedOrigins: [],
        ...rules,
      }
      inputs.set(input.uid, input)
      return input
    },
    begin: async (input, { lowLatency = true, memoryBytes, agoSeconds = 0 } = {}) => {
      const { uid } = await api.addVideo({ state: 'live-inprogress', liveInput: input.uid })
      const draft = await api.blobs.createDraft()
      drafts.push(draft)
      let writing = Promise.resolve()
      const pack = new LivePackage({
        id: uid.slice(0, 10),
        clock: { nowUs: () => api.clock.nowUs() - agoSeconds * 1_000_000 },
        ...(memoryBytes !== undefined && { memoryBytes }),
        onFragment: ({ bytes, recorded }) => {
          writing = writing.then(async () => {
            if (draft.lengthBytes === 0) await draft.append([pack.recordingHeader()])
            const position = draft.lengthBytes
            await draft.append([bytes])
            recorded(position)
          })
        },
      })
      const broadcast: LiveBroadcast = {
        inputUid: input.uid,
        videoUid: uid,
        package: pack,
        lowLatency,
        openRecording: () => api.blobs.openDraft(draft.id),
        recorded: () => writing,
      }
      broadcasts.set(input.uid, broadcast)
      broadcasts.set(uid, broadcast)
      return broadcast
    },
    forget: ({ inputUid, videoUid }) => {
      broadcasts.delete(inputUid)
      broadcasts.delete(videoUid)
    },
    close: async () => {
      for (const broadcast of broadcasts.values()) await broadcast.recorded()
      for (const draft of drafts) await draft.discard()
      await api.close()
    },
  }
}

function deliveryRoutes(
  open: OpenParts,
  lookup: ConstructorParameters<typeof LivePlayables>[0]['live'],
  viewers: LiveViewers,
): readonly ByteRoute[] {
  const planner = createPlanner(open.thread)
  const settings = { decoder: 'none', quality: 'standard' as const, forceLadder: false }
  const playback = createPlayback({
    ...open,
    indexes: new SourceIndexes(open.blobs),
    early: createEarly({ ...open, log: silentLog, receiving: new Set(), planner, settings }),
    requestSegment: async () => undefined,
  })
  const bodies = { blobs: playback.sources, buffers: new BufferPool() }
  const admissions = playback.admissions
  const live = {
    ...bodies,
    clock: open.clock,
    viewers,
    live: new LivePlayables({ admissions, live: lookup }),
  }
  const sending = { ...playback, ...bodies, texts: new TextTracks(open), live }
  return [
    ...segmentRoutes({ ...sending, segments: playback }),
    ...liveSegmentRoutes(live),
    ...manifestRoutes(sending),
    ...instantClipRoutes({ ...sending, segments: playback, live }),
  ]
}
