import { describe, expect, test } from 'vitest'
import type { Timeline, Track } from '../timeline/index.ts'
import type { Playable } from './find-playable.ts'
import { mediaPlaylistText, mpdText, multivariantText } from './manifests.ts'

const ID = 'token.with-dots_and-more'

function video(name: string, peakBps: number, changes: Partial<Track> = {}): Track {
  const height = Number.parseInt(name, 10)
  return {
    id: `r${height}`,
    formerIds: [],
    kind: 'video',
    timescale: 30,
    starts: [0, 120, 240],
    presentationOffsetTicks: 0,
    codec: 'avc1.64001f',
    init: { from: 'cut' },
    offered: true,
    averageBps: peakBps / 2,
    peakBps,
    video: { width: height * 2, height, name, frameRate: 30, passthrough: false },
    segment: (segment) => ({ from: 'cut', segment }),
    ...changes,
  }
}

const sound: Track = {
  ...video('0p', 128_000),
  id: 'sound',
  kind: 'audio',
  timescale: 48_000,
  starts: [0, 192_512, 384_000],
  codec: 'mp4a.40.2',
  averageBps: 100_000,
  video: undefined,
  audio: {
    channels: 2,
    sampleRate: 48_000,
    name: 'original',
    language: 'und',
    isDefault: true,
    added: false,
  },
}

function playable(tracks: readonly Track[]): Playable {
  const timeline: Timeline = {
    videoUid: 'v',
    revision: 1,
    state: 'closed',
    complete: true,
    durationSeconds: 8,
    mediaBlob: 'sources/v',
    indexBlob: null,
    tracks,
  }
  // Manifests are written from the timeline; of the plan only the rate is looked at, of the video nothing.
  const plan = { frames: { kind: 'grid', frameCount: 240, rate: { num: 30, den: 1 } } }
  return {
    id: ID,
    timeline,
    plan,
    video: {},
    restricted: false,
    checkedOrigin: undefined,
    secondsLeft: null,
  } as unknown as Playable
}

const ladder = [video('1080p', 5e6), video('240p', 4e5), video('480p', 1.5e6), video('720p', 3e6), sound]
const order = (text: string) => [...text.matchAll(/^r(\d+)\.m3u8/gm)].map((match) => Number(match[1]))

describe('the multivariant playlist', () => {
  test('begins with the 480p rung and goes on in ascending rates', () => {
    expect(order(multivariantText(playable(ladder), {}))).toEqual([480, 240, 720, 1080])
    const without = ladder.filter((track) => track.video?.name !== '480p')
    expect(order(multivariantText(playable(without), {}))).toEqual([240, 720, 1080])
  })

  test('announces the rates of picture and sound together', () => {
    expect(multivariantText(playable([video('480p', 1.5e6), sound]), {})).toContain(
      'BANDWIDTH=1628000,AVERAGE-BANDWIDTH=850000,RESOLUTION=960x480,FRAME-RATE=30.000,CODECS="avc1.64001f,mp4a.40.2"',
    )
  })

  test('leaves out what is not offered', () => {
    const tracks = [video('480p', 1e6), video('720p', 2e6, { offered: false }), { ...sound, offered: false }]
    const text = multivariantText(playable(tracks), {})
    expect(order(text)).toEqual([480])
    expect(text).not.toContain('AUDIO')
    expect(() => multivariantText(playable([sound]), {})).toThrow(
      'No rendition of the video can be played yet',
    )
  })

  test.each([
    { hint: '2', variants: [480] },
    { hint: '1.628', variants: [480] },
    { hint: '1.627', variants: [240] },
    { hint: '0.01', variants: [240] },
    { hint: '99', variants: [1080] },
    { hint: '0', variants: [480, 240, 720, 1080] },
    { hint: '-1', variants: [480, 240, 720, 1080] },
    { hint: 'fast', variants: [480, 240, 720, 1080] },
    { hint: null, variants: [480, 240, 720, 1080] },
  ])('with a hint of $hint Mbit/s holds $variants', ({ hint, variants }) => {
    const text = multivariantText(playable(ladder), { clientBandwidthHint: hint })
    expect(order(text)).toEqual(variants)
    expect(text).toContain('TYPE=AUDIO')
  })

  test('hands the parent origin on to every address', () => {
    const request = { parentOrigin: 'https://a.test:1/?"' }
    const suffix = '?parentOrigin=https%3A%2F%2Fa.test%3A1%2F%3F%22'
    expect(multivariantText(playable(ladder), request)).toContain(`r480.m3u8${suffix}\n`)
    expect(mediaPlaylistText(playable(ladder), 'r480', request)).toContain(`/${ID}/r480/1.m4s${suffix}\n`)
    expect(mpdText(playable(ladder), request)).toContain(`$Number$.m4s${suffix}"`)
  })
})

describe('a media playlist', () => {
  test('goes up two levels, so that what stands in place of the id carries over', () => {
    const text = mediaPlaylistText(playable(ladder), 'r720', {})
    expect(text).toContain(`#EXT-X-MAP:URI="../../${ID}/r720/init.mp4"`)
    expect(text).toContain(`\n../../${ID}/r720/1.m4s\n`)
  })

  test('is still there for who began with a rendition that has left', () => {
    const left = [video('480p', 1e6), video('720p', 2e6, { offered: false })]
    expect(mediaPlaylistText(playable(left), 'r720', {})).toContain('r720/0.m4s')
    expect(() => mediaPlaylistText(playable(left), 'r1', {})).toThrow('no such rendition')
  })
})

