/**
 * One request at a time writes to an upload. A newcomer asks the present holder to let go: one whose connection is gone
 * or which has sent nothing for a second does so at once and keeps what arrived; a lively one is waited for
 * (uploads.md §2.5). tus clients that lost their connection come back at once, long before TCP notices.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { UploadBody, UploadDeps } from './upload.ts'

/** A sender that has been silent for so long must let go when somebody else comes. */
export const SILENT_MS = 1_000
/** How long a newcomer waits for a lively holder. */
export const WAIT_MS = 5_000

/** What is asked of whoever is sending: how it is getting on, and to stop. */
export type Sender = Pick<UploadBody, 'state' | 'silentMs' | 'stop'>

const senders = new WeakMap<KeyedLock, Map<string, Sender>>()

/**
 * Takes the upload for one request. `body` is what it will send, if it sends anything. Throws `upload_locked` when
 * another lively request has not ended after five seconds, or when `signal` is aborted before.
 */
export async function holdUpload(
  deps: Pick<UploadDeps, 'locks' | 'clock'>,
  id: string,
  options: { body?: Sender; signal?: AbortSignal },
): Promise<{ release(): void }> {
  const { body, signal } = options
  const done = new AbortController()
  const hold = await deps.locks.take(lockOf(id), {
    waitMs: WAIT_MS,
    signal,
    onWanted: () => {
      if (body) void stopWhenSilent(deps, body, done.signal)
    },
  })
  if (hold === undefined) {
    throw new HeadwaterError(
      'upload_locked',
      'another request is still sending bytes to this upload; wait for it to end, then ask with HEAD',
      { facts: { retryAfterSeconds: 1 } },
    )
  }
  const running = sendersOf(deps.locks)
  if (body) running.set(id, body)
  return {
    release() {
      done.abort()
      running.delete(id)
      hold.release()
    },
  }
}

/** Takes the upload if nobody holds it; for work that can wait. */
export function holdUploadNow(
  deps: Pick<UploadDeps, 'locks'>,
  id: string,
): Promise<{ release(): void } | undefined> {
  return deps.locks.take(lockOf(id), { waitMs: 0 })
}

/** Whether a request holds the upload at this moment. */
export function isUploadHeld(deps: Pick<UploadDeps, 'locks'>, id: string): boolean {
  return deps.locks.isHeld(lockOf(id))
}

/** How long the present sender of an upload has been silent, in milliseconds; undefined when nobody is sending. */
export function senderSilentMs(deps: Pick<UploadDeps, 'locks'>, id: string): number | undefined {
  return sendersOf(deps.locks).get(id)?.silentMs()
}

function lockOf(id: string): string {
  return `upload/${id}`
}

async function stopWhenSilent(
  deps: Pick<UploadDeps, 'clock'>,
  body: Sender,
  done: AbortSignal,
): Promise<void> {
  while (!done.aborted && body.state === 'open') {
    const leftMs = SILENT_MS - body.silentMs()
    if (leftMs <= 0) return body.stop()
    await deps.clock.sleep(leftMs, done)
  }
}

function sendersOf(locks: KeyedLock): Map<string, Sender> {
  const running = senders.get(locks) ?? new Map<string, Sender>()
  senders.set(locks, running)
  return running
}
