import { describe, expect, test } from 'vitest'
import { assembleTimeline, type ChunkRow, type TimelineRows } from './assemble.ts'
import type { AudioRendition, Plan, VideoRendition } from '../planning/index.ts'

function rendition(id: string, changes: Partial<VideoRendition> = {}): VideoRendition {
  return {
    id,
    made: 'ladder',
    width: 640,
    height: 360,
    name: '360p',
    bitrateBps: 800_000,
    peakBps: 1_000_000,
    editStartTicks: 2,
    codec: 'avc1.4d401e',
    kept: true,
    ...changes,
  }
}

const sound: AudioRendition = {
  id: 'sound',
  made: 'encoded',
  sampleRate: 48_000,
  channels: 2,
  codec: 'mp4a.40.2',
  bitrateBps: 128_000,
  frameSamples: 1024,
  frameCount: 563,
  editStartSamples: 64,
  cuts: [0, 188, 375, 563],
  silenceBefore: 0,
  dropped: 1,
  silenceAfter: 0,
}

const plan: Plan = {
  format: 1,
  decoder: 'test',
  demuxer: 'mov',
  timescale: 30,
  cuts: [0, 120, 240, 360],
  frames: { kind: 'grid', frameCount: 360, rate: { num: 30, den: 1 } },
  picture: {
    track: 0,
    codec: 'h264',
    codedWidth: 640,
    codedHeight: 360,
    rotation: 0,
    pixelAspect: { num: 1, den: 1 },
    displayWidth: 640,
    displayHeight: 360,
    transfer: 'sdr',
    bitDepth: 8,
  },
  sound: null,
  originUs: 0,
  quality: 'standard',
  video: [rendition('low', { made: 'low' }), rendition('top', { made: 'passthrough', kept: false })],
  audio: sound,
  videoChunks: [],
  audioChunks: [],
}

function rows(changes: Partial<TimelineRows> = {}): TimelineRows {
  return {
    videoUid: 'v',
    revision: 3,
    plan,
    complete: false,
    mediaBlob: 'sources/v',
    indexBlob: 'indexes/v/1',
    renditions: [{ rendition: 'low', initBlob: 'low/init', codec: 'avc1.4d4015' }],
    chunks: [],
    sounds: [],
    ...changes,
  }
}

function chunk(blob: string, firstSegment: number, segmentBytes: number[], id = 'low'): ChunkRow {
  return { rendition: id, firstSegment, blob, segmentBytes }
}

function trackOf(changes: Partial<TimelineRows>, id: string) {
  const track = assembleTimeline(rows(changes)).tracks.find((candidate) => candidate.id === id)
  if (!track) throw new Error(`no track ${id}`)
  return track
}

describe('a timeline', () => {
  test('finds every segment in the chunk that was recorded first', () => {
    const track = trackOf({ chunks: [chunk('a', 1, [100, 50]), chunk('b', 0, [10, 20, 30])] }, 'low')
    expect(track.segment(0)).toEqual({
      from: 'stored',
      blob: 'b',
      range: { start: 0, end: 10 },
      shiftTicks: 0,
    })
    expect(track.segment(1)).toEqual({
      from: 'stored',
      blob: 'a',
      range: { start: 0, end: 100 },
      shiftTicks: 0,
    })
    expect(track.segment(2)).toEqual({
      from: 'stored',
      blob: 'a',
      range: { start: 100, end: 150 },
      shiftTicks: 0,
    })
  })

  test('says that a segment without a chunk comes from the encoder, and one past the end does not exist', () => {
    const track = trackOf({ chunks: [chunk('a', 0, [100])] }, 'low')
    expect(track.segment(1)).toEqual({ from: 'encoder', segment: 1 })
    for (const segment of [3, -1, 0.5, Number.NaN])
      expect(() => track.segment(segment)).toThrow('does not exist')
  })

  test('cuts passthrough at once', () => {
    const track = trackOf({}, 'top')
    expect(track.segment(2)).toEqual({ from: 'cut', segment: 2 })
    expect(track.init).toEqual({ from: 'cut' })
  })

  test.each([
    { what: 'passthrough while rungs are made', id: 'top', changes: {}, offered: true },
    {
      what: 'passthrough that is not kept, when complete',
      id: 'top',
      changes: { complete: true },
      offered: false,
    },
    { what: 'a rung without a chunk', id: 'low', changes: {}, offered: false },
    {
      what: 'a rung with its first chunk',
      id: 'low',
      changes: { chunks: [chunk('a', 0, [1])] },
      offered: true,
    },
    { what: 'sound without a chunk', id: 'sound', changes: {}, offered: false },
    {
      what: 'sound that is passed through',
      id: 'sound',
      changes: { plan: { ...plan, audio: { ...sound, made: 'passthrough' as const } } },
      offered: true,
    },
    {
      what: 'passthrough that is kept, when complete',
      id: 'top',
      changes: { complete: true, plan: { ...plan, video: [rendition('top', { made: 'passthrough' })] } },
      offered: true,
    },
  ])('offers $what: $offered', ({ id, changes, offered }) => {
    expect(trackOf(changes, id).offered).toBe(offered)
  })

  test('takes the codec from the encoder’s own init segment', () => {
    expect(trackOf({}, 'low').codec).toBe('avc1.4d4015')
    expect(trackOf({ renditions: [] }, 'low').codec).toBe('avc1.4d401e')
  })

  test('measures rates from what is stored, and counts what is not made yet as planned', () => {
    const whole = trackOf({ chunks: [chunk('a', 0, [50_000, 100_000, 60_000])] }, 'low')
    expect(whole.averageBps).toBe((210_000 * 8) / 12)
    expect(whole.peakBps).toBe((100_000 * 8) / 4)
    const begun = trackOf({ chunks: [chunk('a', 0, [5_000])] }, 'low')
    expect(begun.averageBps).toBeCloseTo((5_000 * 8 + 800_000 * 8) / 12, 3)
    expect(begun.peakBps).toBe(1_000_000)
  })

  test('gives sound its own cuts in samples, and pictures the plan’s', () => {
    expect(trackOf({}, 'sound')).toMatchObject({
      timescale: 48_000,
      starts: [0, 188 * 1024, 375 * 1024, 563 * 1024],
      presentationOffsetTicks: 64,
    })
    expect(trackOf({}, 'top').starts).toBe(plan.cuts)
  })
})
