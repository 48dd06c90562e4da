/** The only place that knows where blobs lie. Names are made from our own ids, never from anything a stranger sent. */

import type { BlobName } from '../ports.ts'

/** The bytes as received, bit-exact. */
export function sourceBlob(uid: string): BlobName {
  return `sources/${uid}`
}

/** Whose source a blob is; undefined for other blobs. */
export function sourceOwner(name: BlobName): string | undefined {
  return /^sources\/([^/]+)$/.exec(name)?.[1]
}

/** A copy of the source in an indexable container, made without decoding. */
export function remuxBlob(uid: string, attempt: string): BlobName {
  return `remuxes/${uid}/${attempt}.mp4`
}

/** The sample index of a video's media blob. */
export function indexBlob(uid: string, attempt: string): BlobName {
  return `indexes/${uid}/${attempt}`
}

/** CMAF header of a rendition. */
export function initBlob(uid: string, rendition: string): BlobName {
  return `tracks/${uid}/${rendition}/init.mp4`
}

/** The segments of one encode chunk; `attempt` keeps a late writer from touching another's blob. */
export function chunkBlob(uid: string, rendition: string, firstSegment: number, attempt: string): BlobName {
  return `tracks/${uid}/${rendition}/${firstSegment}-${attempt}.mp4`
}

/** A decoded still, kept to be scaled. */
export function stillBlob(uid: string, rendition: string, timeMs: number): BlobName {
  return `${stillPrefix(uid, rendition)}${timeMs}.jpg`
}

/** What the names of all stills of a rendition begin with; a digit follows. */
export function stillPrefix(uid: string, rendition: string): BlobName {
  return `images/${uid}/${rendition}-`
}

/** The pictures of the seek bar, taken from one rendition. */
export function storyboardBlob(uid: string, rendition: string): BlobName {
  return `images/${uid}/storyboard-${rendition}.jpg`
}

/** A file to be downloaded; `attempt` keeps a late writer from touching another's blob. */
export function downloadBlob(uid: string, type: string, attempt: string): BlobName {
  return `downloads/${uid}/${type}-${attempt}.mp4`
}

/** Captions as they were received. */
export function captionBlob(uid: string, caption: string): BlobName {
  return `captions/${uid}/${caption}.vtt`
}

/** The image of a watermark profile, of no video in particular. */
export function watermarkBlob(uid: string): BlobName {
  return `watermarks/${uid}.png`
}

/** The file of an audio track, until it is encoded. */
export function audioSourceBlob(uid: string, track: string): BlobName {
  return `audio-sources/${uid}/${track}`
}

/** What a blob is; `track`: segments of a rendition, or its header. */
export type BlobKind =
  | 'source'
  | 'remux'
  | 'index'
  | 'track'
  | 'image'
  | 'download'
  | 'caption'
  | 'watermark'
  | 'audio-source'

/** The first folder in the names of each kind. */
export const BLOB_FOLDERS: Readonly<Record<BlobKind, string>> = {
  source: 'sources',
  remux: 'remuxes',
  index: 'indexes',
  track: 'tracks',
  image: 'images',
  download: 'downloads',
  caption: 'captions',
  watermark: 'watermarks',
  'audio-source': 'audio-sources',
}

/** What a blob is by its name; undefined for a name that is not made here. */
export function blobKind(name: BlobName): BlobKind | undefined {
  const kinds = Object.keys(BLOB_FOLDERS) as BlobKind[]
  return kinds.find((kind) => name.startsWith(`${BLOB_FOLDERS[kind]}/`))
}

/** The last part of a name without its ending: the id of the captions or of the audio track whose file it is. */
export function ownIdOf(name: BlobName): string {
  return name.slice(name.lastIndexOf('/') + 1).replace(/\.\w+$/, '')
}

/** Every prefix under which a video owns blobs. */
export function blobPrefixes(uid: string): readonly string[] {
  const folders = ['remuxes', 'indexes', 'tracks', 'images', 'downloads', 'captions', 'audio-sources']
  return [`sources/${uid}`, ...folders.map((folder) => `${folder}/${uid}/`)]
}
