/** The columns of a file that is fetched, in the table of whatever it is fetched for. */

import type { FetchedFileColumns } from '../../tables.ts'
import type { FetchedFile, FileChanges } from './copy.ts'

/** Of a file of which nothing is here. */
export function newFileColumns(url: string): FetchedFileColumns {
  return {
    url,
    validator: null,
    length_bytes: null,
    offset_bytes: 0,
    draft_id: null,
    checksums: new Uint8Array(0),
  }
}

/** What of them changes. */
export function changedFileColumns(changes: FileChanges): Partial<FetchedFileColumns> {
  return {
    validator: changes.validator,
    length_bytes: changes.lengthBytes,
    offset_bytes: changes.offsetBytes,
    draft_id: changes.draftId,
    checksums: changes.checksums,
  }
}

/** The file they tell of. */
export function fileFromRow(row: FetchedFileColumns): FetchedFile {
  return {
    url: row.url,
    validator: row.validator,
    lengthBytes: row.length_bytes,
    offsetBytes: row.offset_bytes,
    draftId: row.draft_id,
    checksums: row.checksums,
  }
}
