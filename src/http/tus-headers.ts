/** Headers that every answer on an upload address carries, refusals too; spec uploads §2.7 and §3. */

/** What a browser is told about uploading: any web page may, and may read the answer. */
export const UPLOAD_CORS_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, HEAD, PATCH, OPTIONS, DELETE',
  'access-control-allow-headers':
    'Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Creator, Upload-Checksum, Upload-Concat, X-HTTP-Method-Override, X-Requested-With, X-Request-ID',
  'access-control-expose-headers':
    'Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, stream-media-id',
  'access-control-max-age': '86400',
} as const

/** For tus answers, errors included. */
export const TUS_ANSWER_HEADERS = {
  'tus-resumable': '1.0.0',
  'access-control-allow-origin': UPLOAD_CORS_HEADERS['access-control-allow-origin'],
  'access-control-expose-headers': UPLOAD_CORS_HEADERS['access-control-expose-headers'],
} as const
