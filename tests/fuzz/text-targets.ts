/**
 * The fuzz targets of short texts that strangers write: addresses, times, languages, names, headers of origins, and what
 * the decoder says of strangers' files. Where there is a writer or another reader, both have to agree.
 */

import { BlockList, isIP } from 'node:net'
import { ProgressReader } from '../../src/adapters/ffmpeg/read-progress.ts'
import { checkUrl } from '../../src/core/copy/index.ts'
import { contentLength, contentRange, isSameFile, validatorOf } from '../../src/core/copy/origin-answer.ts'
import { parseFileName } from '../../src/core/downloads/index.ts'
import { readPacketList } from '../../src/core/planning/packet-times.ts'
import { readReport, readStreams } from '../../src/core/planning/index.ts'
import { parseUploadChecksum } from '../../src/core/uploads/checksum.ts'
import { isInPrefix, parseIpAddress, parseIpPrefix } from '../../src/lib/ip-address.ts'
import { canonicalLanguage, languageName } from '../../src/lib/language-tag.ts'
import { NONCE_BYTES, seal, SEALING_KEY_BYTES, unseal } from '../../src/lib/seal.ts'
import { formatTimestamp, parseTimestamp } from '../../src/lib/timestamp.ts'
import type { FuzzTarget } from './fuzz.ts'

/** A target that reads one text. */
export function textTarget(
  name: string,
  given: { readonly seeds: readonly string[]; readonly words: readonly string[] },
  run: (text: string) => void | Promise<void>,
): FuzzTarget {
  return {
    name,
    words: given.words,
    seeds: async () => given.seeds.map((seed) => new Uint8Array(Buffer.from(seed, 'latin1'))),
    run: async (bytes) => {
      await run(Buffer.from(bytes).toString('latin1'))
    },
  }
}

/** Found: `Date.parse` reads it, and no request can carry it. */
const FOUND_DATE = 'Wed, 21 Oct 2015 0\0:00 GMT'

const SEALING = { key: Buffer.alloc(SEALING_KEY_BYTES, 7).toString('base64url'), purpose: 'fuzz' }
const SEALED = seal('a secret', Buffer.alloc(NONCE_BYTES, 1).toString('base64url'), SEALING)

const REPORT = [
  "Input #0, matroska,webm, from 'pipe:':",
  '  Metadata:',
  '    title           : a   Stream #0:7: Video: none',
  '  Duration: 00:01:02.50, start: 0.000000, bitrate: 1000 kb/s',
  '  Stream #0:0(eng): Video: h264 (High), yuv420p(tv, bt709, progressive), 160x90 [SAR 1:1 DAR 16:9], 25 fps (default)',
  '    Side data:',
  '      displaymatrix: rotation of -90.00 degrees',
  '  Stream #0:1(deu): Audio: aac (LC), 48000 Hz, 5.1, fltp (forced)',
  '      title           : Deutsch',
  '  Stream #0:2(fra): Subtitle: subrip',
  'Stream mapping:',
  '[Parsed_showinfo_0 @ 0x1] n:   0 pts:      0 fmt:yuv420p10le sar:1/1 s:160x90 i:P iskey:1',
].join('\n')

