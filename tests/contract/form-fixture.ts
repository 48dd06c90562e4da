/** Forms by hand, for tests of one-time form links and of the basic form upload. */

import { plainMovie, type TrackTables } from '../plain-movie.ts'
import { type Answer, call, testBytes, type UploadServer } from './tus-fixture.ts'

export const BOUNDARY = 'headwater-test-boundary'
export const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

export type Part = { name: string; fileName?: string; type?: string; body: Uint8Array | string }

/** Bytes that are recognised as an MP4 by their head; what follows is no matter of the upload. */
export function movieBytes(length: number): Buffer {
  const bytes = testBytes(length, 3)
  Buffer.from('000000186674797069736f6d0000020069736f6d69736f32', 'hex').copy(bytes)
  return bytes
}

/** The text of a form. */
export function formBody(parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap((part) => [
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${part.name}"${
        part.fileName === undefined ? '' : `; filename="${part.fileName}"`
      }\r\n${part.type === undefined ? '' : `Content-Type: ${part.type}\r\n`}\r\n`,
    ),
    Buffer.from(part.body),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...pieces, Buffer.from(`--${BOUNDARY}--\r\n`)])
}

/** A form with one file. */
export function fileForm(body: Uint8Array | string, fileName = 'film.mp4'): Buffer {
  return formBody([{ name: 'file', fileName, type: 'video/mp4', body }])
}

/** An MP4 that says it lasts so long; its index stands in front, behind, or in the midst of other bytes. */
export function declaredMovie(
  seconds: number,
  options: { bytesBefore?: number; bytesAfter?: number; track?: Partial<TrackTables> } = {},
): Buffer {
  const { bytesBefore, bytesAfter = bytesBefore === undefined ? 1_000 : undefined } = options
  const movie = Buffer.from(plainMovie([{ ...oneSecondSamples(seconds), ...options.track }]))
  const indexStart = movie.readUInt32BE(0)
  return Buffer.concat([
    movie.subarray(0, indexStart),
    mediaData(bytesBefore),
    movie.subarray(indexStart),
    mediaData(bytesAfter),
  ])
}

function mediaData(length: number | undefined): Buffer {
  if (length === undefined) return Buffer.alloc(0)
  const data = Buffer.concat([Buffer.alloc(8), testBytes(length, 5)])
  data.writeUInt32BE(data.length, 0)
  data.write('mdat', 4, 'latin1')
  return data
}

const oneSecondSamples = (seconds: number): TrackTables => ({
  timescale: 1_000,
  duration: Math.round(seconds * 1_000),
  stts: [[Math.ceil(seconds), 1_000]],
  stsz: { size: 1, count: Math.ceil(seconds) },
  stsc: [[1, Math.ceil(seconds)]],
  stco: [1_000],
})

/** Makes a link; answers its uid and address. */
export async function makeLink(
  server: UploadServer,
  fields: Record<string, unknown> = {},
): Promise<{ uid: string; uploadURL: string }> {
  const answer = await askForLink(server, { maxDurationSeconds: 60, ...fields })
  if (answer.status !== 200) throw new Error(answer.text)
  return JSON.parse(answer.text).result
}

/** The answer to a request for a link. */
export function askForLink(server: UploadServer, fields: Record<string, unknown>): Promise<Answer> {
  const body = Buffer.from(JSON.stringify(fields))
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }
  return call('POST', `${server.endpoint}/direct_upload`, headers, body)
}

/** Sends a form to a link, without credentials. */
export function sendForm(
  uploadURL: string,
  form: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return call('POST', uploadURL, { ...FORM, 'content-length': String(form.length), ...headers }, form)
}

/** The video of a link, by the API. */
export async function videoOf(server: UploadServer, uid: string): Promise<Record<string, unknown>> {
  const answer = await call('GET', `${server.endpoint}/${uid}`, { authorization: `Bearer ${server.token}` })
  return JSON.parse(answer.text).result
}

/** Minutes that the account has in use or reserved. */
export async function minutesInUse(server: UploadServer, creator?: string): Promise<number> {
  const query = creator === undefined ? '' : `?creator=${creator}`
  const headers = { authorization: `Bearer ${server.token}` }
  const answer = await call('GET', `${server.endpoint}/storage-usage${query}`, headers)
  return JSON.parse(answer.text).result.totalStorageMinutes
}

/** Drafts there are: what is being received, or was left behind. */
export async function draftCount(server: UploadServer): Promise<number> {
  let count = 0
  for await (const _ of server.deps.blobs.listDrafts()) count += 1
  return count
}

/** Bytes written to the drafts, of acknowledged and of other bytes. */
export async function draftBytes({ deps }: UploadServer): Promise<number> {
  let bytes = 0
  for await (const { sizeBytes } of deps.blobs.listDrafts()) bytes += sizeBytes
  return bytes
}

/** Lines of a POST to a link for a raw socket. */
export function formLines(uploadURL: string, lengthBytes: number): string[] {
  return [
    `POST ${new URL(uploadURL).pathname} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Content-Type: ${FORM['content-type']}`,
    `Content-Length: ${lengthBytes}`,
  ]
}
