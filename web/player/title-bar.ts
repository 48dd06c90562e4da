/** The bar at the top: what the owner of a video lets its viewers know (`publicDetails`, playback.md §5.2). */

import type { PlayerPageConfig } from '../../src/http/page-status.ts'
import { find } from './find.ts'

/** Shows the details that there are. Their links lead out of the frame, and tell the page they lead to nothing. */
export function fillTitleBar(place: ParentNode, details: PlayerPageConfig['details']): void {
  const { title, logo, channelLink, shareLink } = details
  const anchor = (selector: string) => find(place, selector, HTMLAnchorElement)
  if (logo !== null) {
    find(place, '.logo img', HTMLImageElement).src = logo
    show(anchor('.logo'), channelLink)
    if (channelLink !== null) anchor('.logo').setAttribute('aria-label', 'Channel')
  }
  if (title !== null) {
    anchor('.title').textContent = title
    show(anchor('.title'), shareLink ?? channelLink)
  }
  if (shareLink !== null) show(anchor('.share'), shareLink)
  find(place, '.title-bar', HTMLElement).hidden = logo === null && title === null && shareLink === null
}

function show(anchor: HTMLAnchorElement, link: string | null): void {
  anchor.hidden = false
  if (link === null) return
  anchor.href = link
  anchor.target = '_blank'
  anchor.rel = 'noopener noreferrer'
}
