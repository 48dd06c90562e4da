/** An output: another server that broadcasts of an input are sent on to, as they come in (live.md §8). */

export type LiveOutput = {
  readonly uid: string
  readonly inputUid: string
  /** `rtmp:`, `rtmps:` or `srt:`, as the customer gave it; may hold a password. */
  readonly url: string
  /** Appended to the address with `/`; the stream id for SRT, where it may be empty. In no log. */
  readonly streamKey: string
  readonly enabled: boolean
  readonly createdUs: number
}

/** Outputs of an input (live.md §8). */
export const MOST_OUTPUTS = 50
