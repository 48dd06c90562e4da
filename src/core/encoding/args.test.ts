import { describe, expect, test } from 'vitest'
import { type SourcePicture, type VideoRendition, chunkOf, planChunks } from '../planning/index.ts'
import { buildPictureArgs, type PictureRun } from './picture-args.ts'
import { missingRuns } from './missing-runs.ts'
import { buildSoundArgs, framesToDrop } from './sound-args.ts'

const filters = new Set(['bwdif', 'zscale', 'tonemap'])
const picture: SourcePicture = {
  track: 0,
  codec: 'hevc',
  codedWidth: 1920,
  codedHeight: 1080,
  rotation: 0,
  pixelAspect: { num: 1, den: 1 },
  displayWidth: 1920,
  displayHeight: 1080,
  transfer: 'sdr',
  bitDepth: 8,
}
const rung = (name: string, width: number, height: number, made: 'low' | 'ladder'): VideoRendition => ({
  id: `${name}-x`,
  made,
  width,
  height,
  name,
  bitrateBps: 1_000_000,
  peakBps: 1_500_000,
  editStartTicks: 2,
  codec: height <= 360 ? 'avc1.4d401e' : 'avc1.640028',
  kept: true,
})
const run: PictureRun = {
  input: { demuxer: 'mov', stream: 0, seekSeconds: null },
  picture,
  frames: { kind: 'grid', rate: { num: 25, den: 1 }, startUs: 4_000_000 },
  frameCount: 400,
  keyFrames: [0, 100, 200, 300],
  renditions: [rung('1080p', 1920, 1080, 'ladder'), rung('360p', 640, 360, 'ladder')],
  quality: 'standard',
  filters,
  threads: 1,
}
const graphOf = (changes: Partial<PictureRun>) => {
  const args = buildPictureArgs({ ...run, ...changes })
  return args[args.indexOf('-filter_complex') + 1] ?? ''
}

describe('the arguments of a picture chunk', () => {
  test('scale in a cascade, each rung from the one above', () => {
    expect(graphOf({}).split(';')).toEqual([
      expect.stringMatching(/^\[0:V:0\].*scale=1920:1080:flags=bicubic.*split=2\[v0\]\[d0\]$/),
      '[d0]scale=640:360:flags=bicubic,setsar=1[v1]',
    ])
  })

  test('make a grid of exact times that begins with the chunk', () => {
    expect(graphOf({})).toContain(
      'settb=1/1000000,setpts=PTS-(4000000),fps=fps=25/1:start_time=0:round=near,tpad=stop_mode=clone:stop=-1',
    )
    const args = buildPictureArgs(run)
    expect(args.filter((argument) => argument === '-frames:v')).toHaveLength(2)
    expect(args).toContain('expr:eq(n,0)+eq(n,100)+eq(n,200)+eq(n,300)')
  })

  test('leave the pictures of a passthrough where they are', () => {
    const frames = { kind: 'source', timescale: 90_000 } as const
    expect(graphOf({ frames })).not.toMatch(/fps=|tpad|setpts/)
    const args = buildPictureArgs({ ...run, frames })
    expect(args[args.indexOf('-video_track_timescale') + 1]).toBe('90000')
    expect(args[args.indexOf('-enc_time_base') + 1]).toBe('1/90000')
  })

  test.each([
    [90, 'scale=1080:1920', 'transpose=clock'],
    [180, 'scale=1920:1080', 'hflip,vflip'],
    [270, 'scale=1080:1920', 'transpose=cclock'],
  ] as const)('turn %d degrees after scaling', (rotation, scale, turn) => {
    const graph = graphOf({ picture: { ...picture, rotation } })
    expect(graph.indexOf(scale)).toBeGreaterThan(0)
    expect(graph.indexOf(turn)).toBeGreaterThan(graph.indexOf(scale))
  })

  test('convert light and fields only where there is something to convert, and with what there is', () => {
    expect(graphOf({})).not.toMatch(/tonemap|bwdif|yadif/)
    expect(graphOf({ picture: { ...picture, transfer: 'hlg' } })).toContain('tin=arib-std-b67')
    expect(graphOf({ picture: { ...picture, transfer: 'pq' }, filters: new Set() })).not.toContain('tonemap')
    expect(graphOf({ picture: { ...picture, interlaced: true } })).toContain('bwdif')
    expect(graphOf({ picture: { ...picture, interlaced: true }, filters: new Set() })).toContain('yadif')
  })

  test('give every chunk of a rendition the same encoder settings', () => {
    const settings = (changes: Partial<PictureRun>) => {
      const args = buildPictureArgs({ ...run, ...changes })
      return ['-preset', '-profile:v', '-level:v', '-crf', '-maxrate', '-bufsize', '-x264-params'].map(
        (flag) => args[args.indexOf(flag) + 1],
      )
    }
    expect(settings({ keyFrames: [0], frameCount: 10, threads: 0 })).toEqual(settings({}))
    expect(settings({})[6]).toMatch(/keyint=infinite:scenecut=0:open-gop=0:stitchable=1/)
    expect(settings({ quality: 'high' })[0]).toBe('medium')
    expect(settings({ renditions: [rung('360p', 640, 360, 'low')], quality: 'high' })[0]).toBe('superfast')
  })
})

