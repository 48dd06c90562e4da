import { describe, expect, test } from 'vitest'
import { guardArgs, pasteable } from './guard-args.ts'
import { ProgressReader } from './read-progress.ts'

const piped = new Map([['input', 'pipe:0'] as const])

describe('the arguments of every run', () => {
  test('guard the input right before it and name it last', () => {
    const args = guardArgs(['-f', 'mov', '-i', '{input}', 'out.mp4'], piped, false)
    const at = args.indexOf('-i')
    expect(args.slice(at - 8, at)).toEqual([
      '-protocol_whitelist',
      'file,pipe',
      '-format_whitelist',
      expect.stringMatching(/^mov,/),
      '-max_streams',
      '128',
      '-max_pixels',
      '67108864',
    ])
    expect(args[at + 1]).toBe('pipe:0')
    expect(args).toContain('-nostdin')
  })

  test('let no playlist format in', () => {
    const args = guardArgs(['-i', '{input}'], piped, false)
    const list = args[args.indexOf('-format_whitelist') + 1]
    for (const format of ['hls', 'dash', 'concat', 'imf', 'sdp', 'rtsp', 'lavfi', 'image2', 'png_pipe']) {
      expect(list?.split(',')).not.toContain(format)
    }
  })

  test('let an image be an image only, and the video beside it none', () => {
    const inputs = new Map([...piped, ['mark', 'file:/a/mark.png'] as const])
    const args = guardArgs(
      ['-f', 'mov', '-i', '{input}', '-f', 'png_pipe', '-i', '{mark}', '-f', 'mp4', 'out.mp4'],
      inputs,
      false,
    )
    const lists = args.flatMap((argument, at) => (args[at - 1] === '-format_whitelist' ? [argument] : []))
    expect(lists).toEqual([expect.stringMatching(/^mov,(?!.*png)/), 'png_pipe'])
    expect(args.flatMap((argument, at) => (args[at - 1] === '-i' ? [argument] : []))).toEqual([
      'pipe:0',
      'file:/a/mark.png',
    ])
  })

  test('can be pasted into a shell', () => {
    expect(pasteable('ffmpeg', ['-vf', "drawtext=text='a b'", 'x.mp4'])).toBe(
      `ffmpeg -vf 'drawtext=text='\\''a b'\\''' x.mp4`,
    )
  })
})

describe('progress reports', () => {
  test('are read whatever the pieces', () => {
    const text = 'frame=1\nout_time_us=40000\nprogress=continue\nframe=25\nout_time_us=N/A\nprogress=end\n'
    for (let size = 1; size < 30; size += 1) {
      const reader = new ProgressReader()
      const seen = []
      for (let at = 0; at < text.length; at += size) {
        const now = reader.push(text.slice(at, at + size))
        if (now) seen.push(now)
      }
      expect(seen.at(-1)).toEqual({ frames: 25, outTimeUs: 40_000 })
    }
  })
})
