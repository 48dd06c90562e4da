/** What makes a media element play: hls.js where Media Source Extensions are, else the browser; WebRTC in real time. */

import type { Quality, SoundTrack } from './track-lists.ts'

/** Why playback cannot go on by itself. */
export type EngineTrouble =
  /** The manifest says the video is not playable (any more): ask for its status again. */
  | { readonly kind: 'status' }
  /** The address is not, or no longer, enough to watch it. */
  | { readonly kind: 'unauthorised' }
  /** Refused for good, with a sentence for the viewer. */
  | { readonly kind: 'refused'; readonly sentence: string }
  /** The network or the server is away; the engine keeps trying. */
  | { readonly kind: 'connection' }
  /** No real-time connection comes about from here. */
  | { readonly kind: 'unreachable' }

export type EngineCallbacks = {
  onQualities(qualities: readonly Quality[]): void
  onSoundTracks(tracks: readonly Omit<SoundTrack, 'kind'>[]): void
  onTrouble(trouble: EngineTrouble): void
  /** Bytes flow again after trouble. */
  onRecovered(): void
  /** A broadcast is over and everything of it that was loaded has been shown. */
  onOver(): void
}

export type EngineOptions = {
  readonly media: HTMLVideoElement
  /** Address of the multivariant playlist. */
  readonly manifestUrl: string
  readonly parentOrigin: string | null
  readonly startTimeSeconds: number
  readonly defaultTextTrack: string | null
  /** How a broadcast is played that is still running; null for a finished video. */
  readonly live: { readonly dvr: boolean; readonly lowLatency: boolean } | null
}

/** Where a running broadcast is, as far as the engine knows. */
export type LiveEdge = {
  /** Where the element would be if it were as near to the publisher as the engine keeps; in the element's own seconds. */
  readonly syncSeconds: number
  /** From what is shown to what is published; null while it is not known. */
  readonly delaySeconds: number | null
  /** This much behind `syncSeconds` is still live to a viewer. */
  readonly toleranceSeconds: number
}

/** Lines for the debug panel: name and value. */
export type DebugFacts = readonly (readonly [string, string])[]

export interface Engine {
  /** Starts to load media; without it only the manifest is read. May be called again. */
  start(): void
  /** Reads the manifest again and offers what it newly lists, without interrupting. */
  reload(): Promise<void>
  /** Chooses a quality by its id; null leaves it to the engine. */
  selectQuality(id: string | null): void
  selectSoundTrack(id: string): void
  describe(): DebugFacts
  /** Null where nothing is broadcast, or it is not known yet. */
  edge(): LiveEdge | null
  /** Nothing new comes any more: plays what there is and then calls `onOver`. May be called again. */
  finish(): void
  destroy(): void
}

/** Whether this browser plays through Media Source Extensions (also Apple's managed kind). */
export function hasMediaSource(): boolean {
  const source: typeof MediaSource | undefined =
    (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource ?? globalThis.MediaSource
  return source?.isTypeSupported('video/mp4; codecs="avc1.42E01E,mp4a.40.2"') ?? false
}
