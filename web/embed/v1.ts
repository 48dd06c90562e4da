/**
 * `/embed/v1.latest.js`, the tag form: `<stream src="<id>" controls autoplay …>` becomes a player in a frame
 * (`spec/playback.md` §5.4). A classic script for other people's pages, so it leaves no global behind.
 */

{
  /** Attributes that the player page knows under the same name, lower case as HTML gives them. */
  const PARAMETERS: Readonly<Record<string, string>> = {
    autoplay: 'autoplay',
    controls: 'controls',
    loop: 'loop',
    muted: 'muted',
    preload: 'preload',
    poster: 'poster',
    primarycolor: 'primaryColor',
    'primary-color': 'primaryColor',
    letterboxcolor: 'letterboxColor',
    'letterbox-color': 'letterboxColor',
    starttime: 'startTime',
    'start-time': 'startTime',
    defaulttexttrack: 'defaultTextTrack',
    'default-text-track': 'defaultTextTrack',
    'ad-url': 'ad-url',
  }

  const script = document.currentScript
  const base = new URL('..', script instanceof HTMLScriptElement ? script.src : location.href)

  const replace = (element: Element): void => {
    const id = element.getAttribute('src') ?? element.getAttribute('id')
    if (!id || element.querySelector('iframe')) return
    const address = new URL(`${encodeURIComponent(id)}/iframe`, base)
    for (const { name, value } of element.attributes) {
      const parameter = PARAMETERS[name.toLowerCase()]
      if (parameter !== undefined) address.searchParams.set(parameter, value === '' ? 'true' : value)
    }
    // In the tag form controls are asked for, as in HTML's own video element.
    if (!element.hasAttribute('controls')) address.searchParams.set('controls', 'false')
    const frame = document.createElement('iframe')
    frame.src = address.href
    frame.title = element.getAttribute('title') ?? 'Video player'
    frame.allow = 'accelerometer; gyroscope; autoplay; encrypted-media; picture-in-picture;'
    frame.allowFullscreen = true
    frame.width = element.getAttribute('width') ?? '100%'
    frame.height = element.getAttribute('height') ?? '100%'
    frame.style.border = 'none'
    if (!element.hasAttribute('height')) frame.style.aspectRatio = '16 / 9'
    element.replaceChildren(frame)
  }

  const replaceAll = (): void => {
    for (const element of document.querySelectorAll('stream')) replace(element)
  }
  replaceAll()
  new MutationObserver(replaceAll).observe(document.documentElement, { childList: true, subtree: true })
}
