/** How many others watch: asked of `/<id>/views` while a broadcast is shown (live.md §3.2). */

const EVERY_MS = 10_000
/** Share by which a pause is longer or shorter: see `lifecycle.ts`. */
const SPREAD = 0.25

/**
 * Tells the count now and then until `signal` is aborted; null when it is not known. Whoever may not know it is not told it
 * later either, so 401, 403 and 404 end the asking.
 */
export async function followViewers(
  address: string,
  onCount: (count: number | null) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if (!document.hidden) {
      const response = await fetch(address, { cache: 'no-store', credentials: 'omit', signal }).catch(
        () => undefined,
      )
      if (signal.aborted) return
      onCount(response?.ok ? await readCount(response) : null)
      if (response !== undefined && [401, 403, 404].includes(response.status)) return
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, EVERY_MS * (1 - SPREAD + 2 * SPREAD * Math.random()))
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}

async function readCount(response: Response): Promise<number | null> {
  const { liveViewers } = ((await response.json().catch(() => null)) ?? {}) as { liveViewers?: unknown }
  return typeof liveViewers === 'number' ? liveViewers : null
}
