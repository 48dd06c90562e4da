/**
 * `/embed/v1.latest.js`, the tag form: `<stream src="<id>" controls autoplay …>` becomes a player in a frame, and the
 * element obeys like one (playback.md §5.4). A classic script for other people's pages, so it leaves no global behind.
 */

import { EVENTS } from './protocol.ts'
import { type RemotePlayer, remotePlayer } from './remote-player.ts'
import { frameAddress, propertyOf } from './tag-attributes.ts'

/** What the element has of its player, beside methods and events. */
const PROPERTIES = [
  'autoplay',
  'controls',
  'loop',
  'muted',
  'currentTime',
  'volume',
  'preload',
  'defaultTextTrack',
  'letterboxColor',
  'primaryColor',
  'poster',
  'src',
  'startTime',
  'adUrl',
  'buffered',
  'played',
  'duration',
  'ended',
  'paused',
  'videoHeight',
  'videoWidth',
] as const satisfies readonly (keyof RemotePlayer)[]

const script = document.currentScript
const base = new URL('..', script instanceof HTMLScriptElement ? script.src : location.href)

function replace(element: Element): void {
  const address = frameAddress(element, base)
  if (address === null || element.querySelector('iframe')) return
  const frame = document.createElement('iframe')
  frame.src = address
  frame.title = element.getAttribute('title') ?? 'Video player'
  frame.allow = 'accelerometer; gyroscope; autoplay; encrypted-media; picture-in-picture;'
  frame.allowFullscreen = true
  frame.width = element.getAttribute('width') ?? '100%'
  frame.height = element.getAttribute('height') ?? '100%'
  frame.style.border = 'none'
  if (!element.hasAttribute('height')) frame.style.aspectRatio = '16 / 9'
  element.replaceChildren(frame)
  const player = remotePlayer(frame)
  lend(element, player)
  follow(element, player)
}

/** The element gets the player's properties, methods and events. */
function lend(element: Element, player: RemotePlayer): void {
  for (const name of PROPERTIES) {
    Object.defineProperty(element, name, {
      configurable: true,
      enumerable: true,
      get: () => player[name],
      set: (value: unknown) => {
        Reflect.set(player, name, value)
      },
    })
  }
  Object.assign(element, { play: () => player.play(), pause: () => player.pause() })
  for (const name of EVENTS) player.addEventListener(name, () => element.dispatchEvent(new Event(name)))
}

/** Attributes that are written later do what they did at the start. */
function follow(element: Element, player: RemotePlayer): void {
  new MutationObserver((changes) => {
    for (const { attributeName } of changes) {
      const change = attributeName === null ? null : propertyOf(element, attributeName)
      if (change !== null) Reflect.set(player, change.name, change.value)
    }
  }).observe(element, { attributes: true })
}

function replaceAll(): void {
  for (const element of document.querySelectorAll('stream')) replace(element)
}
replaceAll()
new MutationObserver(replaceAll).observe(document.documentElement, { childList: true, subtree: true })
