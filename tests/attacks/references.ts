/** Real containers that point elsewhere: playlists inside, media in another file, linked parts, attachments. */

import { box, concatBytes, fullBox } from '../../src/media/isobmff/write-boxes.ts'
import { findUnits } from '../fuzz/media-units.ts'
import { type Attack, latin1, type Lure } from './attack.ts'
import { chunk, element, u32, withFirst } from './build.ts'
import type { AttackSources } from './sources.ts'

/** All of them; `sources` are good files that get the references. */
export function referring(lure: Lure, sources: AttackSources): readonly Attack[] {
  const { url, file } = lure
  const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}/a.ts\n#EXTINF:10,\nfile://${file}\n#EXT-X-ENDLIST\n`
  const mp4 = sources.get('index-last.mp4')
  const elsewhere: readonly (readonly [string, Uint8Array])[] = [
    ['an address', fullBox('url ', 0, 0, latin1(`${url}/media.mp4\0`))],
    ['a file of the server', fullBox('url ', 0, 0, latin1(`file://${file}\0`))],
    ['a name upwards', fullBox('urn ', 0, 0, latin1(`../../..${file}\0${file}\0`))],
    ['an alias', fullBox('alis', 0, 0, alias(file))],
  ]
  return [
    ...elsewhere.map(
      ([name, reference]): Attack => ({
        name: `an MP4 whose media lie elsewhere: ${name}`,
        bytes: withDataReference(mp4, reference),
        ends: 'ERR_MALFORMED_VIDEO',
        says: /another file/,
      }),
    ),
    {
      name: 'a QuickTime movie that is only a reference to another',
      bytes: concatBytes([
        box('ftyp', latin1('qt  '), u32(0), latin1('qt  ')),
        box(
          'moov',
          box('rmra', box('rmda', fullBox('rdrf', 0, 0, latin1('url '), u32(url.length), latin1(url)))),
        ),
        box('mdat', new Uint8Array(64)),
      ]),
      ends: 'ERR_MALFORMED_VIDEO',
    },
    ...[playlist, `ffconcat version 1.0\nfile ${file}\n`].map(
      (text, index): Attack => ({
        name: `an AVI with a ${index === 0 ? 'playlist' : 'list for ffconcat'} as its subtitles (GAB2)`,
        bytes: withSubtitles(sources.get('mpeg4.avi'), text),
        ends: 'ready',
      }),
    ),
    {
      name: 'a Matroska whose segments are linked to others',
      bytes: withFirst(sources.get('h264.mkv'), linked(file)),
      ends: 'ready',
    },
    {
      name: 'a Matroska with attachments that are playlists and programs',
      bytes: withFirst(sources.get('h264.mkv'), attachments(playlist)),
      ends: 'ready',
    },
    {
      name: 'an Ogg with addresses in its comments',
      bytes: concatBytes([latin1(`OggS\0\x02${'\0'.repeat(20)}\x01\x20${playlist.slice(0, 32)}`)]),
      ends: 'ERR_MALFORMED_VIDEO',
    },
  ]
}

/** The record of QuickTime's aliases as far as readers look: volume, folder and name, then the path (type 2). */
function alias(path: string): Uint8Array {
  const record = Buffer.alloc(150)
  record.write('\x06canary', 10, 'latin1')
  record.write('\x0acanary.mp4', 50, 'latin1')
  const entry = concatBytes([new Uint8Array([0, 2]), u32(path.length).subarray(2), latin1(path)])
  return concatBytes([
    new Uint8Array(record),
    entry,
    new Uint8Array(path.length % 2),
    new Uint8Array([255, 255, 0, 0]),
  ])
}

