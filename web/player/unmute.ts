/** The button that gives back the sound which the browser did not allow without a gesture. */

import { find } from './find.ts'

/** Silences `media` and shows the button, until there is sound again by whatever way. */
export function playSilently(controller: HTMLElement, media: HTMLVideoElement): void {
  media.muted = true
  const button = find(controller, '.unmute', HTMLElement)
  button.hidden = false
  const done = new AbortController()
  const { signal } = done
  button.addEventListener('click', () => (media.muted = false), { signal })
  media.addEventListener(
    'volumechange',
    () => {
      if (media.muted) return
      button.hidden = true
      done.abort()
    },
    { signal },
  )
}
