/** The addresses of uploads: where they are created, where they live, and how a final upload names its parts. */

import type { Upload, UploadAddress } from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { parseTarget } from '../request-address.ts'

/** Where uploads are created. */
export const CREATION = /^\/client\/v4\/accounts\/(?<account>[^/]+)\/stream$/
/** An upload that needs the account's credentials. */
export const ACCOUNT_ADDRESS = /^\/client\/v4\/accounts\/(?<account>[^/]+)\/media\/(?<id>[^/]+)$/
/** An upload whose address is its credential. */
export const DIRECT_ADDRESS = /^\/upload\/tus\/(?<id>[^/]+)$/

/** The address of an upload, for `Location`. */
export function locationOf(upload: Upload, publicUrl: string): string {
  return upload.direct
    ? `${publicUrl}/upload/tus/${upload.id}`
    : `${publicUrl}/client/v4/accounts/${upload.accountId}/media/${upload.id}?tusv2=true`
}

/** What `Upload-Concat` asks for (uploads.md §3.6). */
export type Concat =
  | { readonly kind: 'partial' }
  | { readonly kind: 'final'; readonly header: string; readonly parts: readonly UploadAddress[] }

/**
 * Reads `Upload-Concat`: `partial`, or `final;` and addresses separated by spaces. Throws `bad_request` for anything else,
 * an address that is none of an upload included.
 */
export function parseConcat(header: string, publicUrl: string): Concat {
  const text = header.trim()
  if (text === 'partial') return { kind: 'partial' }
  const list = /^final;([\x20-\x7e]*)$/.exec(text)?.[1]
  if (list === undefined) {
    throw new HeadwaterError(
      'bad_request',
      'Upload-Concat must be `partial`, or `final;` and the addresses of partial uploads separated by spaces.',
    )
  }
  const urls = list.split(' ').filter((url) => url !== '')
  if (urls.length === 0) {
    throw new HeadwaterError('bad_request', 'Upload-Concat: `final;` names no partial upload.')
  }
  // Behind a proxy our addresses may begin with a path of its own.
  const prefix = new URL(publicUrl).pathname.replace(/\/$/, '')
  return { kind: 'final', header: text, parts: urls.map((url, index) => readPart(url, prefix, index + 1)) }
}

/** Only the path counts: the same server may be known by several names. */
function readPart(url: string, prefix: string, position: number): UploadAddress {
  const path = pathOf(url)
  const own = path?.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
  const direct = own && DIRECT_ADDRESS.exec(own)?.groups
  if (direct) return { id: direct.id ?? '', accountId: null }
  const ofAccount = own && ACCOUNT_ADDRESS.exec(own)?.groups
  if (ofAccount) return { id: ofAccount.id ?? '', accountId: ofAccount.account ?? '' }
  throw new HeadwaterError(
    'bad_request',
    `Upload-Concat: part ${position} is no address of an upload; send the Location of each partial upload, whole or from its path on.`,
  )
}

function pathOf(url: string): string | undefined {
  // A comma would end up in a query, and a list that is separated by commas pass for its first address.
  if (!/^(?:https?:\/\/[^/]+)?\/[^,]*$/i.test(url)) return undefined
  try {
    return parseTarget(url).path
  } catch {
    // Told by the caller, like any other address that is none.
    return undefined
  }
}
