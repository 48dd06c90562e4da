import { describe, expect, test } from 'vitest'
import { isFailure } from '../../lib/failure.ts'
import { readWebVtt } from './read-webvtt.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** What is found of each cue: its times, and its bytes as text. */
function cuesOf(text: string): readonly (readonly [startMs: number, endMs: number, text: string])[] {
  const bytes = bytesOf(text)
  const index = readWebVtt(bytes)
  return Array.from(index.startsMs, (startMs, cue) => [
    startMs,
    index.endsMs[cue] ?? 0,
    new TextDecoder().decode(bytes.subarray(index.from[cue], index.to[cue])),
  ])
}

function faultOf(bytes: Uint8Array): unknown {
  try {
    readWebVtt(bytes)
    return undefined
  } catch (error) {
    return isFailure(error) ? { code: error.code, sentence: error.message, ...error.facts } : error
  }
}

describe('cues', () => {
  test.each([
    ['no cue', 'WEBVTT', []],
    ['no cue and a byte order mark', '\uFEFFWEBVTT\n', []],
    ['a title, a header and a comment', 'WEBVTT - title\nKind: captions\n\nNOTE\nwords\n', []],
    [
      'timings without and with hours',
      'WEBVTT\n\n00:01.000 --> 00:02.500\none\n\n100:00:00.001 --> 100:00:01.000\ntwo',
      [
        [1_000, 2_500, '00:01.000 --> 00:02.500\none'],
        [360_000_001, 360_001_000, '100:00:00.001 --> 100:00:01.000\ntwo'],
      ],
    ],
    [
      'an identifier, settings and two lines',
      'WEBVTT\n\nintro\n00:00.000 --> 00:02.000 line:0 align:start\n<v Fred>Hi,\nthere\n\n',
      [[0, 2_000, 'intro\n00:00.000 --> 00:02.000 line:0 align:start\n<v Fred>Hi,\nthere']],
    ],
    [
      'lines that end with CR LF or CR',
      'WEBVTT\r\n\r\n00:00.000 --> 00:01.000\r\nä\r\n\r\n00:01.000 --> 00:02.000\rb\r',
      [
        [0, 1_000, '00:00.000 --> 00:01.000\r\nä'],
        [1_000, 2_000, '00:01.000 --> 00:02.000\rb'],
      ],
    ],
    [
      'cues without an empty line between them, the first at once',
      'WEBVTT\n00:00.000-->00:01.000\na\n00:01.000\t-->\t00:02.000\n',
      [
        [0, 1_000, '00:00.000-->00:01.000\na'],
        [1_000, 2_000, '00:01.000\t-->\t00:02.000'],
      ],
    ],
    [
      'the same identifier twice: players would keep one of them only',
      'WEBVTT\n\n1\n00:00.000 --> 00:01.000\na\n\n1\n00:01.000 --> 00:02.000\nb\n\n2\n00:02.000 --> 00:03.000\nc',
      [
        [0, 1_000, '00:00.000 --> 00:01.000\na'],
        [1_000, 2_000, '00:01.000 --> 00:02.000\nb'],
        [2_000, 3_000, '2\n00:02.000 --> 00:03.000\nc'],
      ],
    ],
  ])('%s', (_name, text, cues) => {
    expect(cuesOf(text)).toEqual(cues)
  })

  test('STYLE and REGION before the first cue are definitions, behind it they are nothing', () => {
    const text =
      'WEBVTT\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\nlines:3\n\n00:00.000 --> 00:01.000\na\n\nSTYLE\n::cue {}\n'
    const bytes = bytesOf(text)
    const { definitions } = readWebVtt(bytes)
    const [a, b, c, d] = definitions
    expect(definitions).toHaveLength(4)
    expect(new TextDecoder().decode(bytes.subarray(a, b))).toBe('STYLE\n::cue { color: red }')
    expect(new TextDecoder().decode(bytes.subarray(c, d))).toBe('REGION\nid:a\nlines:3')
  })
})

describe('a fault names its line and cue', () => {
  test.each([
    ['', 1, undefined, 'expected WEBVTT at the start, found nothing'],
    ['1\n00:00:01,000 --> 00:00:02,000\nHi', 1, undefined, 'found "1"'],
    ['WEBVTTX\n', 1, undefined, 'found "WEBVTTX"'],
    [' WEBVTT\n', 1, undefined, 'expected WEBVTT at the start'],
    ['WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nHi', 3, 1, 'a full stop before the milliseconds'],
    [
      'WEBVTT\n\n00:00.000 --> 00:01.000\na\n\nb\n00:99.000 --> 01:00.000\n',
      7,
      2,
      'expected timings such as',
    ],
    ['WEBVTT\n\n00:00.000 --> 00:01.0000\n', 3, 1, 'expected timings'],
    ['WEBVTT\n\n00:00.000 --> \n', 3, 1, 'expected timings'],
    ['WEBVTT\n\n00:02.000 --> 00:01.000\n', 3, 1, 'a cue that ends after it starts'],
    ['WEBVTT\n\n00:02.000 --> 00:02.000\n', 3, 1, 'a cue that ends after it starts'],
    ['WEBVTT\n\n00:00.000 --> 00:01.000\nüber\n\nlost\n', 6, 1, 'found "lost"; no empty line'],
    ['WEBVTT\n\nKind: captions\n', 3, undefined, 'expected the timings of a cue'],
  ])('%j', (text, line, cue, sentence) => {
    expect(faultOf(bytesOf(text))).toEqual({
      code: 'bad_request',
      field: 'file',
      line,
      ...(cue !== undefined && { cue }),
      sentence: expect.stringContaining(sentence) as string,
    })
  })

  test('bytes that are no UTF-8', () => {
    const bytes = new Uint8Array(Buffer.from('WEBVTT\n\n00:00.000 --> 00:01.000\nM\xfcnchen\n', 'latin1'))
    expect(faultOf(bytes)).toMatchObject({ code: 'bad_request', line: 4 })
  })
})
