/** What the server wrote into the page. */

import type { PlayerPageConfig } from '../../src/http/page-status.ts'

/** Reads the page's JSON block. Throws when the page has none: then it is not one of our pages. */
export function readConfig(): PlayerPageConfig {
  const block = document.querySelector('script#headwater')
  if (!block?.textContent) throw new Error('This page has no player configuration.')
  return JSON.parse(block.textContent) as PlayerPageConfig
}

/** Origin of the page this one is embedded in; null at the top level or where the browser hides it. */
export function findParentOrigin(): string | null {
  if (window.parent === window) return null
  const ancestor = location.ancestorOrigins?.[0]
  if (ancestor && ancestor !== 'null') return ancestor
  try {
    return document.referrer ? new URL(document.referrer).origin : null
  } catch {
    return null
  }
}
