import { describe, expect, test } from 'vitest'
import { SOUND_FORMAT, someUnits, VIDEO_FORMAT } from '../../../tests/harness/ts-stream.ts'
import { isFailure } from '../../lib/failure.ts'
import { readParameterSets } from '../codecs/avc.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import type { AccessUnit, LiveFormat } from '../live/units.ts'
import { MESSAGE } from '../rtmp/message.ts'
import { splitAggregate } from './aggregate.ts'
import { FlvIntake, isPassing } from './flv-intake.ts'
import { readAudioTag, readVideoTag } from './read-tag.ts'
import { UnwrappedTime } from './unwrapped-time.ts'
import { toTimestamp, writeConfigTag, writeMetadata, writeUnitTag } from './write-tag.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const ascii = (text: string): string => Buffer.from(text).toString('hex')

function intake() {
  const formats: LiveFormat[] = []
  const units: AccessUnit[] = []
  const taken = new FlvIntake({ format: (format) => formats.push(format), unit: (unit) => units.push(unit) })
  return { formats, units, intake: taken }
}

/** A tag of plain FLV around H.264. */
const video = (body: Uint8Array, { key = true, packet = 1, offset = '000000' } = {}): Uint8Array =>
  concatBytes([Uint8Array.of(key ? 0x17 : 0x27, packet), bytes(offset), body])

const CONFIG = VIDEO_FORMAT.config
const [SPS = new Uint8Array()] = readParameterSets(CONFIG, 6, 1).units
const [PPS = new Uint8Array()] = readParameterSets(CONFIG, readParameterSets(CONFIG, 6, 1).end + 1, 1).units

/** NAL units behind lengths of `size` bytes. */
function framed(units: readonly Uint8Array[], size = 4): Uint8Array {
  return concatBytes(
    units.flatMap((unit) => [
      Uint8Array.from({ length: size }, (_, index) => (unit.byteLength >> (8 * (size - 1 - index))) & 0xff),
      unit,
    ]),
  )
}

const IDR = bytes('6588aabbcc')
const SLICE = bytes('4188aabb')

describe('formats and units', () => {
  test('come back as they were written', () => {
    const { formats, units, intake: taken } = intake()
    for (const format of [VIDEO_FORMAT, SOUND_FORMAT]) {
      const { type, payload } = writeConfigTag(format)
      if (type === MESSAGE.video) taken.video(0, payload)
      else taken.audio(0, payload)
    }
    // Times in whole milliseconds, as RTMP has them.
    const sent = someUnits().map((unit) => ({
      ...unit,
      dts: unit.dts - (unit.dts % 90),
      pts: unit.pts - (unit.pts % 90),
    }))
    for (const unit of sent) {
      const { type, payload } = writeUnitTag(unit)
      if (type === MESSAGE.video) taken.video(toTimestamp(unit.dts), payload)
      else taken.audio(toTimestamp(unit.dts), payload)
    }
    expect(formats).toEqual([VIDEO_FORMAT, SOUND_FORMAT])
    expect(units).toEqual(sent)
  })

  test.each([1, 2, 4])('lengths of %i bytes become four', (size) => {
    const { units, intake: taken } = intake()
    const config = CONFIG.slice()
    config[4] = 0xfc | (size - 1)
    taken.video(0, video(config, { packet: 0 }))
    taken.video(0, video(framed([IDR, SLICE], size)))
    expect(units).toEqual([{ kind: 'video', dts: 0, pts: 0, isSync: true, data: framed([IDR, SLICE]) }])
  })

  test('delimiters, parameter sets and empty NAL units are left out', () => {
    const { formats, units, intake: taken } = intake()
    taken.video(0, video(CONFIG, { packet: 0 }))
    taken.video(40, video(framed([bytes('0910'), SPS, PPS, new Uint8Array(), bytes('0605'), IDR])))
    expect(formats.length).toBe(1)
    expect(units.map(({ data }) => Buffer.from(data).toString('hex'))).toEqual([
      Buffer.from(framed([bytes('0605'), IDR])).toString('hex'),
    ])
  })

  test('other parameter sets before a sync picture are another format', () => {
    const { formats, units, intake: taken } = intake()
    taken.video(0, video(CONFIG, { packet: 0 }))
    const other = SPS.slice()
    other[3] = 12
    taken.video(40, video(framed([other, PPS, IDR])))
    taken.video(80, video(framed([SLICE]), { key: false }))
    expect(formats.length).toBe(2)
    expect(formats[1]?.config[3]).toBe(12)
    expect(units.length).toBe(2)
  })

  test('another configuration between pictures is another format, the same again is none', () => {
    const { formats, intake: taken } = intake()
    const other = CONFIG.slice()
    other[3] = 12
    other[11] = 12
    for (const config of [CONFIG, CONFIG, other, other]) taken.video(0, video(config, { packet: 0 }))
    for (const config of ['1190', '1190', '1210']) taken.audio(0, bytes(`af00 ${config}`))
    expect(formats.map(({ kind }) => kind)).toEqual(['video', 'video', 'audio', 'audio'])
  })

  test('a key frame without an IDR picture is none', () => {
    const { units, intake: taken } = intake()
    taken.video(0, video(CONFIG, { packet: 0 }))
    taken.video(0, video(framed([SLICE]), { key: true }))
    expect(units.map(({ isSync }) => isSync)).toEqual([false])
  })

  test('nothing comes before its format', () => {
    const { units, intake: taken } = intake()
    taken.video(0, video(framed([IDR])))
    taken.audio(0, bytes('af01 2110'))
    expect(units).toEqual([])
  })

  test('a picture may be shown before or after it is decoded', () => {
    const { units, intake: taken } = intake()
    taken.video(0, video(CONFIG, { packet: 0 }))
    taken.video(1000, video(framed([IDR]), { offset: '000028' }))
    taken.video(1040, video(framed([SLICE]), { offset: 'ffffd8' }))
    expect(units.map(({ dts, pts }) => [dts / 90, pts / 90])).toEqual([
      [1000, 1040],
      [1040, 1000],
    ])
  })
})

