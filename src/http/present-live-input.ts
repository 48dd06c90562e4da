/** The live input object of the API (live.md §1). The schemas below type it and describe it in `/openapi.json`. */

import { z } from 'zod'
import {
  type LiveInput,
  type LiveStatusHistory,
  RECORDING_MODES,
  streamIdOf,
  streamKeyOf,
} from '../core/live-inputs/index.ts'
import { formatTimestamp } from '../lib/timestamp.ts'
import { liveAddresses, type LivePorts } from './live-addresses.ts'
import { liveStatusSchema, presentLiveStatus } from './present-live-status.ts'

const time = z.iso.datetime().describe('UTC, microseconds')
const rtmp = z.object({ url: z.string(), streamKey: z.string() })
const srt = z.object({ url: z.string(), streamId: z.string(), passphrase: z.string() })
const address = z.object({ url: z.url() })

/** What lists show: nothing that anybody could publish or play with. */
export const listedInputSchema = z.object({
  uid: z.string().regex(/^[0-9a-f]{32}$/),
  created: time,
  modified: time,
  meta: z.record(z.string(), z.unknown()),
  enabled: z.boolean(),
  deleteRecordingAfterDays: z.int().nullable(),
})

/** The whole of it. Protocols that are off have no member. */
export const liveInputSchema = listedInputSchema.extend({
  rtmps: rtmp.optional().describe('By plain RTMP where RTMPS is off'),
  rtmpsPlayback: rtmp.optional(),
  rtmp: rtmp.optional().describe('Ours: without encryption'),
  rtmpPlayback: rtmp.optional().describe('Ours'),
  srt: srt.optional(),
  srtPlayback: srt.optional(),
  webRTC: address.describe('WHIP; the address holds the secret'),
  webRTCPlayback: address.describe('WHEP'),
  playback: z.object({ hls: z.url(), dash: z.url() }),
  status: liveStatusSchema,
  defaultCreator: z.string().nullable(),
  recording: z.object({
    mode: z.enum(RECORDING_MODES),
    timeoutSeconds: z.int().optional().describe('Only once it was set'),
    requireSignedURLs: z.boolean(),
    allowedOrigins: z.array(z.string()).nullable(),
    hideLiveViewerCount: z.boolean(),
  }),
  preferLowLatency: z.boolean(),
  keysRotatedAt: time.optional().describe('Only once the keys were rotated'),
})

export type PresentedInput = z.output<typeof liveInputSchema>
export type ListedInput = z.output<typeof listedInputSchema>

/** An input as lists show it. */
export function presentListedInput(input: LiveInput): z.output<typeof listedInputSchema> {
  return {
    uid: input.uid,
    created: formatTimestamp(input.createdUs),
    modified: formatTimestamp(input.modifiedUs),
    meta: { ...input.meta },
    enabled: input.enabled,
    deleteRecordingAfterDays: input.deleteRecordingAfterDays,
  }
}

/** An input with everything there is to know of it; `publicUrl` has no trailing slash. */
export function presentLiveInput(
  input: LiveInput,
  options: { status: LiveStatusHistory | null; publicUrl: string; ports: LivePorts },
): z.output<typeof liveInputSchema> {
  const { publicUrl } = options
  const { recording, keysRotatedUs } = input
  const base = `${publicUrl}/${input.uid}`
  return {
    ...presentListedInput(input),
    ...presentProtocols(input, publicUrl, options.ports),
    webRTC: { url: `${publicUrl}/${streamKeyOf(input, 'publish')}/webRTC/publish` },
    webRTCPlayback: { url: `${base}/webRTC/play` },
    playback: { hls: `${base}/manifest/video.m3u8`, dash: `${base}/manifest/video.mpd` },
    status: presentLiveStatus(options.status),
    defaultCreator: input.defaultCreator,
    recording: {
      mode: recording.mode,
      ...(recording.timeoutSeconds === null ? {} : { timeoutSeconds: recording.timeoutSeconds }),
      requireSignedURLs: recording.requireSignedUrls,
      allowedOrigins: recording.allowedOrigins && [...recording.allowedOrigins],
      hideLiveViewerCount: recording.hideLiveViewerCount,
    },
    preferLowLatency: input.preferLowLatency,
    ...(keysRotatedUs === null ? {} : { keysRotatedAt: formatTimestamp(keysRotatedUs) }),
  }
}

function presentProtocols(
  input: LiveInput,
  publicUrl: string,
  ports: LivePorts,
): Partial<z.output<typeof liveInputSchema>> {
  const addresses = liveAddresses(publicUrl, ports)
  const [publish, play] = [streamKeyOf(input, 'publish'), streamKeyOf(input, 'play')]
  return {
    ...(addresses.rtmps !== null && {
      rtmps: { url: addresses.rtmps, streamKey: publish },
      rtmpsPlayback: { url: addresses.rtmps, streamKey: play },
    }),
    ...(addresses.rtmp !== null && {
      rtmp: { url: addresses.rtmp, streamKey: publish },
      rtmpPlayback: { url: addresses.rtmp, streamKey: play },
    }),
    ...(addresses.srt !== null && {
      srt: { url: addresses.srt, streamId: streamIdOf(input, 'publish'), passphrase: publish },
      srtPlayback: { url: addresses.srt, streamId: streamIdOf(input, 'play'), passphrase: play },
    }),
  }
}