/** The movie with this as every track's data reference. Its index lies last, so nothing in it moves. */
export function withDataReference(movie: Uint8Array, reference: Uint8Array): Uint8Array {
  const units = findUnits(movie, 'boxes')
  const at = (start: number): string => Buffer.from(movie.subarray(start + 4, start + 8)).toString('latin1')
  const rebuild = (start: number, end: number): Uint8Array => {
    const type = at(start)
    if (type === 'dref') return fullBox('dref', 0, 0, u32(1), reference)
    const inner = units.filter(
      (unit) =>
        unit.start > start &&
        unit.end <= end &&
        !units.some(
          (between) =>
            between.start > start &&
            between.end <= end &&
            between.start < unit.start &&
            between.end >= unit.end,
        ),
    )
    const isParent = ['moov', 'trak', 'mdia', 'minf', 'dinf'].includes(type)
    if (!isParent) return movie.subarray(start, end)
    return box(type, ...inner.map((unit) => rebuild(unit.start, unit.end)))
  }
  const top = units.filter(
    (unit) => !units.some((other) => other.start < unit.start && other.end >= unit.end),
  )
  return concatBytes(top.map((unit) => rebuild(unit.start, unit.end)))
}

/** The AVI with one more stream, of texts, whose only packet is `GAB2` with this text in it; without its index. */
function withSubtitles(avi: Uint8Array, text: string): Uint8Array {
  const header = Buffer.alloc(56)
  header.write('txts', 0, 'latin1')
  header.writeUInt32LE(1, 20)
  header.writeUInt32LE(25, 24)
  header.writeUInt32LE(100, 32)
  const stream = chunk(
    'LIST',
    latin1('strl'),
    chunk('strh', new Uint8Array(header)),
    chunk('strf', new Uint8Array(0)),
  )
  const size = Buffer.alloc(4)
  size.writeUInt32LE(text.length)
  const packet = chunk(
    '02tx',
    latin1('GAB2\0\x02\0\x08\0\0\0c\0v\0.\0m\0\0\0\x04\0'),
    new Uint8Array(size),
    latin1(text),
  )
  const whole = Buffer.from(avi)
  const listEnd = (form: string): number => {
    const at = whole.indexOf(form, 0, 'latin1') - 8
    return at + 8 + whole.readUInt32LE(at + 4)
  }
  const headers = whole.indexOf('hdrl', 0, 'latin1')
  const media = whole.indexOf('movi', 0, 'latin1')
  // Three streams now.
  whole.writeUInt32LE(3, whole.indexOf('avih', 0, 'latin1') + 8 + 24)
  return chunk(
    'RIFF',
    latin1('AVI '),
    chunk('LIST', whole.subarray(headers, listEnd('hdrl')), stream),
    chunk('LIST', latin1('movi'), packet, whole.subarray(media + 4, listEnd('movi'))),
  )
}

/** Info with PrevFilename, NextFilename and their ids; chapters that lie in another segment (RFC 9559 §17). */
function linked(file: string): Uint8Array {
  const uid = new Uint8Array(16).fill(7)
  return concatBytes([
    element(
      0x1549a966,
      element(0x73a4, uid),
      element(0x3cb923, uid),
      element(0x3c83ab, latin1(`../../../..${file}`)),
      element(0x3eb923, uid),
      element(0x3e83bb, latin1(file)),
    ),
    element(
      0x1043a770,
      element(0x45b9, element(0xb6, element(0x73c4, u32(1)), element(0x91, u32(0)), element(0x6e67, uid))),
    ),
  ])
}

function attachments(playlist: string): Uint8Array {
  const attached = (name: string, type: string, bytes: Uint8Array): Uint8Array =>
    element(
      0x61a7,
      element(0x466e, latin1(name)),
      element(0x4660, latin1(type)),
      element(0x46ae, u32(0, 1)),
      element(0x465c, bytes),
    )
  return element(
    0x1941a469,
    attached('../../../../evil.m3u8', 'application/x-mpegURL', latin1(playlist)),
    attached('/etc/cron.d/evil', 'application/x-sh', latin1('#!/bin/sh\nid\n')),
    attached('cover.jpg', 'image/jpeg', latin1(playlist)),
    attached('font.ttf', 'application/x-truetype-font', new Uint8Array(200_000).fill(65)),
  )
}