/** The targets. */
export const textTargets: readonly FuzzTarget[] = [
  textTarget(
    'ip-address',
    {
      seeds: ['192.0.2.1', '2001:db8::1/32', '::ffff:192.0.2.0/120', '0.0.0.0/0', 'fe80::1%eth0'],
      words: ['::', ':', '.', '/', '0', 'ffff', '255', '256', '01', '%', '/0', '/33', '/129', '-1', 'g'],
    },
    (text) => {
      const address = parseIpAddress(text)
      if (address !== undefined && (isIP(text) === 4 ? 4 : 16) !== address.length)
        throw new Error(`${text} has ${address.length} bytes.`)
      if (address === undefined && isIP(text) !== 0 && !text.includes('%'))
        throw new Error(`${text} is an address.`)
      const prefix = parseIpPrefix(text)
      if (prefix === undefined) return
      const [start = '', bits] = text.split('/')
      const family = isIP(start) === 6 ? 'ipv6' : 'ipv4'
      const list = new BlockList()
      list.addSubnet(start, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
      for (const other of family === 'ipv6' ? ['2001:db8::1', '::'] : ['192.0.2.7', '0.0.0.0']) {
        const own = isInPrefix(prefix, parseIpAddress(other) ?? [])
        if (own !== list.check(other, family)) throw new Error(`${text} and ${other}: ${own}.`)
      }
    },
  ),
  textTarget(
    'timestamp',
    {
      seeds: ['2026-11-20T18:04:05.123456Z', '1970-01-01T00:00:00+00:00', '2027-02-28 23:59:60-01:30'],
      words: ['-', ':', '.', 'T', 'Z', '+', '0', '60', '99', '9999-12-31', '1'.repeat(20), '02-29'],
    },
    (text) => {
      const us = parseTimestamp(text)
      if (us === undefined) return
      if (!Number.isSafeInteger(us) || us < 0) throw new Error(`${text} is ${us}.`)
      if (parseTimestamp(formatTimestamp(us)) !== us) throw new Error(`${text} reads differently.`)
    },
  ),
  textTarget(
    'language',
    {
      seeds: ['en', 'zh-Hant-TW', 'de-CH-1996', 'x-private', 'en-u-ca-gregory', 'i-klingon'],
      words: ['-', '_', 'u-', 'x', 'EN', '1996', 'a'.repeat(40), '\0', 'latn'],
    },
    (text) => {
      const tag = canonicalLanguage(text)
      if (tag === undefined) return
      if (canonicalLanguage(tag) !== tag) throw new Error(`${tag} reads differently.`)
      if (languageName(tag) === '') throw new Error(`${tag} has no name.`)
    },
  ),
  textTarget(
    'file-name',
    { seeds: ['holiday.mp4', 'A-b_9.M4A'], words: ['.mp4', '/', '..', '"', '\r\n', '%00', 'x'.repeat(200)] },
    (text) => {
      if (!/^[\w-]{1,120}$/.test(parseFileName(text, 'uid'))) throw new Error('No plain name.')
    },
  ),
  textTarget(
    'url',
    {
      seeds: ['https://user:pass@example.com:8443/video.mp4?a=b#c', 'http://[::1]/', 'file:///etc/passwd'],
      words: [
        'http:',
        'https://',
        '//',
        '@',
        ':',
        '\\',
        '%',
        ' ',
        '\t',
        '\0',
        'javascript:',
        'x'.repeat(9_000),
      ],
    },
    (text) => {
      const { protocol, hostname } = checkUrl(text, 'url')
      if (!/^https?:$/.test(protocol) || hostname === '') throw new Error(`${protocol} got through.`)
    },
  ),
  textTarget(
    'origin-headers',
    {
      seeds: [
        'bytes 0-99/100',
        'bytes 5-9/*',
        '"an-etag"',
        'Wed, 21 Oct 2015 07:28:00 GMT',
        '1234',
        FOUND_DATE,
      ],
      words: ['bytes ', '-', '/', '*', '"', 'W/', '0', '9'.repeat(20), ' GMT', '\0', '\xff'],
    },
    (text) => {
      const headers = { 'content-range': text, 'content-length': text, etag: text, 'last-modified': text }
      const length = contentLength(headers)
      if (length !== null && !Number.isSafeInteger(length)) throw new Error(`A length of ${length}.`)
      const range = contentRange(headers)
      if (range !== undefined && !(range.start < range.end && range.end <= (range.totalBytes ?? range.end)))
        throw new Error('No range.')
      const validator = validatorOf(headers)
      if (validator === null) return
      if (/[\r\n\0]/.test(validator)) throw new Error('It would break a header.')
      if (!isSameFile(headers, validator)) throw new Error('It is another file.')
    },
  ),
  textTarget(
    'upload-checksum',
    {
      seeds: ['sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=', 'crc32 AAAAAA==', `sha256 ${'A'.repeat(43)}=`],
      words: ['sha1', 'md5 ', ' ', '=', '+', '/', '_', 'SHA1', '\0', 'A'.repeat(2_000)],
    },
    (text) => {
      const sum = parseUploadChecksum(text)
      if (sum === undefined) throw new Error('It was there.')
      const again = `${sum.algorithm} ${Buffer.from(sum.digest).toString('base64')}`
      if (again !== text.trim()) throw new Error('It reads differently.')
    },
  ),
  textTarget(
    'sealed',
    { seeds: [SEALED], words: ['.', '=', 'A', '-', '_', '\0', 'A'.repeat(500)] },
    (text) => {
      const opened = unseal(text, SEALING)
      if (opened !== undefined && opened !== 'a secret') throw new Error('A forged seal opens.')
    },
  ),
  textTarget(
    'decoder-report',
    {
      // Found: a duration with two points.
      seeds: [REPORT, REPORT.replace('02.50,', '02.50.')],
      words: [
        '\n',
        '  Stream #0:1: Audio: ',
        'Output #',
        ' Hz, ',
        '  Duration: ',
        'n: 0',
        ' s:0x0',
        '(',
        ', '.repeat(3_000),
      ],
    },
    (text) => {
      const { picture, sound, durationSeconds } = readReport(text)
      const numbers = [picture?.width ?? 1, picture?.height ?? 1, sound?.channels ?? 1, durationSeconds ?? 1]
      if (numbers.some((number) => Number.isNaN(number) || number < 0)) throw new Error(numbers.join())
      for (const { number, language } of readStreams(text)) {
        if (number < 0 || language === '') throw new Error('An impossible stream.')
      }
    },
  ),
  textTarget(
    'packet-list',
    {
      seeds: [
        // Found: a time base of nothing, and a duration beyond all numbers.
        '#tb 0: 0/0\n0, 0, 0, 3600, 9, 0x1\n',
        '#tb 0: 1/90000\n0, 3600, 7200, 31e9600, 90, 0x2\n',
        '#tb 0: 1/90000\n0,  0,  0, 3600, 500, 0x1\n0, 3600, 7200, 3600, 90, 0x2\n0, NOPTS, NOPTS, 0, 9, 0x3\n',
      ],
      words: ['\n', ',', '-9223372036854775808', '9007199254740993', 'NOPTS', '#tb 0: 0/0', '1e9', '-1'],
    },
    (text) => {
      const times = readPacketList(text)
      if (times === undefined) return
      const { sorted, endTicks, timescale, originUs } = times
      if (![endTicks, timescale, originUs, ...sorted].every((time) => Number.isFinite(time)))
        throw new Error('A time that is none.')
      if (!(endTicks > 0 && timescale > 0 && sorted[0] === 0)) throw new Error('It begins nowhere.')
    },
  ),
  textTarget(
    'decoder-progress',
    {
      seeds: ['frame=25\nout_time_us=1000000\nprogress=continue\n'],
      words: ['=', '\n', 'frame=', '-1', 'N/A', '1e999'],
    },
    (text) => {
      const progress = new ProgressReader().push(text)
      if (progress !== undefined && !(progress.frames >= 0 && progress.outTimeUs >= 0))
        throw new Error('Backwards.')
    },
  ),
]
