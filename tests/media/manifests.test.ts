/** What readers written by others make of our manifests. */

import * as hlsParser from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { parse as parseMpd } from 'mpd-parser'
import { describe, expect, test } from 'vitest'
import { formatStaticMpd } from '../../src/media/dash/mpd.ts'
import { formatMediaPlaylist } from '../../src/media/hls/media-playlist.ts'
import { formatMultivariant } from '../../src/media/hls/multivariant.ts'

/** 29.97 pictures a second, cut every 120; sound at 44.1 kHz with a part of a frame before 0. */
const PICTURE = { timescale: 30_000, starts: [0, 120_120, 240_240, 360_360, 400_400] }
const SOUND = { timescale: 44_100, starts: [0, 176_128, 353_280, 529_408, 588_800], e: 448 }

const multivariant = formatMultivariant({
  version: 6,
  media: [
    {
      type: 'AUDIO',
      groupId: 'group_audio',
      name: 'original',
      language: 'und',
      isDefault: true,
      uri: 'sound.m3u8',
    },
    {
      type: 'SUBTITLES',
      groupId: 'subs',
      name: 'Türkçe',
      language: 'tr',
      isDefault: false,
      uri: 'text.m3u8',
    },
  ],
  variants: [360, 720].map((height, index) => ({
    bandwidthBps: 1_000_000 * (index + 1),
    averageBandwidthBps: 800_000 * (index + 1),
    width: (height / 9) * 16,
    height,
    frameRate: 30_000 / 1_001,
    codecs: ['avc1.64001f', 'mp4a.40.2'],
    score: index + 1,
    audioGroup: 'group_audio',
    subtitlesGroup: 'subs',
    uri: `r${height}.m3u8`,
  })),
})

const media = (starts: readonly number[], timescale: number) =>
  formatMediaPlaylist({
    timescale,
    starts,
    initUri: '../../v/r/init.mp4',
    segmentUri: (n) => `../../v/r/${n}.m4s`,
  })

const textPlaylist = formatMediaPlaylist({
  timescale: 1_000,
  starts: [0, 30_000, 42_500],
  segmentUri: (n) => `../../v/text/${n}.vtt`,
})

const mpd = formatStaticMpd({
  durationSeconds: 400_400 / 30_000,
  initTemplate: '../../v/$RepresentationID$/init.mp4',
  mediaTemplate: '../../v/$RepresentationID$/$Number$.m4s',
  adaptationSets: [
    {
      contentType: 'video',
      representations: [360, 720].map((height) => ({
        id: `r${height}`,
        bandwidthBps: height * 1_000,
        codecs: 'avc1.64001f',
        timescale: PICTURE.timescale,
        starts: PICTURE.starts,
        presentationOffsetTicks: 0,
        video: { width: (height / 9) * 16, height, frameRate: { num: 30_000, den: 1_001 } },
      })),
    },
    {
      contentType: 'audio',
      language: 'und',
      representations: [
        {
          id: 'sound',
          bandwidthBps: 128_000,
          codecs: 'mp4a.40.2',
          timescale: SOUND.timescale,
          starts: SOUND.starts,
          presentationOffsetTicks: SOUND.e,
          audio: { sampleRate: 44_100, channels: 2 },
        },
      ],
    },
    { contentType: 'text', id: 'text', language: 'tr', label: 'Türkçe', uri: '../../v/text/whole.vtt' },
  ],
})

