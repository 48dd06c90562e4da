/** The address of a framed player, `<public>/<id>/iframe?<options>`, taken apart and put together. */

import { type OptionState, type PlayerState, readOptionState, writeOption } from './protocol.ts'

/** The uid or token in the address of a player page; `''` when it is none. */
export function readId(address: string): string {
  const id = /\/([^/]+)\/iframe\/?$/.exec(parse(address)?.pathname ?? '')?.[1]
  return id === undefined ? '' : decodeURIComponent(id)
}

/** The origin that a frame with this address talks from; `null` when it has none yet. */
export function readOrigin(address: string, base?: string): string | null {
  const url = parse(address, base)
  return url !== null && /^https?:$/.test(url.protocol) ? url.origin : null
}

/** What a player with this address is like before it has said anything. */
export function initialState(address: string): PlayerState {
  return {
    ...readOptionState(parse(address)?.searchParams ?? new URLSearchParams()),
    currentTime: 0,
    volume: 1,
    duration: Number.NaN,
    ended: false,
    paused: true,
    videoHeight: 0,
    videoWidth: 0,
    buffered: [],
    played: [],
  }
}

/** The address with its options as they are now. */
export function withOptions(address: string, options: OptionState): string {
  const url = new URL(address)
  const given = readOptionState(url.searchParams)
  for (const name of Object.keys(given) as (keyof OptionState)[]) {
    if (options[name] !== given[name]) writeOption(url.searchParams, name, options[name])
  }
  return url.href
}

/** The address of another video in the same player; start and poster belonged to the one before. */
export function withId(address: string, id: string): string {
  const url = new URL(address)
  url.pathname = url.pathname.replace(/[^/]+\/iframe\/?$/, `${encodeURIComponent(id)}/iframe`)
  for (const name of ['startTime', 'poster'] as const) writeOption(url.searchParams, name, '')
  return url.href
}

/** `URL.parse`, for browsers from before 2024, too. */
function parse(address: string, base?: string): URL | null {
  try {
    return new URL(address, base)
  } catch {
    return null
  }
}
