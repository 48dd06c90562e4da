/**
 * Says what a key has done, for those who cannot see it: a live region that is read aloud (WAI-ARIA 1.2 §6.7). Buttons
 * under the focus tell their own changes, and what the pointer does is seen.
 */

import { formatTime } from './format-time.ts'

/** Events of the media element, and what is said then. */
const SENTENCES: Readonly<Record<string, (media: HTMLVideoElement) => string>> = {
  play: () => 'Playing',
  pause: () => 'Paused',
  volumechange: ({ muted, volume }) => (muted ? 'Muted' : `Volume ${Math.round(volume * 100)} %`),
  ratechange: ({ playbackRate }) => `Speed ${playbackRate}`,
}
/** An event this soon after a key is taken for its effect. */
const EFFECT_MS = 700

/** Announces in `region` what keys do to `media`, by way of `controller`. */
export function announceKeys(region: HTMLElement, controller: HTMLElement, media: HTMLVideoElement): void {
  let pressedAt = Number.NEGATIVE_INFINITY
  const onKey = () => {
    pressedAt = performance.now()
  }
  document.addEventListener('keydown', onKey, { capture: true })
  document.addEventListener('keyup', onKey, { capture: true })
  const say = (sentence: string): void => {
    if (performance.now() - pressedAt < EFFECT_MS) region.textContent = sentence
  }
  for (const [type, sentence] of Object.entries(SENTENCES)) {
    media.addEventListener(type, () => say(sentence(media)))
  }
  controller.addEventListener('mediaseekrequest', (event) => {
    if (event instanceof CustomEvent && typeof event.detail === 'number') say(formatTime(event.detail))
  })
  media.textTracks.addEventListener('change', () => {
    const shown = [...media.textTracks].find(({ mode }) => mode === 'showing')
    say(shown === undefined ? 'Captions off' : `Captions: ${shown.label}`)
  })
}
