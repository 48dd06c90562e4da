/** What the attributes of `<stream …>` mean (playback.md §5.4). */

import { type OptionState, writeOption } from './protocol.ts'

/** Presence counts, as in HTML; only the value `false` is a no. */
const FLAGS: Readonly<Record<string, keyof OptionState>> = {
  autoplay: 'autoplay',
  controls: 'controls',
  loop: 'loop',
  muted: 'muted',
}

/** Lower case, as HTML gives the names of attributes. */
const TEXTS: Readonly<Record<string, keyof OptionState>> = {
  preload: 'preload',
  poster: 'poster',
  primarycolor: 'primaryColor',
  'primary-color': 'primaryColor',
  letterboxcolor: 'letterboxColor',
  'letterbox-color': 'letterboxColor',
  starttime: 'startTime',
  'start-time': 'startTime',
  defaulttexttrack: 'defaultTextTrack',
  'default-text-track': 'defaultTextTrack',
  adurl: 'adUrl',
  'ad-url': 'adUrl',
}

/** For the player's address only: they cannot be changed while it plays. */
const ADDRESSED: Readonly<Record<string, string>> = {
  dvrenabled: 'dvrEnabled',
  'dvr-enabled': 'dvrEnabled',
  protocol: 'protocol',
}

/** The part of an element that is looked at. */
export type Tag = { getAttribute(name: string): string | null; getAttributeNames(): string[] }

/** Where the player of a tag is; null while the tag names no video. `base`: the public address, with a slash at the end. */
export function frameAddress(tag: Tag, base: URL): string | null {
  const source = tag.getAttribute('src')
  const id = source ?? tag.getAttribute('id')
  if (!id) return null
  const address = new URL(`${encodeURIComponent(id)}/iframe`, base)
  // With `src` controls are asked for, as in HTML's own video element; the API's embed code, which has only an `id`,
  // would otherwise give a player that nobody can use.
  if (source !== null && !readFlag(tag, 'controls')) writeOption(address.searchParams, 'controls', false)
  for (const attribute of tag.getAttributeNames()) {
    const flag = FLAGS[attribute]
    const text = TEXTS[attribute]
    const parameter = ADDRESSED[attribute]
    if (parameter !== undefined) address.searchParams.set(parameter, tag.getAttribute(attribute) ?? '')
    if (flag !== undefined) writeOption(address.searchParams, flag, readFlag(tag, attribute))
    if (text !== undefined) writeOption(address.searchParams, text, readText(tag, attribute))
  }
  return address.href
}

/** The property that an attribute stands for and its value now; null for other attributes. */
export function propertyOf(
  tag: Tag,
  attribute: string,
): { readonly name: keyof OptionState | 'src'; readonly value: string | boolean } | null {
  if (attribute === 'src') return { name: 'src', value: tag.getAttribute('src') ?? '' }
  const flag = FLAGS[attribute]
  if (flag !== undefined) return { name: flag, value: readFlag(tag, attribute) }
  const text = TEXTS[attribute]
  return text === undefined ? null : { name: text, value: readText(tag, attribute) }
}

function readFlag(tag: Tag, attribute: string): boolean {
  const value = tag.getAttribute(attribute)
  return value !== null && value !== 'false'
}

/** A bare `preload` means `auto` (HTML §4.8.11.5). */
function readText(tag: Tag, attribute: string): string {
  const value = tag.getAttribute(attribute) ?? ''
  return attribute === 'preload' && value === '' && tag.getAttribute(attribute) !== null ? 'auto' : value
}
