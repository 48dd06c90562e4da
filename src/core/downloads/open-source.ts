/** The source of a video as it was received, for whom its token grants it (api.md §5.1, `flags.original`). */

import { type Container, sniff, SNIFF_BYTES } from '../../media/sniff.ts'
import type { Blobs } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { sourceBlob } from '../blob-names.ts'
import { bodyOf, openRecorded } from '../playback/index.ts'
import type { OpenedDownload } from './download.ts'

/** The source, called what it is; undefined when it is no longer stored. Throws `blob_damaged`. */
export async function openSource(
  deps: { readonly db: Db; readonly blobs: Pick<Blobs, 'open'> },
  uid: string,
): Promise<OpenedDownload | undefined> {
  const name = sourceBlob(uid)
  const row = await deps.db
    .selectFrom('blobs')
    .select('size_bytes')
    .where('name', '=', name)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const reader = await openRecorded(deps.blobs, name)
  const first = new Uint8Array(Math.min(SNIFF_BYTES, row.size_bytes))
  try {
    await reader.read(first, 0)
  } finally {
    await reader.close()
  }
  return {
    body: bodyOf([{ blob: name, range: { start: 0, end: row.size_bytes } }]),
    ...describeFile(first),
    // A video has one source, and it never changes.
    etag: `"source-${uid}"`,
  }
}

type FileKind = { readonly extension: string; readonly contentType: string }

/** What a file is called by its first bytes. */
export function describeFile(first: Uint8Array): FileKind {
  const found = sniff(first)
  const kind = found.kind === 'known' ? KINDS[found.container] : undefined
  const text = String.fromCharCode(...first.subarray(0, 64))
  // The brand of QuickTime, and the document type of WebM.
  if (kind === KINDS.mp4 && text.startsWith('ftypqt', 4)) return MOV
  if (kind === KINDS.matroska && text.includes('webm')) return WEBM
  return kind ?? { extension: '', contentType: 'application/octet-stream' }
}

const MOV = { extension: '.mov', contentType: 'video/quicktime' }
const WEBM = { extension: '.webm', contentType: 'video/webm' }

/** Those that have pictures. */
const KINDS: Readonly<Partial<Record<Container, FileKind>>> = {
  mp4: { extension: '.mp4', contentType: 'video/mp4' },
  matroska: { extension: '.mkv', contentType: 'video/x-matroska' },
  avi: { extension: '.avi', contentType: 'video/x-msvideo' },
  flv: { extension: '.flv', contentType: 'video/x-flv' },
  mpegts: { extension: '.ts', contentType: 'video/mp2t' },
  mpegps: { extension: '.mpg', contentType: 'video/mpeg' },
  mpegvideo: { extension: '.m2v', contentType: 'video/mpeg' },
  mxf: { extension: '.mxf', contentType: 'application/mxf' },
  gxf: { extension: '.gxf', contentType: 'application/gxf' },
  asf: { extension: '.wmv', contentType: 'video/x-ms-asf' },
  ogg: { extension: '.ogv', contentType: 'video/ogg' },
}