describe('enhanced tags', () => {
  const enhanced = (first: string, rest: string): Uint8Array => bytes(`${first} ${rest}`)

  test.each([
    ['a configuration', '90', `${ascii('avc1')} 0164`, { holds: 'config', data: '0164' }],
    [
      'pictures with an offset',
      '91',
      `${ascii('avc1')} 000028 aabb`,
      { holds: 'units', offsetMs: 40, data: 'aabb' },
    ],
    ['pictures without one', 'a3', `${ascii('avc1')} aabb`, { holds: 'units', offsetMs: 0, data: 'aabb' }],
    [
      'pictures behind a modifier',
      '97',
      `02 010203 01 ${ascii('avc1')} 000000 aa`,
      { holds: 'units', offsetMs: 0, data: 'aa' },
    ],
    [
      'pictures behind a long modifier',
      '97',
      `ff 0100 ${'00'.repeat(257)} 01 ${ascii('avc1')} 000000 aa`,
      { holds: 'units', offsetMs: 0, data: 'aa' },
    ],
    [
      'the only track',
      '96',
      `01 ${ascii('avc1')} 00 000028 aa`,
      { holds: 'units', offsetMs: 40, data: 'aa' },
    ],
    [
      'the first of two tracks',
      '96',
      `11 ${ascii('avc1')} 01 000004 000000cc 00 000004 000028aa`,
      { holds: 'units', offsetMs: 40, data: 'aa' },
    ],
    [
      'the first of two codecs',
      '96',
      `21 ${ascii('hvc1')} 01 000004 000000cc ${ascii('avc1')} 00 000004 000028aa`,
      { holds: 'units', offsetMs: 40, data: 'aa' },
    ],
  ])('hold %s', (_, first, rest, expected) => {
    const tag = readVideoTag(enhanced(first, rest))
    expect({ ...tag, ...('data' in tag && { data: Buffer.from(tag.data).toString('hex') }) }).toEqual(
      expected,
    )
  })

  test.each([
    ['the end of a sequence', '92', ascii('avc1')],
    ['colours', '94', `${ascii('avc1')} 02`],
    ['a further track only', '96', `01 ${ascii('avc1')} 01 000028 aa`],
    ['a command', 'd1', '00'],
  ])('hold nothing for us: %s', (_, first, rest) => {
    expect(readVideoTag(enhanced(first, rest))).toEqual({ holds: 'nothing' })
  })

  test.each([
    ['90', ascii('hvc1'), /Pictures come as H\.265, expected H\.264/],
    ['91', `${ascii('av01')} 00`, /AV1/],
    ['93', `${ascii('vp09')} 00`, /VP9/],
    ['90', '01020304', /"\?\?\?\?"/],
  ])('%s %s is refused by name', (first, rest, sentence) => {
    expect(() => readVideoTag(enhanced(first, rest))).toThrow(sentence)
  })

  test('sound', () => {
    expect(readAudioTag(bytes(`90 ${ascii('mp4a')} 1190`))).toEqual({ holds: 'config', data: bytes('1190') })
    expect(readAudioTag(bytes(`91 ${ascii('mp4a')} 2110`))).toEqual({ holds: 'units', data: bytes('2110') })
    expect(readAudioTag(bytes(`94 ${ascii('mp4a')} 00`))).toEqual({ holds: 'nothing' })
    expect(() => readAudioTag(bytes(`90 ${ascii('Opus')}`))).toThrow(/Sound comes as Opus, expected AAC/)
  })
})

