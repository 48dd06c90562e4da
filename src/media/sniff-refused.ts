/** Words for what a refused file looks like, so that the person who sent it knows what happened. */

/** Longest piece of text that is looked at for its first words. */
const HEAD_CHARACTERS = 512

/** What these first bytes look like; continues "found …". */
export function findRefused(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) return 'an empty file (0 bytes)'
  const binary = BINARIES.find(([signature]) => beginsWith(bytes, signature))
  if (binary !== undefined) return binary[1]
  const text = decodeText(bytes)
  if (text !== undefined) return describeText(text)
  const hex = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0'))
  return `a file of unknown kind that begins with the bytes ${hex.join(' ')}`
}

function beginsWith(bytes: Uint8Array, signature: string): boolean {
  return Array.from(signature).every(
    (character, at) => character === '?' || bytes[at] === character.charCodeAt(0),
  )
}

/** Signatures as Latin-1 characters; `?` stands for any byte. */
const BINARIES: readonly (readonly [string, string])[] = [
  ['\x89PNG', 'a PNG image'],
  ['\xff\xd8\xff', 'a JPEG image'],
  ['GIF8', 'a GIF image'],
  ['RIFF????WEBP', 'a WebP image'],
  ['BM????\0\0\0\0', 'a BMP image'],
  ['II*\0', 'a TIFF image'],
  ['MM\0*', 'a TIFF image'],
  ['????ftypmif1', 'a HEIF image'],
  ['????ftyphei', 'a HEIF image'],
  ['????ftypavif', 'an AVIF image'],
  ['????ftypcrx ', 'a camera raw image'],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 image'],
  ['8BPS', 'a Photoshop image'],
  ['\0\0\x01\0', 'an icon'],
  ['%PDF', 'a PDF document'],
  ['%!PS', 'a PostScript document'],
  ['{\\rtf', 'an RTF document'],
  ['\xd0\xcf\x11\xe0', 'an old Office document'],
  ['PK\x03\x04', 'a ZIP archive or an Office document'],
  ['PK\x05\x06', 'a ZIP archive'],
  ['\x1f\x8b', 'a gzip archive'],
  ['7z\xbc\xaf', 'a 7z archive'],
  ['Rar!', 'a RAR archive'],
  ['\xfd7zXZ', 'an xz archive'],
  ['BZh', 'a bzip2 archive'],
  ['\x28\xb5\x2f\xfd', 'a zstd archive'],
  ['\x7fELF', 'a program'],
  ['MZ', 'a program'],
  ['SQLite format 3', 'a database'],
  ['MThd', 'a MIDI file'],
  ['#!AMR', 'an AMR sound file'],
  ['caff', 'a CAF sound file'],
  ['.RMF', 'a RealMedia file'],
  ['FWS', 'a Flash program'],
  ['CWS', 'a Flash program'],
]

/** First words of texts that decoders are known to follow or people are known to send. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^#EXTM3U/, 'an HLS playlist (text)'],
  [/^ffconcat/, 'an ffconcat list (text)'],
  [/^WEBVTT/, 'WebVTT captions (text)'],
  [/^\d+\r?\n\d\d:\d\d:\d\d,\d/, 'SRT captions (text)'],
  [/<MPD[\s>]/, 'a DASH manifest (XML)'],
  [/<svg[\s>]/i, 'an SVG image (XML)'],
  [/<smil[\s>]/i, 'a SMIL presentation (XML)'],
  [/<SmoothStreamingMedia[\s>]/, 'a Smooth Streaming manifest (XML)'],
  [/^<(!doctype html|html)/i, 'an HTML page'],
  [/^<\?xml|^<[a-z]/i, 'an XML document'],
  [/^[[{]/, 'JSON or another text'],
]

function describeText(text: string): string {
  const head = text.trimStart().slice(0, HEAD_CHARACTERS)
  if (head === '') return 'a file of white space'
  return TEXTS.find(([pattern]) => pattern.test(head))?.[1] ?? 'plain text'
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