describe('the MPD', () => {
  test('holds the same tracks, each with its own template', () => {
    const text = mpdText(playable(ladder), {})
    expect([...text.matchAll(/<Representation id="(\w+)"/g)].map((match) => match[1])).toEqual([
      'r1080',
      'r240',
      'r480',
      'r720',
      'sound',
    ])
    expect(text.match(/<AdaptationSet /g)).toHaveLength(2)
    expect(
      mpdText(playable(ladder), { clientBandwidthHint: '2' }).match(/contentType="video"/g),
    ).toHaveLength(1)
  })
})

describe('added sound', () => {
  const added = (id: string, name: string, isDefault = false): Track => ({
    ...sound,
    id,
    audio: { channels: 2, sampleRate: 48_000, name, language: 'und', isDefault, added: true },
  })
  const names = (text: string) => [...text.matchAll(/NAME="([^"]*)"/g)].map((match) => match[1])

  test('has a name of its own in a playlist, where labels differ in what that cannot hold', () => {
    const tracks = [
      video('360p', 900_000),
      sound,
      added('a', 'a "b"'),
      added('b', "a 'b'"),
      added('c', 'a\t"b"'),
    ]
    expect(names(multivariantText(playable(tracks), {}))).toEqual(['original', "a 'b'", "a 'b' 2", "a 'b' 3"])
  })

  test('stands first as the default, in both manifests', () => {
    const original: Track = { ...sound, audio: sound.audio && { ...sound.audio, isDefault: false } }
    const tracks = [video('360p', 900_000), original, added('a', 'x', true)]
    expect(names(multivariantText(playable(tracks), {}))).toEqual(['x', 'original'])
    expect(mpdText(playable(tracks), {}).match(/<Label>\w+/g)).toEqual(['<Label>x', '<Label>original'])
  })

  test('changes no byte of what is said where nothing was added', () => {
    const text = multivariantText(playable([video('360p', 900_000), sound]), {})
    expect(text).toContain(
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="group_audio",NAME="original",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"\n',
    )
    expect(mpdText(playable([video('360p', 900_000), sound]), {})).not.toMatch(/Label|Role|selectionPriority/)
  })
})

describe('captions', () => {
  const texts = [
    { id: 'text-de', language: 'de', label: 'Deutsch' },
    { id: 'text-xx', language: 'de-1996', label: 'Deutsch' },
    { id: 'text-tr', language: 'tr', label: 'Türkçe' },
  ]
  const long = (durationSeconds: number, state: Timeline['state'] = 'closed'): Playable => {
    const found = playable(ladder)
    return { ...found, timeline: { ...found.timeline, durationSeconds, state } }
  }

  test('are a group of every variant, each under a name of its own', () => {
    const text = multivariantText(playable(ladder), { parentOrigin: 'https://a.test' }, texts)
    const suffix = '?parentOrigin=https%3A%2F%2Fa.test'
    expect(text.match(/,SUBTITLES="subs"/g)).toHaveLength(4)
    expect(text).toContain(
      `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="Türkçe",LANGUAGE="tr",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="text-tr.m3u8${suffix}"`,
    )
    expect(text).toContain('NAME="Deutsch (de)",LANGUAGE="de"')
    expect(text).toContain('NAME="Deutsch (de-1996)",LANGUAGE="de-1996"')
    expect(multivariantText(playable(ladder), { clientBandwidthHint: '2' }, texts)).toContain(
      'SUBTITLES="subs"',
    )
    expect(multivariantText(playable(ladder), {})).not.toContain('SUBTITLES')
  })

  test.each([
    [8, ['8.000000']],
    [30, ['30.000000']],
    [30.04, ['30.000000', '0.040000']],
    [95.5, ['30.000000', '30.000000', '30.000000', '5.500000']],
  ])('of a video of %d s come in pieces of %j', (seconds, durations) => {
    const text = mediaPlaylistText(long(seconds), 'text-tr', { parentOrigin: 'o' }, texts)
    expect([...text.matchAll(/#EXTINF:([\d.]+),/g)].map((match) => match[1])).toEqual(durations)
    expect(text).toContain(`\n../../${ID}/text-tr/0.vtt?parentOrigin=o\n`)
    expect(text).not.toContain('EXT-X-MAP')
  })

  test('are one AdaptationSet each', () => {
    const text = mpdText(playable(ladder), {}, texts)
    expect(text.match(/contentType="text" mimeType="text\/vtt"/g)).toHaveLength(3)
    expect(text).toContain('lang="tr"')
    expect(text).toContain(`<BaseURL>../../${ID}/text-tr/whole.vtt</BaseURL>`)
  })

  test('wait for the end of an upload', () => {
    const growing = long(8, 'growing')
    expect(multivariantText(growing, {}, texts)).not.toContain('SUBTITLES')
    expect(() => mediaPlaylistText(growing, 'text-tr', {}, texts)).toThrow('no such rendition')
  })
})
