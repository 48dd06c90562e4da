/**
 * What the seek bar shows of the place one points at or jumps to: a picture and the time. For the pointer while it is
 * over the bar, for the keyboard and for fingers a moment longer than the jump.
 */

import { readSpan } from './controls.ts'
import { find } from './find.ts'
import { formatTime } from './format-time.ts'
import type { Storyboard } from './storyboard.ts'

/** After a jump by key. */
const LINGER_MS = 1_500

/**
 * Shows previews in the seek bar of `controller`, whose element for them is `.preview`. `hasPictures`: not of a broadcast,
 * of whose bar the right end is now.
 */
export function showSeekPreviews(
  controller: HTMLElement,
  storyboard: Storyboard,
  hasPictures: () => boolean,
): void {
  const box = find(controller, '.preview', HTMLElement)
  const picture = find(box, '.preview-picture', HTMLElement)
  const bar = find(controller, 'media-time-range', HTMLElement)
  // The part of the bar that stands for the time.
  const range = bar.shadowRoot?.querySelector('#range') ?? bar
  let timer: ReturnType<typeof setTimeout> | undefined
  let shownSeconds: number | null = null

  const draw = (): void => {
    if (shownSeconds === null) return
    const seconds = shownSeconds
    const [start, end] = readSpan(controller)
    find(box, '.preview-time', HTMLElement).textContent = hasPictures()
      ? formatTime(seconds)
      : `−${formatTime(end - seconds)}`
    const found = hasPictures() ? storyboard.at(seconds) : undefined
    picture.hidden = found === undefined
    if (found !== undefined) {
      const { sheet, x, y, width, height } = found
      Object.assign(picture.style, {
        width: `${width}px`,
        height: `${height}px`,
        backgroundImage: `url("${sheet}")`,
        backgroundPosition: `-${x}px -${y}px`,
      })
    }
    // Beside the edges it stays inside, however wide it is.
    const { left, width } = range.getBoundingClientRect()
    const whole = controller.getBoundingClientRect()
    const middle = left - whole.left + (width * (seconds - start)) / (end - start)
    const half = box.offsetWidth / 2 + EDGE_PX
    box.style.left = `${Math.min(Math.max(middle, half), whole.width - half)}px`
  }
  const show = (seconds: number): void => {
    const [start, end] = readSpan(controller)
    if (!(end > start)) return
    shownSeconds = Math.min(Math.max(start, seconds), end)
    box.classList.add('shown')
    draw()
  }
  const hide = (): void => {
    box.classList.remove('shown')
    shownSeconds = null
  }

  storyboard.addEventListener('load', draw)
  // Whoever comes near may want it soon; the first one who does waits until it has been made.
  controller.addEventListener('pointermove', () => hasPictures() && storyboard.at(0), { once: true })
  bar.addEventListener('pointermove', ({ clientX }) => {
    const { left, width } = range.getBoundingClientRect()
    clearTimeout(timer)
    const [start, end] = readSpan(controller)
    show(start + ((clientX - left) / width) * (end - start))
  })
  controller.addEventListener('mediaseekrequest', (event) => {
    const seconds: unknown = event instanceof CustomEvent ? event.detail : null
    if (typeof seconds !== 'number') return
    show(seconds)
    clearTimeout(timer)
    if (!bar.matches(':hover')) timer = setTimeout(hide, LINGER_MS)
  })
  bar.addEventListener('pointerleave', hide)
}

const EDGE_PX = 8