describe('a mark', () => {
  const mark = {
    imageBlob: 'watermarks/x.png',
    width: 200,
    height: 100,
    opacity: 0.5,
    padding: 0.05,
    scale: 0.15,
    position: 'upperRight',
  } as const

  test('is the second input, pinned to its demuxer, and nothing is there without one', () => {
    const args = buildPictureArgs({ ...run, mark })
    expect(args.slice(args.indexOf('{input}') + 1, args.indexOf('-filter_complex'))).toEqual([
      '-f',
      'png_pipe',
      '-i',
      '{mark}',
    ])
    expect(buildPictureArgs(run)).not.toContain('{mark}')
  })

  test('is scaled for each rung and put on after the cascade, so that no rung has that of another', () => {
    const chains = graphOf({ mark }).split(';')
    expect(chains[0]).toBe('[1:v:0]split=2[m0][m1]')
    expect(chains[1]).toMatch(
      /^\[m0\].*scale=288:144.*aa=0\.5.*out_color_matrix=bt709.*settb=1\/25,setpts=-1\/TB\[w0\]$/,
    )
    expect(chains[2]).toMatch(/^\[m1\].*scale=96:48.*\[w1\]$/)
    expect(chains.slice(3)).toEqual([
      expect.stringMatching(/^\[0:V:0\].*split=2\[c0\]\[d0\]$/),
      '[c0][w0]overlay=1536:54[v0]',
      '[d0]scale=640:360:flags=bicubic,setsar=1[c1]',
      '[c1][w1]overlay=512:18[v1]',
    ])
  })

  test('of a rung that is made alone is the same', () => {
    const alone = graphOf({ mark, renditions: [rung('360p', 640, 360, 'ladder')] }).split(';')
    const together = graphOf({ mark }).split(';')
    const plain = (chain = '') => chain.replaceAll(/\[[mwcv]\d\]/g, '')
    expect(plain(alone[1])).toBe(plain(together[2]))
    expect(plain(alone.at(-1))).toBe(plain(together.at(-1)))
  })

  test('leaves times alone that are finer than filters of two inputs count', () => {
    const fine = graphOf({ mark, frames: { kind: 'source', timescale: 10_000_000 } })
    expect(fine).toContain('format=yuv420p,setpts=PTS*25,settb=1/400000,split=2[c0]')
    expect(fine).toContain('overlay=512:18,settb=1/10000000,setpts=PTS/25[v1]')
    expect(graphOf({ mark, frames: { kind: 'source', timescale: 90_000 } })).not.toContain('setpts=PTS')
  })

  test('has the colours of the picture it is put on', () => {
    expect(graphOf({ mark, picture: { ...picture, codedWidth: 640, codedHeight: 360 } })).toContain(
      'matrix=smpte170m',
    )
    expect(graphOf({ mark: { ...mark, opacity: 1 } })).not.toContain('colorchannelmixer')
  })
})

describe('the arguments of a chunk of sound', () => {
  const rendition = {
    id: 'audio-x',
    made: 'encoded',
    sampleRate: 48_000,
    channels: 2,
    codec: 'mp4a.40.2',
    bitrateBps: 128_000,
    frameSamples: 1024,
    frameCount: 3000,
    editStartSamples: 0,
    cuts: [0, 188, 3000],
    silenceBefore: 0,
    dropped: 0,
    silenceAfter: 0,
  } as const
  test.each([
    [0, 0, 189, 1],
    [2, 0, 189, 3],
    [188, 3_946_667, 192, 4],
  ])('from frame %d on', (firstFrame, startUs, frames, dropped) => {
    const input = { demuxer: 'mov', stream: 0, seekSeconds: null }
    const args = buildSoundArgs({
      input,
      rendition,
      firstFrame,
      endFrame: firstFrame + 188 - (firstFrame === 2 ? 2 : 0),
      originUs: 0,
    })
    const graph = args[args.indexOf('-af') + 1] ?? ''
    expect(graph).toContain(`asetpts=PTS-(${startUs})`)
    expect(graph).toContain(`atrim=end_sample=${frames * 1024}`)
    expect(framesToDrop(firstFrame)).toBe(dropped)
  })
})

describe('chunks', () => {
  test('are one segment first, then 16 to 20 s, and no crumb at the end', () => {
    const starts = Array.from({ length: 31 }, (_, index) => index * 4)
    const chunks = planChunks(starts, 1, 'video')
    expect(chunks[0]).toEqual({ firstSegment: 0, endSegment: 1 })
    expect(chunks.at(-1)?.endSegment).toBe(30)
    for (const [index, chunk] of chunks.entries()) {
      expect(chunk.firstSegment).toBe(chunks[index - 1]?.endSegment ?? 0)
      expect(chunk.endSegment - chunk.firstSegment).toBeLessThanOrEqual(5)
    }
    expect(chunkOf(chunks, 7)).toEqual({ firstSegment: 5, endSegment: 9 })
    expect(() => chunkOf(chunks, 30)).toThrow(/segment 30/)
  })

  test.each([
    [[0, 1], 1],
    [[0, 5], 1],
    [[0, 4, 9], 2],
    [[0, 4, 8, 12, 16, 20, 24], 2],
    [[0, 4, 8, 12, 16, 20, 24, 28], 3],
  ])('of %j cover everything', (starts, count) => {
    const chunks = planChunks(starts, 1, 'video')
    expect(chunks).toHaveLength(count)
    expect(chunks.at(-1)?.endSegment).toBe(starts.length - 1)
  })

  test('are made only where something is missing', () => {
    const range = { firstSegment: 2, endSegment: 8 }
    expect(missingRuns(range, new Set())).toEqual([range])
    expect(missingRuns(range, new Set([2, 5, 7, 9]))).toEqual([
      { firstSegment: 3, endSegment: 5 },
      { firstSegment: 6, endSegment: 7 },
    ])
    expect(missingRuns(range, new Set([2, 3, 4, 5, 6, 7]))).toEqual([])
  })
})
