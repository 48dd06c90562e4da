/** Words for what a refused file looks like, so that the person who sent it knows what happened. */

import type { MediaFault } from '../lib/media-faults.ts'

/** Longest piece of text that is looked at for its first words. */
const HEAD_CHARACTERS = 512

/** Our code for a file that is no media file. */
export type FileFault = Extract<MediaFault, `file_${string}`>

/** What a refused file is, for programs and in words that continue "found …". */
export type Refused = { readonly code: FileFault; readonly found: string }

/** What these first bytes look like. */
export function findRefused(bytes: Uint8Array): Refused {
  if (bytes.byteLength === 0) return { code: 'file_empty', found: 'an empty file (0 bytes)' }
  const binary = BINARIES.find(([signature]) => beginsWith(bytes, signature))
  if (binary !== undefined) return { code: binary[2], found: binary[1] }
  const text = decodeText(bytes)
  if (text !== undefined) return describeText(text)
  const hex = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0'))
  const found = `a file of unknown kind that begins with the bytes ${hex.join(' ')}`
  return { code: bytes.every((byte) => byte === 0) ? 'file_blank' : 'file_unrecognised', found }
}

function beginsWith(bytes: Uint8Array, signature: string): boolean {
  return Array.from(signature).every(
    (character, at) => character === '?' || bytes[at] === character.charCodeAt(0),
  )
}

/** Signatures as Latin-1 characters; `?` stands for any byte. */
const BINARIES: readonly (readonly [signature: string, found: string, code: FileFault])[] = [
  ['\x89PNG', 'a PNG image', 'file_image'],
  ['\xff\xd8\xff', 'a JPEG image', 'file_image'],
  ['GIF8', 'a GIF image', 'file_image'],
  ['RIFF????WEBP', 'a WebP image', 'file_image'],
  ['BM????\0\0\0\0', 'a BMP image', 'file_image'],
  ['II*\0', 'a TIFF image', 'file_image'],
  ['MM\0*', 'a TIFF image', 'file_image'],
  ['????ftypmif1', 'a HEIF image', 'file_image'],
  ['????ftyphei', 'a HEIF image', 'file_image'],
  ['????ftypavif', 'an AVIF image', 'file_image'],
  ['????ftypcrx ', 'a camera raw image', 'file_image'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 image', 'file_image'],
  ['8BPS', 'a Photoshop image', 'file_image'],
  ['\0\0\x01\0', 'an icon', 'file_image'],
  ['%PDF', 'a PDF document', 'file_pdf'],
  ['%!PS', 'a PostScript document', 'file_document'],
  ['{\\rtf', 'an RTF document', 'file_document'],
  ['\xd0\xcf\x11\xe0', 'an old Office document', 'file_document'],
  ['PK\x03\x04', 'a ZIP archive or an Office document', 'file_archive'],
  ['PK\x05\x06', 'a ZIP archive', 'file_archive'],
  ['\x1f\x8b', 'a gzip archive', 'file_archive'],
  ['7z\xbc\xaf', 'a 7z archive', 'file_archive'],
  ['Rar!', 'a RAR archive', 'file_archive'],
  ['\xfd7zXZ', 'an xz archive', 'file_archive'],
  ['BZh', 'a bzip2 archive', 'file_archive'],
  ['\x28\xb5\x2f\xfd', 'a zstd archive', 'file_archive'],
  ['\x7fELF', 'a program', 'file_program'],
  ['MZ', 'a program', 'file_program'],
  ['SQLite format 3', 'a database', 'file_database'],
  ['MThd', 'a MIDI file', 'file_sound'],
  ['#!AMR', 'an AMR sound file', 'file_sound'],
  ['caff', 'a CAF sound file', 'file_sound'],
  ['.RMF', 'a RealMedia file', 'file_realmedia'],
  ['FWS', 'a Flash program', 'file_program'],
  ['CWS', 'a Flash program', 'file_program'],
]

/** First words of texts that decoders are known to follow or people are known to send. */
const TEXTS: readonly (readonly [first: RegExp, found: string, code: FileFault])[] = [
  [/^#EXTM3U/, 'an HLS playlist (text)', 'file_playlist'],
  [/^ffconcat/, 'an ffconcat list (text)', 'file_ffconcat'],
  [/^WEBVTT/, 'WebVTT captions (text)', 'file_captions'],
  [/^\[Script Info\]/i, 'SSA captions (text)', 'file_captions'],
  [/<tt[\s>]/, 'TTML captions (XML)', 'file_captions'],
  [/^\[playlist\]/i, 'a playlist (text)', 'file_playlist'],
  [/^\d+\r?\n\d\d:\d\d:\d\d,\d/, 'SRT captions (text)', 'file_captions'],
  [/<MPD[\s>]/, 'a DASH manifest (XML)', 'file_dash_manifest'],
  [/<svg[\s>]/i, 'an SVG image (XML)', 'file_svg'],
  [/<smil[\s>]/i, 'a SMIL presentation (XML)', 'file_smil'],
  [/<SmoothStreamingMedia[\s>]/, 'a Smooth Streaming manifest (XML)', 'file_smooth_manifest'],
  [/^<(!doctype html|html)/i, 'an HTML page', 'file_html'],
  [/^<\?xml|^<[a-z]/i, 'an XML document', 'file_xml'],
  [/^[[{]/, 'JSON or another text', 'file_json'],
]

function describeText(text: string): Refused {
  const head = text.trimStart().slice(0, HEAD_CHARACTERS)
  if (head === '') return { code: 'file_text', found: 'a file of white space' }
  const known = TEXTS.find(([pattern]) => pattern.test(head))
  return known === undefined
    ? { code: 'file_text', found: 'plain text' }
    : { code: known[2], found: known[1] }
}

/** The bytes as text, or undefined if they are none: no control characters, valid UTF-8 (or UTF-16 with its mark). */
function decodeText(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  if (bytes.some((byte) => byte < 32 && ![9, 10, 12, 13].includes(byte))) return undefined
  try {
    // `stream`, since the window may end inside a character.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
  } catch {
    // Not UTF-8: whoever asks describes the bytes instead.
    return undefined
  }
}