describe('refused or left out', () => {
  test.each([
    ['H.265 by its number', () => readVideoTag(bytes('1c00000000')), 'live_video_codec_unsupported'],
    ['Sorenson', () => readVideoTag(bytes('12')), 'live_video_codec_unsupported'],
    ['MP3', () => readAudioTag(bytes('2f00')), 'live_audio_codec_unsupported'],
    ['a tag of three bytes', () => readVideoTag(bytes('170100')), 'live_stream_broken'],
    ['a modifier without an end', () => readVideoTag(bytes('97ff')), 'live_stream_broken'],
    [
      'a track without an end',
      () => readVideoTag(bytes(`96 11 ${ascii('avc1')} 00 0000ff 00`)),
      'live_stream_broken',
    ],
    [
      'a configuration of another version',
      () => intake().intake.video(0, bytes('1700000000 02640000ff00')),
      'codec_config_broken',
    ],
    [
      'AAC with 960 samples',
      () => intake().intake.audio(0, bytes('af00 1194')),
      'live_audio_codec_unsupported',
    ],
    [
      'an endless AAC configuration',
      () => intake().intake.audio(0, concatBytes([bytes('af00'), new Uint8Array(2000)])),
      'codec_config_broken',
    ],
  ] as const)('%s', (_, read, code) => {
    let thrown: unknown
    try {
      read()
    } catch (error) {
      thrown = error
    }
    expect(isFailure(thrown, code)).toBe(true)
  })

  test('a damaged picture only passes', () => {
    const { intake: taken } = intake()
    taken.video(0, video(CONFIG, { packet: 0 }))
    for (const body of [bytes('000000ff65'), framed(Array.from({ length: 5000 }, () => SLICE))]) {
      let thrown: unknown
      try {
        taken.video(0, video(body))
      } catch (error) {
        thrown = error
      }
      expect(isPassing(thrown)).toBe(true)
    }
  })
})

describe('times', () => {
  test.each([
    ['go on beyond 2^32', [2 ** 32 - 40, 0, 40], [2 ** 32 - 40, 2 ** 32, 2 ** 32 + 40]],
    ['may go back', [1000, 960, 1040], [1000, 960, 1040]],
    [
      'may go back across the end',
      [2 ** 32 - 40, 0, 2 ** 32 - 20, 40],
      [2 ** 32 - 40, 2 ** 32, 2 ** 32 - 20, 2 ** 32 + 40],
    ],
    ['may jump', [0, 1_000_000_000, 5], [0, 1_000_000_000, 5]],
  ])('%s', (_, given, expected) => {
    const time = new UnwrappedTime()
    expect(given.map((timestamp) => time.unwrap(timestamp))).toEqual(expected)
  })

  test('of the tags in an aggregate message count from its own', () => {
    const tag = (type: string, time: string, body: string) =>
      `${type} 0000${(body.length / 2).toString(16).padStart(2, '0')} ${time} 000000 ${body} 00000000`
    const payload = bytes(`${tag('08', '00000a00', 'af01')}${tag('09', '00001e00', '270100')}`)
    const parts = splitAggregate({ type: MESSAGE.aggregate, streamId: 1, timestamp: 5000, payload })
    expect(
      parts.map(({ type, timestamp, payload: body }) => [type, timestamp, Buffer.from(body).toString('hex')]),
    ).toEqual([
      [8, 5000, 'af01'],
      [9, 5020, '270100'],
    ])
    expect(() =>
      splitAggregate({ type: 22, streamId: 1, timestamp: 0, payload: payload.subarray(0, 12) }),
    ).toThrow(/ends inside a tag/)
  })
})

test('metadata is written as servers and players read it', () => {
  const { payload } = writeMetadata({ video: VIDEO_FORMAT, audio: SOUND_FORMAT }, { forServer: true })
  const text = Buffer.from(payload).toString('latin1')
  expect(text).toContain('@setDataFrame')
  expect(text).toContain('onMetaData\u0008')
  expect(text).toContain('audiosamplerate')
})
