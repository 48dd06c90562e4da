/** Blob stores that fail on purpose, between the core and the folder. */

import { HeadwaterError } from '../../src/lib/failure.ts'
import type { Blobs, Draft } from '../../src/ports.ts'

/** Drafts that can hold only so many bytes in all; `onAppend` hears of those that were taken. */
export function limitRoom(
  blobs: Blobs,
  roomBytes: () => number,
  onAppend: (bytes: number) => void = () => undefined,
): Blobs {
  return wrapDrafts(blobs, (draft) => ({
    append: (buffers) => {
      const size = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
      if (draft.lengthBytes + size <= roomBytes()) {
        onAppend(size)
        return draft.append(buffers)
      }
      return Promise.reject(new HeadwaterError('disk_full', 'The disk of the test is full.'))
    },
  }))
}

/** The first publication fails as if the process had died there. */
export function failOnce(blobs: Blobs, when: 'before publishing' | 'after publishing'): Blobs {
  let failed = false
  return wrapDrafts(blobs, (draft) => ({
    publish: async (name) => {
      if (failed) return draft.publish(name)
      failed = true
      if (when === 'after publishing') await draft.publish(name)
      else await draft.close()
      throw new Error(`crashed ${when} ${name}`)
    },
  }))
}

/** Blobs whose drafts have some methods changed. */
export function wrapDrafts(blobs: Blobs, change: (draft: Draft) => Partial<Draft>): Blobs {
  const wrap = (draft: Draft): Draft => {
    const changes: Record<PropertyKey, unknown> = { ...change(draft) }
    return new Proxy(draft, {
      get: (target, key) => {
        const value: unknown = changes[key] ?? Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return new Proxy(blobs, {
    get: (target, key) => {
      if (key === 'createDraft') {
        return async (...args: Parameters<Blobs['createDraft']>) => wrap(await target.createDraft(...args))
      }
      if (key === 'resumeDraft') {
        return async (...args: Parameters<Blobs['resumeDraft']>) => wrap(await target.resumeDraft(...args))
      }
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
