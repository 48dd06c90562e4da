/** Whether captions may be lifted over the bar at the bottom: not while some stand at the top, which would leave the picture. */

/** Marks `controller` with `captions-high` while captions of `media` stand in the upper half. */
export function makeRoomForCaptions(controller: HTMLElement, media: HTMLVideoElement): void {
  const update = (): void => {
    const shown = [...media.textTracks].filter(({ mode }) => mode === 'showing')
    const cues = shown.flatMap(({ activeCues }) => [...(activeCues ?? [])])
    controller.classList.toggle('captions-high', cues.some(isHigh))
  }
  media.textTracks.addEventListener('addtrack', ({ track }) => track?.addEventListener('cuechange', update))
  media.textTracks.addEventListener('change', update)
}

/** Lines count from the top, below zero from the bottom; else they are a share of the height (WebVTT §3.2). */
function isHigh(cue: TextTrackCue): boolean {
  if (!(cue instanceof VTTCue) || cue.line === 'auto') return false
  return cue.snapToLines ? cue.line >= 0 : cue.line < 50
}
