/** Playback by the browser's own HLS reader, for browsers without Media Source Extensions. */

import type { Engine, EngineCallbacks, EngineOptions, LiveEdge } from './engine.ts'

/** Attaches the manifest to the element. Qualities cannot be listed there, so none are offered. */
export function createNativeEngine(options: EngineOptions, callbacks: EngineCallbacks): Engine {
  const { media, startTimeSeconds } = options
  const address = (): string => {
    const url = new URL(options.manifestUrl, location.href)
    if (options.parentOrigin) url.searchParams.set('parentOrigin', options.parentOrigin)
    return url.href
  }
  const onError = (): void => callbacks.onTrouble({ kind: 'status' })
  const onWaiting = (): void => callbacks.onOver()
  media.addEventListener('error', onError)
  media.src = address()
  if (startTimeSeconds > 0 && options.live?.dvr !== false) {
    media.addEventListener('loadedmetadata', () => (media.currentTime = startTimeSeconds), { once: true })
  }
  return {
    start: () => undefined,
    // The browser reads it again by itself when it must; a second read here would interrupt.
    reload: () => Promise.resolve(),
    selectQuality: () => undefined,
    selectSoundTrack: () => undefined,
    describe: () => [
      ['engine', 'the browser’s own'],
      ['delay', `${findEdge(media)?.delaySeconds?.toFixed(1) ?? '–'} s`],
    ],
    edge: () => (options.live === null ? null : findEdge(media)),
    finish: () => media.addEventListener('waiting', onWaiting),
    destroy: () => {
      media.removeEventListener('waiting', onWaiting)
      media.removeEventListener('error', onError)
      media.removeAttribute('src')
      media.load()
    },
  }
}

/** How near to the end of what it lists the browser plays is its own affair; three of the usual parts or segments. */
const TOLERANCE_SECONDS = 8

/** Safari tells when the first instant of the broadcast was, where the playlist says so. */
function findEdge(media: HTMLVideoElement & { getStartDate?(): Date }): LiveEdge | null {
  const { seekable, duration, currentTime } = media
  if (duration !== Number.POSITIVE_INFINITY || seekable.length === 0) return null
  const startMs = media.getStartDate?.().getTime() ?? Number.NaN
  const delaySeconds = (Date.now() - startMs) / 1000 - currentTime
  return {
    syncSeconds: seekable.end(seekable.length - 1),
    delaySeconds: Number.isFinite(delaySeconds) ? delaySeconds : null,
    toleranceSeconds: TOLERANCE_SECONDS,
  }
}
