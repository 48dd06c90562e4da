/** Headers that every answer on an upload address carries, refusals too; spec uploads §2.7 and §3. */

/** For answers, errors included. Any web page may upload, so any origin may read them. */
export const TUS_ANSWER_HEADERS = {
  'tus-resumable': '1.0.0',
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, stream-media-id',
} as const
