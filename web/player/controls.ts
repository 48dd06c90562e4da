/**
 * The controls: media-chrome's elements around one video element. Only the parts that are used are imported; they hide
 * themselves where a browser or a video has nothing for them (no captions, one sound track, no picture-in-picture).
 */

import 'media-chrome/media-controller'
import 'media-chrome/media-control-bar'
import 'media-chrome/media-play-button'
import 'media-chrome/media-mute-button'
import 'media-chrome/media-volume-range'
import 'media-chrome/media-time-range'
import 'media-chrome/media-time-display'
import 'media-chrome/media-poster-image'
import 'media-chrome/media-loading-indicator'
import 'media-chrome/media-captions-button'
import 'media-chrome/media-pip-button'
import 'media-chrome/media-fullscreen-button'
import 'media-chrome/dist/menu/media-settings-menu.js'
import 'media-chrome/dist/menu/media-settings-menu-item.js'
import 'media-chrome/dist/menu/media-settings-menu-button.js'
import 'media-chrome/dist/menu/media-rendition-menu.js'
import 'media-chrome/dist/menu/media-playback-rate-menu.js'
import 'media-chrome/dist/menu/media-captions-menu.js'
import 'media-chrome/dist/menu/media-audio-track-menu.js'
import { announceKeys } from './announcer.ts'
import { makeRoomForCaptions } from './caption-room.ts'
import { find } from './find.ts'

/** What the page needs of the controls afterwards. */
export type Controls = {
  readonly controller: HTMLElement
  readonly media: HTMLVideoElement
  readonly poster: HTMLElement
}

/** Keys that media-chrome's controller acts on; forwarded when nothing in particular has the focus. */
const PAGE_KEYS = new Set([
  ' ',
  'k',
  'm',
  'f',
  'c',
  'p',
  'j',
  'l',
  '<',
  '>',
  'ArrowLeft',
  'ArrowRight',
  'ArrowUp',
  'ArrowDown',
])

const MARKUP = /* html */ `
<media-controller tabindex="0" aria-label="Video player" novolumepref nomutedpref nosubtitleslangpref>
  <video slot="media" playsinline></video>
  <media-poster-image slot="poster"></media-poster-image>
  <media-loading-indicator slot="centered-chrome" noautohide loadingdelay="300"></media-loading-indicator>
  <media-play-button slot="centered-chrome" class="big-play" notooltip></media-play-button>
  <media-settings-menu id="settings" hidden anchor="auto">
    <media-settings-menu-item class="quality-item">
      Quality
      <media-rendition-menu slot="submenu" hidden><div slot="title">Quality</div></media-rendition-menu>
    </media-settings-menu-item>
    <media-settings-menu-item class="speed-item">
      Speed
      <media-playback-rate-menu slot="submenu" rates="0.5 0.75 1 1.25 1.5 2" hidden>
        <div slot="title">Speed</div>
      </media-playback-rate-menu>
    </media-settings-menu-item>
    <media-settings-menu-item class="captions-item">
      Captions
      <media-captions-menu slot="submenu" hidden><div slot="title">Captions</div></media-captions-menu>
    </media-settings-menu-item>
    <media-settings-menu-item class="sound-item">
      Sound
      <media-audio-track-menu slot="submenu" hidden><div slot="title">Sound</div></media-audio-track-menu>
    </media-settings-menu-item>
  </media-settings-menu>
  <div slot="top-chrome" class="title-bar" hidden>
    <a class="logo" hidden><img alt="" decoding="async"></a>
    <a class="title" hidden></a>
    <span class="gap"></span>
    <a class="share" hidden aria-label="Share this video" title="Share this video">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M13.2 3.6a1 1 0 0 1 1.7-.7l6.5 6.4a1 1 0 0 1 0 1.4l-6.5 6.4a1 1 0 0 1-1.7-.7v-3.2c-4.2.2-7 1.6-9 4.9a.8.8 0 0 1-1.5-.5c.7-6 4.5-10 10.5-10.7V3.6Z"/>
      </svg>
    </a>
  </div>
  <div class="shade" aria-hidden="true"></div>
  <media-control-bar class="seek-bar">
    <media-time-range><span slot="preview" hidden></span></media-time-range>
    <div class="preview" aria-hidden="true">
      <div class="preview-picture" hidden></div>
      <div class="preview-time"></div>
    </div>
  </media-control-bar>
  <media-control-bar class="button-bar">
    <media-play-button></media-play-button>
    <media-mute-button></media-mute-button>
    <media-volume-range></media-volume-range>
    <button type="button" class="live-badge" hidden><span class="live-dot" aria-hidden="true"></span>Live</button>
    <span class="behind" hidden></span>
    <media-time-display showduration></media-time-display>
    <span class="making" role="status" hidden></span>
    <span class="viewers" role="img" hidden>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 5c5 0 8.6 3.6 10.2 6.3a1.4 1.4 0 0 1 0 1.4C20.6 15.4 17 19 12 19s-8.6-3.6-10.2-6.3a1.4 1.4 0 0 1 0-1.4C3.400 8.600 7 5 12 5Zm0 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0 2a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z"/>
      </svg>
      <span></span>
    </span>
    <span class="gap"></span>
    <media-captions-button></media-captions-button>
    <media-settings-menu-button>
      <svg slot="icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M3 8.75a1 1 0 0 1 1-1h8.4a3.25 3.25 0 0 1 6.2 0H20a1 1 0 1 1 0 2h-1.4a3.25 3.25 0 0 1-6.2 0H4a1 1 0 0 1-1-1Zm0 7.5a1 1 0 0 1 1-1h1.4a3.25 3.25 0 0 1 6.2 0H20a1 1 0 1 1 0 2h-8.4a3.25 3.25 0 0 1-6.2 0H4a1 1 0 0 1-1-1Z"/>
      </svg>
    </media-settings-menu-button>
    <media-pip-button></media-pip-button>
    <media-fullscreen-button></media-fullscreen-button>
  </media-control-bar>
  <button type="button" class="unmute" noautohide hidden>
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <path d="M11.5 4.2v15.600a.8.8 0 0 1-1.300.6L5.6 16.5H3a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h2.600l4.600-3.900a.8.8 0 0 1 1.300.6Zm4.200 5 2.300 2.300 2.300-2.300a.9.9 0 0 1 1.300 1.300l-2.300 2.300 2.300 2.300a.9.9 0 0 1-1.300 1.300L18 14.100l-2.300 2.300a.9.9 0 0 1-1.300-1.300l2.300-2.300-2.300-2.300a.9.9 0 0 1 1.300-1.300Z"/>
    </svg>
    Turn on the sound
  </button>
  <div class="live-note" role="status" aria-live="polite" noautohide hidden></div>
  <span class="announcer" role="status" aria-live="polite"></span>
</media-controller>`

