/** Broadcasts, as contracts between the servers of live protocols and the core. */

import type { HeadwaterError } from './lib/failure.ts'
import type { AccessUnit, LiveFormat, SoundFormat, VideoFormat } from './media/live/units.ts'

/** The protocols that broadcasts are published and played by. */
export type LiveProtocol = 'rtmp' | 'srt' | 'webrtc'

/** Who wants to publish or to play. */
export type LiveCaller = {
  readonly protocol: LiveProtocol
  /**
   * RTMP's stream key and the secret in WHIP's address: `<32 hexadecimal characters>k<uid>`. SRT's stream id, whose
   * passphrase was compared by the handshake already. For `play` by WebRTC: the uid of an input that the viewer may see.
   */
  readonly key: string
  /** Address of the far end, for the log. */
  readonly remote: string
  /** Called at most once, when the connection is to be closed from our side (input disabled, deleted, keys rotated, taken over). */
  readonly onCut: (reason: Error) => void
}

/** One accepted publisher. Times may jump, wrap or run backwards: whoever takes them in makes them steady. */
export interface Publishing {
  readonly inputUid: string
  /** Before the first unit of its kind, and whenever it changes; the same again is nothing new. */
  format(format: LiveFormat): void
  unit(unit: AccessUnit): void
  /**
   * `clean`: the client said that it ends. `lost`: it was cut, or fell silent. A second call does nothing. `why` where the
   * server cannot take what is sent: `live_video_codec_unsupported` or `live_audio_codec_unsupported` (facts: `videoCodec`,
   * `audioCodec`, empty where it is not known), `live_stream_broken`.
   */
  end(how: 'clean' | 'lost', why?: HeadwaterError): void
}

/** What somebody who listens to a broadcast is told, in order. */
export type FeedListener = {
  format(format: LiveFormat): void
  unit(unit: AccessUnit): void
  /** Times go on, but what comes does not follow what was: the publisher was away. */
  gap?(): void
  /** Nothing follows. */
  end(): void
}

/** The units of one broadcast with steady times: they begin at 0 and never run backwards. */
export interface Feed {
  readonly video: VideoFormat | null
  readonly audio: SoundFormat | null
  /**
   * Tells the formats, then at once everything since the latest sync picture, then what comes. Listeners are called one
   * after the other and must not wait: who is slow drops by itself, up to the next sync picture. Answers how to leave.
   */
  listen(listener: FeedListener): () => void
}

/** Codecs that somebody can take. */
export type AcceptedCodecs = {
  readonly video: readonly VideoFormat['codec'][]
  readonly audio: readonly SoundFormat['codec'][]
}

/** Where servers of live protocols ask who may come in. Made by `core/broadcasts`. */
export interface LiveDoor {
  /**
   * Passphrase and purpose of an SRT stream id, for its handshake; undefined when there is none. `refusal`: why its owner
   * would not be let in all the same, `live_input_disabled` or `storage_exhausted`.
   */
  findSrt(streamId: string): Promise<
    | {
        readonly passphrase: string
        readonly purpose: 'publish' | 'play'
        readonly refusal?: HeadwaterError
      }
    | undefined
  >
  /**
   * Throws `live_key_unknown`, `live_input_disabled`, `live_input_busy` (somebody else publishes, and is not silent) or
   * `storage_exhausted`.
   */
  publish(caller: LiveCaller): Promise<Publishing>
  /**
   * The running broadcast of an input. `accepts`: which codecs the caller can play; what was published in another one is
   * converted. Throws `live_key_unknown`, `live_input_disabled` or `live_not_started`.
   */
  play(caller: LiveCaller, accepts: AcceptedCodecs): Promise<Feed>
}

/** A program that listens for publishers and players of one protocol. A crash of it ends their connections, nothing more. */
export interface LiveServer {
  /**
   * What it listens on at this moment, for the log and the addresses handed out, e.g. `{ rtmp: 1935 }`; nothing where it is
   * off.
   */
  readonly ports: Readonly<Record<string, number>>
  /** Why a protocol that is wanted is off all the same, e.g. `{ srt: 'its library is missing' }`, and what to do. */
  readonly off?: Readonly<Record<string, string>>
  close(): Promise<void>
}

/** Sends a broadcast to another server (an output). */
export interface LiveSender {
  /** Schemes it can send to, without the colon. */
  readonly schemes: readonly string[]
  /**
   * Resolves when the far end takes the stream. `address` was checked, and is the one that is connected to. `onLost` is
   * called once if the connection ends by itself later. Throws `fetch_failed` with a sentence, or the abort reason.
   */
  connect(target: {
    readonly url: string
    readonly streamKey: string
    readonly address: string
    readonly signal: AbortSignal
    readonly onLost: (error: Error) => void
  }): Promise<FeedListener & { readonly close: () => Promise<void> }>
}

/** One WebRTC connection, of a publisher or of a viewer, as HTTP sees it (RFC 9725 §4.2). */
export interface RtcSession {
  /** Unguessable: who knows it may end the session. */
  readonly id: string
  readonly purpose: 'publish' | 'play'
  /** Our answer; our offer where the client asked for one. */
  readonly sdp: string
  /** Changes when ICE begins anew; with quotes. */
  readonly etag: string
  /** Takes the answer to our offer. Throws `sdp_unreadable`, `sdp_not_acceptable`, or `conflict` for a second one. */
  answer(sdp: string): void
  /**
   * Takes a trickled fragment (RFC 8840). Answers one of ours where it began ICE anew, else undefined. Throws
   * `sdp_unreadable`.
   */
  trickle(fragment: string): string | undefined
  /** Ends it as the client asks; a second call does nothing. */
  close(): void
}

/** The server of WHIP and WHEP, but for HTTP. */
export interface RtcServer extends LiveServer {
  /**
   * Opens a publisher's connection. Throws what `LiveDoor.publish` throws, `sdp_unreadable`, `sdp_not_acceptable` or
   * `rtc_too_many_sessions`.
   */
  publish(request: {
    readonly key: string
    readonly remote: string
    readonly offer: string
  }): Promise<RtcSession>
  /**
   * Opens the connection of a viewer who may see the input. Without an offer it makes one. `admitAgain` is called twice a
   * second for as long as it is open; when it throws a failure of the caller's, the viewer may not see it any more, and it
   * ends. Throws what `LiveDoor.play` throws, `live_not_playable`, `sdp_unreadable`, `sdp_not_acceptable` or
   * `rtc_too_many_sessions`.
   */
  play(request: {
    readonly key: string
    readonly remote: string
    readonly offer: string | null
    readonly admitAgain: () => Promise<unknown>
  }): Promise<RtcSession>
  /** The open session of that id. */
  find(id: string): RtcSession | undefined
}
