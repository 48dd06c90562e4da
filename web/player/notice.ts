/** The panel over the picture that says why nothing plays (yet): a sentence, a bar of progress, or a button. */

import { find } from './find.ts'

export type NoticeContent = {
  /** `calm`: nothing is being done, and nothing is wrong. */
  readonly tone: 'waiting' | 'calm' | 'wrong'
  readonly title: string
  readonly sentence?: string
  /** 0–100; `null` shows a bar without a figure, `undefined` none. */
  readonly pct?: number | null
}

const MARKUP = /* html */ `
<div class="notice" role="status" aria-live="polite" hidden>
  <div class="notice-body">
    <div class="notice-mark" aria-hidden="true"></div>
    <p class="notice-title"></p>
    <p class="notice-sentence"></p>
    <div class="notice-track" role="progressbar" aria-label="Preparation" aria-valuemin="0" aria-valuemax="100" hidden>
      <div class="notice-bar"></div>
    </div>
  </div>
</div>`

export class Notice {
  readonly #panel: HTMLElement

  constructor(place: HTMLElement) {
    place.insertAdjacentHTML('beforeend', MARKUP)
    this.#panel = find(place, '.notice', HTMLElement)
  }

  /** Shows `content`, replacing what was shown. Texts are only touched when they change: each change is read aloud. */
  show(content: NoticeContent): void {
    const panel = this.#panel
    panel.hidden = false
    panel.dataset['tone'] = content.tone
    setText(find(panel, '.notice-title', HTMLElement), content.title)
    setText(find(panel, '.notice-sentence', HTMLElement), content.sentence ?? '')
    const track = find(panel, '.notice-track', HTMLElement)
    track.hidden = content.pct === undefined
    if (content.pct === undefined) return
    track.classList.toggle('unknown', content.pct === null)
    if (content.pct === null) track.removeAttribute('aria-valuenow')
    else track.setAttribute('aria-valuenow', String(Math.floor(content.pct)))
    find(track, '.notice-bar', HTMLElement).style.inlineSize = content.pct === null ? '' : `${content.pct}%`
  }

  hide(): void {
    this.#panel.hidden = true
  }
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}