/**
 * Puts the controls into `place`. `prepare` is handed the elements before they are connected, because the controller
 * reads the media's lists of qualities and sound tracks, and its own default duration, only then.
 */
export function buildControls(
  place: HTMLElement,
  prepare: (media: HTMLVideoElement, controller: Element) => void,
): Controls {
  const template = document.createElement('template')
  template.innerHTML = MARKUP
  const { content } = template
  prepare(find(content, 'video', HTMLVideoElement), find(content, 'media-controller', Element))
  place.append(content)
  const controller = find(place, 'media-controller', HTMLElement)
  const media = find(place, 'video', HTMLVideoElement)
  forwardKeys(controller)
  makeRoomForCaptions(controller, media)
  showSeeksAtOnce(controller, media)
  announceKeys(find(place, '.announcer', HTMLElement), controller, media)
  return { controller, media, poster: find(place, 'media-poster-image', HTMLElement) }
}

/**
 * Lets the controls know of a jump at once. They read the time at `timeupdate`, which comes when the jump is over: until
 * then a second press of the same key would go to the same place, and the time display lag.
 */
function showSeeksAtOnce(controller: HTMLElement, media: HTMLVideoElement): void {
  controller.addEventListener('mediaseekrequest', () => {
    // Behind whoever else heard the request, and set the element's time.
    queueMicrotask(() => media.dispatchEvent(new Event('timeupdate')))
  })
}

/** Lets the keyboard work before anything in the page was clicked, and adds the keys that media-chrome has not. */
function forwardKeys(controller: HTMLElement): void {
  for (const type of ['keydown', 'keyup'] as const) {
    document.addEventListener(type, (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey
      if (event.target !== document.body || !plain || !PAGE_KEYS.has(event.key)) return
      event.preventDefault()
      controller.dispatchEvent(
        new KeyboardEvent(type, { key: event.key, code: event.code, shiftKey: event.shiftKey }),
      )
    })
  }
  document.addEventListener('keydown', (event) => {
    // Only whoever goes about by keyboard needs to see where the focus is at the start.
    if (event.key === 'Tab') controller.classList.add('by-keyboard')
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey
    const [start, end] = readSpan(controller)
    if (!plain || !/^\d$/.test(event.key) || !(end > start)) return
    // The request goes the way of all others, so that everything that hears of jumps hears of this one.
    const detail = start + ((end - start) * Number(event.key)) / 10
    controller.dispatchEvent(new CustomEvent('mediaseekrequest', { detail }))
  })
}

/**
 * What the seek bar stands for, in seconds: the whole of a video, known before anything has loaded, or what one can go back
 * to in a broadcast. `NaN` until known.
 */
export function readSpan(controller: Element): readonly [start: number, end: number] {
  const [start = 0, end = Number.NaN] = (controller.getAttribute('mediaseekable') ?? '')
    .split(':')
    .map(Number)
  const duration = Number(controller.getAttribute('mediaduration') ?? Number.NaN)
  return Number.isFinite(duration) && duration > 0 ? [0, duration] : [start, end]
}
