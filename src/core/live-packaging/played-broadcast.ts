/** What a broadcast must offer to be played, and where one is found. `core/broadcasts` implements both. */

import type { BlobReader } from '../../ports.ts'
import type { LivePackage } from './live-package.ts'

/** A running broadcast, or one that has ended and is still asked for. */
export interface PlayedBroadcast {
  readonly inputUid: string
  /** The video that it becomes. */
  readonly videoUid: string
  readonly package: LivePackage
  /** Whether the input has `preferLowLatency`. */
  readonly lowLatency: boolean
  /** Opens the recording as far as it is on disk: while it is written its draft, then the video's source. */
  openRecording(): Promise<BlobReader>
}

/** What is known of a live input where its broadcasts are played. */
export type PlayedInput = {
  readonly uid: string
  readonly accountId: string
  /** `recording.requireSignedURLs` and `recording.allowedOrigins`: they hold for what is played by the input's uid. */
  readonly requireSignedUrls: boolean
  readonly allowedOrigins: readonly string[]
}

/** Finds broadcasts and inputs by uid. */
export interface LiveLookup {
  /** Whether `broadcast` would find any. */
  readonly hasBroadcasts: boolean
  /**
   * An input that may be watched; undefined when there is none with this uid. `recentEnough`: what was known a second ago
   * will do.
   */
  input(uid: string, options?: { readonly recentEnough?: boolean }): Promise<PlayedInput | undefined>
  /**
   * From memory: the broadcast of an input (the running one, else the one that ended last and is kept) or of a video.
   * Nothing while an input is idle or does not record.
   */
  broadcast(uid: string): PlayedBroadcast | undefined
}
