/** What to do about a video that failed. */

import type { FailureCode } from '../../lib/failure.ts'
import { isMediaFault, MEDIA_FAULTS } from '../../lib/media-faults.ts'

/** Where the file is not at fault. */
const OTHERWISE: Partial<Record<FailureCode, string>> = {
  fetch_failed:
    'Check that the address can be opened without signing in, then start the upload from it again.',
  fetch_refused: 'Give an address that anybody can reach by http or https.',
  not_found: 'What it was to be made of was deleted meanwhile; begin with another video.',
  disk_full:
    'The file is not at fault. Let the operator make room on the disk of the server, then try the video again.',
  speech_failed:
    'The video is not at fault. Delete these captions and ask for them again; if that fails too, let the operator look at the speech engine.',
  blob_damaged:
    'What was stored of the file is damaged. Upload it again, and let the operator check the disk of the server.',
}
const TRY_AGAIN =
  'The file is probably not at fault. Try the video again; if it fails once more, the log of the server says more under its uid.'

/** A sentence for whoever sent the file. `code`: ours, as it was stored, which may be of an older version. */
export function adviceFor(code: string): string {
  if (isMediaFault(code)) return MEDIA_FAULTS[code].advice
  return new Map(Object.entries(OTHERWISE)).get(code) ?? TRY_AGAIN
}
