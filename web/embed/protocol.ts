/**
 * What the scripts for other people's pages and the player page say to each other through `postMessage` (playback.md
 * §5.3): private, and only ever the two of one release, since both come from the same server.
 */

import { readOptions } from '../player/options.ts'

/** Events that a player passes on: the media element's own, and what becomes of an advertisement. */
export const EVENTS = [
  'abort',
  'canplay',
  'canplaythrough',
  'durationchange',
  'ended',
  'error',
  'loadeddata',
  'loadedmetadata',
  'loadstart',
  'pause',
  'play',
  'playing',
  'progress',
  'ratechange',
  'resize',
  'seeked',
  'seeking',
  'stalled',
  'suspend',
  'timeupdate',
  'volumechange',
  'waiting',
  'stream-adstart',
  'stream-adend',
  'stream-adtimeout',
] as const
export type EventName = (typeof EVENTS)[number]

/** What the address of a player says (§5.2), as properties. Texts are `''` where nothing is said. */
export type OptionState = {
  readonly autoplay: boolean
  readonly controls: boolean
  readonly loop: boolean
  readonly muted: boolean
  readonly preload: string
  readonly poster: string
  readonly primaryColor: string
  readonly letterboxColor: string
  readonly startTime: string
  readonly defaultTextTrack: string
  readonly adUrl: string
}

/** Start and end of each loaded or played part, seconds. */
export type Spans = readonly (readonly [start: number, end: number])[]

/** Everything a page may read of a player without waiting. */
export type PlayerState = OptionState & {
  readonly currentTime: number
  readonly volume: number
  readonly duration: number
  readonly ended: boolean
  readonly paused: boolean
  readonly videoHeight: number
  readonly videoWidth: number
  readonly buffered: Spans
  readonly played: Spans
}

/** Properties that a page may write; `src` is written through the address of the frame. */
export const WRITABLE = [
  'autoplay',
  'controls',
  'loop',
  'muted',
  'preload',
  'poster',
  'primaryColor',
  'letterboxColor',
  'startTime',
  'defaultTextTrack',
  'adUrl',
  'currentTime',
  'volume',
] as const
export type WritableName = (typeof WRITABLE)[number]

/** From the embedding page. Numbers count up over the life of one `RemotePlayer`. */
export type Command =
  | { readonly headwater: 'connect' }
  | {
      readonly headwater: 'set'
      readonly number: number
      readonly name: WritableName
      readonly value: unknown
    }
  | { readonly headwater: 'play' | 'pause'; readonly number: number }

/** From the player page. `ready` names nothing, since it is sent before it is known who listens. */
export type Report =
  | { readonly headwater: 'ready' }
  | {
      readonly headwater: 'state'
      /** Number of the last command that has been carried out; 0 = none. */
      readonly seen: number
      /** What has changed since the last report; everything in the answer to `connect`. */
      readonly state: Partial<PlayerState>
      readonly event?: EventName
    }
  /** How the command `play` of that number ended. */
  | { readonly headwater: 'played'; readonly number: number; readonly problem?: Problem }

export type Problem = { readonly name: string; readonly message: string }

/** Names in the address that differ from the property's. */
const PARAMETERS: Partial<Record<keyof OptionState, string>> = { adUrl: 'ad-url' }

/** The options of an address's query. */
export function readOptionState(query: URLSearchParams): OptionState {
  const { autoplay, controls, loop, muted, preload } = readOptions(query)
  const text = (name: keyof OptionState) => query.get(PARAMETERS[name] ?? name) ?? ''
  return {
    autoplay,
    controls,
    loop,
    muted,
    preload,
    poster: text('poster'),
    primaryColor: text('primaryColor'),
    letterboxColor: text('letterboxColor'),
    startTime: text('startTime'),
    defaultTextTrack: text('defaultTextTrack'),
    adUrl: text('adUrl'),
  }
}

/** Writes one option into a query; an empty text takes it out. */
export function writeOption(query: URLSearchParams, name: keyof OptionState, value: unknown): void {
  const parameter = PARAMETERS[name] ?? name
  if (value === '') query.delete(parameter)
  else query.set(parameter, String(value))
}