describe('hls-parser', () => {
  test('finds the variants and their sound', () => {
    const playlist = hlsParser.parse(multivariant)
    if (!playlist.isMasterPlaylist) throw new Error('not taken for a multivariant playlist')
    expect(playlist).toMatchObject({ version: 6, independentSegments: true })
    expect(playlist.variants).toMatchObject([
      {
        uri: 'r360.m3u8',
        bandwidth: 1_000_000,
        averageBandwidth: 800_000,
        resolution: { width: 640, height: 360 },
      },
      { uri: 'r720.m3u8', bandwidth: 2_000_000, codecs: 'avc1.64001f,mp4a.40.2', frameRate: 29.97 },
    ])
    expect(playlist.variants[0]?.audio).toMatchObject([
      { uri: 'sound.m3u8', groupId: 'group_audio', name: 'original', isDefault: true, autoselect: true },
    ])
    expect(playlist.variants[1]?.subtitles).toMatchObject([
      { uri: 'text.m3u8', groupId: 'subs', name: 'Türkçe', language: 'tr', isDefault: false, forced: false },
    ])
  })

  test('finds the pieces of a text track, which have no init segment', () => {
    const playlist = hlsParser.parse(textPlaylist)
    if (playlist.isMasterPlaylist) throw new Error('taken for a multivariant playlist')
    expect(playlist).toMatchObject({ playlistType: 'VOD', endlist: true, targetDuration: 30 })
    expect(playlist.segments).toMatchObject([
      { uri: '../../v/text/0.vtt', duration: 30, map: null },
      { uri: '../../v/text/1.vtt', duration: 12.5, map: null },
    ])
  })

  test.each([
    { name: 'picture', track: PICTURE },
    { name: 'sound', track: SOUND },
  ])('finds every segment of the $name', ({ track }) => {
    const playlist = hlsParser.parse(media(track.starts, track.timescale))
    if (playlist.isMasterPlaylist) throw new Error('taken for a multivariant playlist')
    expect(playlist).toMatchObject({ version: 7, playlistType: 'VOD', endlist: true, targetDuration: 4 })
    expect(playlist.segments.map((segment) => segment.uri)).toEqual(
      [0, 1, 2, 3].map((n) => `../../v/r/${n}.m4s`),
    )
    expect(playlist.segments[0]?.map).toMatchObject({ uri: '../../v/r/init.mp4' })
  })
})

describe('m3u8-parser', () => {
  const read = (text: string) => {
    const parser = new Parser()
    parser.push(text)
    parser.end()
    return parser.manifest
  }

  test('finds the variants and their sound', () => {
    const manifest = read(multivariant)
    expect(manifest.playlists?.map(({ uri }) => uri)).toEqual(['r360.m3u8', 'r720.m3u8'])
    expect(manifest.playlists?.[0]?.attributes).toMatchObject({
      BANDWIDTH: 1_000_000,
      'FRAME-RATE': 29.97,
      'CLOSED-CAPTIONS': 'NONE',
    })
    expect(manifest.mediaGroups?.AUDIO.group_audio?.original).toMatchObject({
      default: true,
      uri: 'sound.m3u8',
    })
  })

  test('counts the same time as we do', () => {
    for (const track of [PICTURE, SOUND]) {
      const manifest = read(media(track.starts, track.timescale))
      expect(manifest).toMatchObject({ endList: true, playlistType: 'VOD', targetDuration: 4 })
      let sum = 0
      for (const [number, segment] of manifest.segments.entries()) {
        expect(Math.abs(sum - (track.starts[number] ?? 0) / track.timescale)).toBeLessThan(1e-6)
        sum += segment.duration
      }
    }
  })
})

describe('mpd-parser', () => {
  const manifest = parseMpd(mpd, { manifestUri: 'https://video.test/v/manifest/video.mpd' })

  test('finds the pictures, their addresses and times', () => {
    expect(manifest.duration).toBeCloseTo(400_400 / 30_000, 5)
    expect(manifest.playlists.map(({ attributes }) => attributes.NAME)).toEqual(['r360', 'r720'])
    for (const playlist of manifest.playlists) {
      const id = String(playlist.attributes.NAME)
      for (const [number, segment] of playlist.segments.entries()) {
        expect(segment.presentationTime).toBeCloseTo((PICTURE.starts[number] ?? 0) / PICTURE.timescale, 6)
        expect(segment.resolvedUri).toBe(`https://video.test/v/${id}/${number}.m4s`)
        expect(segment.map.resolvedUri).toBe(`https://video.test/v/${id}/init.mp4`)
      }
    }
  })

  test('finds the captions', () => {
    const [text] = Object.values(manifest.mediaGroups.SUBTITLES.subs ?? {})
    expect(text?.language).toBe('tr')
    const [segment] = text?.playlists[0]?.segments ?? []
    expect(segment?.resolvedUri).toBe('https://video.test/v/text/whole.vtt')
  })

  test('finds the sound at its presentation times', () => {
    const [sound] = Object.values(manifest.mediaGroups.AUDIO.audio ?? {})
    expect(sound?.language).toBe('und')
    const times = sound?.playlists[0]?.segments.map((segment) => segment.presentationTime) ?? []
    expect(times).toHaveLength(4)
    for (const [number, time] of times.entries()) {
      const expected = Math.max(0, (SOUND.starts[number] ?? 0) - SOUND.e) / SOUND.timescale
      expect(time).toBeCloseTo(expected, 6)
    }
  })
})
