import { describe, expect, test } from 'vitest'
import { sniff } from './sniff.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value.replaceAll(' ', ''), 'hex'))

describe('containers are known by their signatures, and pinned to ffmpeg’s demuxer', () => {
  const table: readonly (readonly [string, Uint8Array, string])[] = [
    ['matroska', hex('1a45dfa3 9f428681'), 'matroska'],
    ['avi', text('RIFF\u0001\u0002\u0003\u0004AVI LIST'), 'avi'],
    ['wav', text('RIFF\u0001\u0002\u0003\u0004WAVEfmt '), 'wav'],
    ['flv', text('FLV\u0001\u0005'), 'flv'],
    ['ogg', text('OggS\u0000\u0002'), 'ogg'],
    ['flac', text('fLaC\u0000'), 'flac'],
    ['asf', hex('3026b275 8e66cf11 a6d900aa'), 'asf'],
    ['mxf', hex('060e2b34 02050101 0d010201 01020400'), 'mxf'],
    ['mxf', hex('00000000 00060e2b 34020501 010d0102 01010204 00'), 'mxf'],
    ['gxf', hex('00000000 01bc0000 00000000 0000e1e2'), 'gxf'],
    ['lxf', text('LEITCH\0\0'), 'lxf'],
    ['mpegps', hex('000001ba 44000400'), 'mpeg'],
    ['mpegvideo', hex('000001b3 0a0078'), 'mpegvideo'],
    ['mp3', hex('49443304 00000000'), 'mp3'],
    ['aac', hex('fff14c80 017ffc01 182007'), 'aac'],
    ['ac3', hex('0b770000'), 'ac3'],
  ]
  test.each(table)('%s', (container, bytes, demuxer) => {
    expect(sniff(bytes)).toEqual({ kind: 'known', container, demuxer, indexable: false })
  })
})

test.each([188, 192, 204])(
  'a transport stream of %i-byte packets is known from the middle of a packet',
  (length) => {
    const bytes = new Uint8Array(4096)
    for (let at = 13; at < bytes.byteLength; at += length) bytes[at] = 0x47
    expect(sniff(bytes)).toMatchObject({ container: 'mpegts', demuxer: 'mpegts' })
    bytes[13 + 3 * length] = 0x46
    expect(sniff(bytes)).toMatchObject({ kind: 'refused' })
  },
)

describe('files that open with other boxes than ftyp are MP4 too', () => {
  test.each(['moov', 'mdat', 'wide', 'free', 'skip', 'pnot', 'styp', 'moof'])('%s', (type) => {
    expect(sniff(Uint8Array.from([0, 0, 1, 0, ...text(type), ...new Uint8Array(16)]))).toMatchObject({
      container: 'mp4',
    })
  })
})

describe('what is no video says what it looks like', () => {
  const table: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['nothing', new Uint8Array(0), /empty file \(0 bytes\)/],
    ['an HLS playlist', text('#EXTM3U\n#EXTINF:4,\nfile:///etc/passwd\n'), /HLS playlist/],
    ['an HLS playlist behind a mark', text('\u{feff}#EXTM3U\n'), /HLS playlist/],
    ['an ffconcat list', text("ffconcat version 1.0\nfile 'a.mp4'\n"), /ffconcat/],
    ['a DASH manifest', text('<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash">'), /DASH manifest/],
    ['an SVG image', text('<?xml version="1.0"?><svg xmlns="x"/>'), /SVG/],
    ['a SMIL presentation', text('<smil><body/></smil>'), /SMIL/],
    ['an HTML page', text('<!DOCTYPE html><title>Not found</title>'), /HTML/],
    ['XML', text('<?xml version="1.0"?><rss/>'), /XML/],
    ['captions', text('WEBVTT\n\n00:00.000 --> 00:01.000\nHi'), /WebVTT/],
    ['JSON', text('{"error":"not found"}'), /JSON/],
    ['words', text('Grüße an alle, das ist kein Film.'), /plain text/],
    ['UTF-16', hex('fffe 4800 6900'), /plain text/],
    ['white space', text(' \n\n'), /white space/],
    ['PDF', text('%PDF-1.7\n'), /PDF/],
    ['zip', hex('504b0304 14000000'), /ZIP/],
    ['gzip', hex('1f8b0800 00000000'), /gzip/],
    ['a program', hex('7f454c46 02010100'), /program/],
    ['HEIC', hex('00000018 66747970 68656963 00000000'), /HEIF image/],
    ['AVIF', hex('0000001c 66747970 61766966 00000000'), /AVIF image/],
    ['random bytes', hex('a1b2c3d4 e5f60718 293a4b5c'), /unknown kind.*a1 b2 c3 d4/],
    ['zeros', new Uint8Array(4096), /unknown kind/],
  ]
  test.each(table)('%s', (_, bytes, found) => {
    expect(sniff(bytes)).toEqual({
      kind: 'refused',
      code: expect.stringMatching(/^file_/),
      found: expect.stringMatching(found),
    })
  })
})
