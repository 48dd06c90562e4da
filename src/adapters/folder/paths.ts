/** Where drafts and blobs lie in the folder; refuses every name that could lead out of it. */

import { join } from 'node:path'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName } from '../../ports.ts'

/** Parts of letters, digits, `_`, `-` and `.`, none of which begins with a dot. */
const BLOB_NAME = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$/
const DRAFT_ID = /^[A-Za-z0-9_-]{1,64}$/
const LONGEST_NAME = 512

export type FolderPaths = {
  readonly drafts: string
  readonly blobs: string
  /** Throws `internal` for a name we never make. */
  blob(name: BlobName): string
  draft(id: string): string
  /** Whether a file below `blobs` is called as one of ours may be. */
  isBlob(name: string): boolean
  isDraft(id: string): boolean
}

export function folderPaths(folder: string): FolderPaths {
  const drafts = join(folder, 'drafts')
  const blobs = join(folder, 'blobs')
  const isBlob = (name: string): boolean => name.length <= LONGEST_NAME && BLOB_NAME.test(name)
  const isDraft = (id: string): boolean => DRAFT_ID.test(id)
  return {
    drafts,
    blobs,
    blob(name) {
      if (!isBlob(name)) throw refused('blob name', name)
      return join(blobs, name)
    },
    draft(id) {
      if (!isDraft(id)) throw refused('draft id', id)
      return join(drafts, id)
    },
    isBlob,
    isDraft,
  }
}

function refused(what: string, value: string): HeadwaterError {
  return new HeadwaterError('internal', `Expected a ${what} of our own, but got ${JSON.stringify(value)}.`)
}
