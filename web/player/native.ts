/** Playback by the browser's own HLS reader, for browsers without Media Source Extensions. */

import { type Engine, type EngineOptions, type EngineCallbacks } from './engine.ts'

/** Attaches the manifest to the element. Qualities cannot be listed there, so none are offered. */
export function createNativeEngine(options: EngineOptions, callbacks: EngineCallbacks): Engine {
  const { media, startTimeSeconds } = options
  const address = (): string => {
    const url = new URL(options.manifestUrl, location.href)
    if (options.parentOrigin) url.searchParams.set('parentOrigin', options.parentOrigin)
    return url.href
  }
  const onError = (): void => callbacks.onTrouble({ kind: 'status' })
  media.addEventListener('error', onError)
  media.src = address()
  if (startTimeSeconds > 0) {
    media.addEventListener('loadedmetadata', () => (media.currentTime = startTimeSeconds), { once: true })
  }
  return {
    start: () => undefined,
    // The browser reads it again by itself when it must; a second read here would interrupt.
    reload: () => Promise.resolve(),
    selectQuality: () => undefined,
    selectSoundTrack: () => undefined,
    describe: () => [['engine', 'the browser’s own']],
    destroy: () => {
      media.removeEventListener('error', onError)
      media.removeAttribute('src')
      media.load()
    },
  }
}
