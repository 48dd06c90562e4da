import { describe, expect, test } from 'vitest'
import { cageCommand } from './cage.ts'
import { guardArgs, pasteable } from './guard-args.ts'
import { ProgressReader } from './read-progress.ts'

describe('the arguments of every run', () => {
  test('guard the input right before it and name it last', () => {
    const args = guardArgs(['-f', 'mov', '-i', '{input}', 'out.mp4'], 'pipe:0', false)
    const at = args.indexOf('-i')
    expect(args.slice(at - 4, at)).toEqual([
      '-protocol_whitelist',
      'file,pipe',
      '-format_whitelist',
      expect.stringMatching(/^mov,/),
    ])
    expect(args[at + 1]).toBe('pipe:0')
    expect(args).toContain('-nostdin')
  })

  test('let no playlist format in', () => {
    const list = guardArgs(['-i', '{input}'], 'pipe:0', false)[
      guardArgs(['-i', '{input}'], 'pipe:0', false).indexOf('-format_whitelist') + 1
    ]
    for (const format of ['hls', 'dash', 'concat', 'imf', 'sdp', 'rtsp', 'lavfi', 'image2']) {
      expect(list?.split(',')).not.toContain(format)
    }
  })

  test('can be pasted into a shell', () => {
    expect(pasteable('ffmpeg', ['-vf', "drawtext=text='a b'", 'x.mp4'])).toBe(
      `ffmpeg -vf 'drawtext=text='\\''a b'\\''' x.mp4`,
    )
  })

  test('are wrapped by the layers that exist', () => {
    const limits = { cpuSeconds: 10, outputBytes: 5, memoryBytes: 7, nice: 10 }
    expect(cageCommand(new Map(), limits, 'ffmpeg', ['-x'])).toEqual({ program: 'ffmpeg', args: ['-x'] })
    const full = cageCommand(
      new Map([
        ['setpriv', 'setpriv'],
        ['prlimit', 'prlimit'],
      ]),
      limits,
      'ffmpeg',
      ['-x'],
    )
    expect([full.program, ...full.args].join(' ')).toBe(
      'setpriv --pdeathsig KILL prlimit --as=7 --cpu=10:12 --fsize=5 --nofile=256 --core=0 ffmpeg -x',
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
