import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mountSmallDisk } from '../../../tests/suites/small-disk.ts'
import { silentLog } from '../../lib/log.ts'
import type { Blobs, Decoder, DecoderBuild, DecoderTask } from '../../ports.ts'
import { findCage } from './cage.ts'
import type { Cage } from './cage-command.ts'
import { createDecoder } from './decoder.ts'
import { findFfmpeg } from './find-ffmpeg.ts'
import { OutputFile } from './output-file.ts'

const execute = promisify(execFile)
const never = new AbortController().signal
let folder: string
let build: DecoderBuild
let cage: Cage
let decoder: Decoder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'decoder-'))
  build = await findFfmpeg()
  cage = await findCage({ program: build.path, folder: join(folder, 'work'), mode: 'auto' })
  decoder = await createDecoder({
    build,
    cage,
    blobs: filesAsBlobs(),
    workDir: join(folder, 'work'),
    log: silentLog,
  })
  await execute(build.path, [
    ...words('-v error -f lavfi -i testsrc2=s=320x180:r=25:d=2'),
    ...words('-c:v libx264 -preset ultrafast -movflags frag_keyframe+empty_moov -g 10'),
    join(folder, 'two-seconds.mp4'),
  ])
})

afterAll(() => rm(folder, { recursive: true }))

describe('a run of the decoder', () => {
  test('makes its outputs from a pipe, reports progress, and leaves nothing', async () => {
    const progress: number[] = []
    const run = await decoder.run(
      task({
        args: ['-f', 'mov', '-i', '{input}', '-c', 'copy', 'out.mp4'],
        outputs: ['out.mp4'],
        piped: true,
      }),
      { signal: never, onProgress: (now) => progress.push(now.frames) },
    )
    expect(run.files.get('out.mp4')?.sizeBytes).toBeGreaterThan(1000)
    expect(progress.at(-1)).toBe(50)
    await run.release()
    expect(await readdir(join(folder, 'work'))).toEqual([])
  })

  test('reports the file when asked to', async () => {
    const run = await decoder.run(
      {
        ...task({ args: ['-f', 'mov', '-i', '{input}', '-t', '0', '-f', 'null', '-'], outputs: [] }),
        verbose: true,
      },
      { signal: never },
    )
    expect(run.stderr).toContain('Stream #0:0')
    expect(run.stderr).toContain('320x180')
    expect(run.stderr).not.toContain(folder)
    await run.release()
  })

  test.each([
    ['a playlist', '#EXTM3U\n#EXTINF:2,\ntwo-seconds.mp4\n#EXT-X-ENDLIST\n'],
    ['a list of files', 'ffconcat version 1.0\nfile two-seconds.mp4\n'],
  ])('does not follow %s', async (_name, text) => {
    await writeFile(join(folder, 'hostile.mp4'), text)
    for (const pin of [['-f', 'mov'], []]) {
      const attempt = decoder.run(
        task({
          args: [...pin, '-i', '{input}', '-c', 'copy', 'o.mp4'],
          outputs: ['o.mp4'],
          blob: 'hostile.mp4',
        }),
        { signal: never },
      )
      await expect(attempt).rejects.toMatchObject({ code: 'decoder_failed' })
    }
    expect(await readdir(join(folder, 'work'))).toEqual([])
  })

  test('ends with its wall clock', async () => {
    const attempt = decoder.run(task({ args: endless, outputs: ['x.mp4'], wallMs: 300 }), { signal: never })
    await expect(attempt).rejects.toMatchObject({ code: 'decoder_failed', facts: { reason: 'wall' } })
  })

  test('is refused more output than its limit', async () => {
    const attempt = decoder.run(
      task({
        args: ['-f', 'mov', '-i', '{input}', '-c:v', 'rawvideo', '-f', 'avi', 'x.avi'],
        outputs: ['x.avi'],
        outputBytes: 300_000,
      }),
      { signal: never },
    )
    await expect(attempt).rejects.toMatchObject({ code: 'decoder_failed', facts: { reason: 'output' } })
  })

  test.each([
    ['many small files', 'p%05d.jpg', 1e9],
    ['files that are too large together', 'p%02d.ppm', 200_000],
  ])('that fills its folder with %s is stopped', async (_what, name, outputBytes) => {
    const args = [...words('-stream_loop -1 -f mov -i {input} -update 0'), name]
    const attempt = decoder.run(task({ args, outputs: [], outputBytes }), { signal: never })
    await expect(attempt).rejects.toMatchObject({
      code: 'decoder_failed',
      facts: { reason: 'output', mayPass: false },
    })
    expect(await readdir(join(folder, 'work'))).toEqual([])
  })

  test('that stands still is stopped', async () => {
    // Nobody feeds it.
    const attempt = decoder.run(
      {
        ...task({ args: words('-f mov -i {input} x.mp4'), outputs: ['x.mp4'], stallMs: 1000 }),
        input: { from: 'pipe', bytes: nothing() },
      },
      { signal: never },
    )
    await expect(attempt).rejects.toMatchObject({ code: 'decoder_failed', facts: { reason: 'stall' } })
  })

  test('is refused more streams than a file may have', async () => {
    const maps = Array.from({ length: 130 }, () => ['-map', '0:v']).flat()
    const films = [join(folder, 'two-seconds.mp4'), join(folder, 'streams.mkv')] as const
    await execute(build.path, ['-v', 'error', '-i', films[0], ...maps, '-c', 'copy', films[1]])
    const attempt = decoder.run(
      task({ args: words('-f matroska -i {input} -f null -'), outputs: [], blob: 'streams.mkv' }),
      { signal: never },
    )
    await expect(attempt).rejects.toMatchObject({ code: 'decoder_failed', facts: { reason: 'streams' } })
  })

  test('ends with its processor time, and is not worth another try', async () => {
    const attempt = decoder.run(task({ args: busy, outputs: ['x.mp4'], cpuSeconds: 1 }), { signal: never })
    await expect(attempt).rejects.toMatchObject({
      code: 'decoder_failed',
      facts: { reason: 'cpu', mayPass: false },
    })
  })

  test('decodes no picture of more pixels than anybody films, whatever it is called in the header', async () => {
    await writeFile(join(folder, 'huge.webm'), await hugePicture())
    const attempt = decoder.run(
      task({ args: words('-f matroska -i {input} -f null -'), outputs: [], blob: 'huge.webm' }),
      { signal: never },
    )
    await expect(attempt).rejects.toMatchObject({ code: 'decoder_failed', facts: { reason: 'pixels' } })
  })

  test('reads nothing but plain files, whatever a decoder puts in their place', async () => {
    const secret = join(folder, 'secret')
    await writeFile(secret, 'secret')
    await symlink(secret, join(folder, 'linked.mp4'))
    const file = new OutputFile('linked.mp4', join(folder, 'linked.mp4'))
    expect(await file.refresh()).toBe(false)
    await expect(file.read(new Uint8Array(6), 0)).rejects.toThrow()
  })

  test('is killed with its abort, and the reason is thrown', async () => {
    const abort = new AbortController()
    const attempt = decoder.run(task({ args: endless, outputs: ['x.mp4'] }), {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    })
    await expect(attempt).rejects.toThrow('enough')
    expect(await readdir(join(folder, 'work'))).toEqual([])
  })

  test('shows an output while it grows', async () => {
    const sizes: number[] = []
    const run = await decoder.run(
      task({
        args: words(
          '-re -f mov -i {input} -c copy -flush_packets 1 -movflags frag_keyframe+empty_moov x.mp4',
        ),
        outputs: ['x.mp4'],
      }),
      {
        signal: never,
        onGrowth: async (file) => {
          const head = new Uint8Array(8)
          await file.read(head, 0)
          expect(new TextDecoder().decode(head.subarray(4))).toBe('ftyp')
          sizes.push(file.sizeBytes)
        },
      },
    )
    expect(sizes.length).toBeGreaterThan(1)
    await run.release()
  })

  test('whose last bytes find no room on the disk is not taken for whole', async () => {
    const disk = await mountSmallDisk(1)
    if (disk === undefined) return
    try {
      const workDir = join(disk.path, 'work')
      const narrow = await createDecoder({ build, cage, blobs: filesAsBlobs(), workDir, log: silentLog })
      // All pictures are one fragment, which is written when everything else is done.
      const fragment = words(
        '-f mov -stream_loop 30 -i {input} -c copy -f mp4 -movflags +empty_moov+frag_keyframe',
      )
      const args = [...fragment, '-frag_duration', '1000000000', '-min_frag_duration', '1000000000', 'x.mp4']
      const failing = narrow.run(task({ args, outputs: ['x.mp4'] }), { signal: never })
      await expect(failing).rejects.toMatchObject({ code: 'disk_full' })
    } finally {
      await disk.remove()
    }
  })

  test('dies with a server that is killed', async () => {
    const script = join(folder, 'server.ts')
    const here = new URL('./index.ts', import.meta.url).href
    await writeFile(
      script,
      `import { createDecoder, findCage, findFfmpeg } from ${JSON.stringify(here)}
       const log = { debug() {}, info() {}, warn() {}, error() {} }
       const blobs = { materialize: async () => ({ path: ${JSON.stringify(join(folder, 'two-seconds.mp4'))}, release: async () => {} }) }
       const build = await findFfmpeg()
       const workDir = ${JSON.stringify(join(folder, 'other'))}
       const cage = await findCage({ program: build.path, folder: workDir, mode: 'auto' })
       const decoder = await createDecoder({ build, cage, blobs, workDir, log })
       await decoder.run(${JSON.stringify(task({ args: endless, outputs: ['x.mp4'] }))},
         { signal: new AbortController().signal, onProgress: () => console.log('runs') })`,
    )
    const server = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => server.stdout.once('data', resolve))
    const [run] = await readdir(join(folder, 'other'))
    expect(await runsIn(join(folder, 'other', run ?? ''))).toBeGreaterThan(0)
    server.kill('SIGKILL')
    for (let tries = 0; tries < 100 && (await runsIn(join(folder, 'other', run ?? ''))) > 0; tries += 1) {
      await sleep(20)
    }
    expect(await runsIn(join(folder, 'other', run ?? ''))).toBe(0)
    await createDecoder({
      build,
      cage,
      blobs: filesAsBlobs(),
      workDir: join(folder, 'other'),
      log: silentLog,
    })
    expect(await readdir(join(folder, 'other'))).toEqual([])
  })
})

/** Goes on for ever, as fast as it can. */
const busy = words('-stream_loop -1 -f mov -i {input} -c:v libx264 -preset veryslow x.mp4')

/** A film whose header says 320 × 180, and whose pictures say 12,000 × 12,000 (the frame header of VP8, RFC 6386 §9.1). */
async function hugePicture(): Promise<Uint8Array> {
  const path = join(folder, 'huge-source.webm')
  await execute(build.path, [
    ...words('-v error -f lavfi -i testsrc2=s=320x180:r=5:d=1 -c:v libvpx -g 1'),
    path,
  ])
  const bytes = await readFile(path)
  const start = Buffer.from('9d012a', 'hex')
  for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1)) {
    bytes.writeUInt16LE(12_000, at + start.length)
    bytes.writeUInt16LE(12_000, at + start.length + 2)
  }
  return bytes
}

/** Goes on for ever at the speed of the film. */
const endless = words('-re -stream_loop -1 -f mov -i {input} -c:v libx264 -preset ultrafast x.mp4')

/** Processes whose working folder is `path`. */
async function runsIn(path: string): Promise<number> {
  const { stdout } = await execute('sh', [
    '-c',
    'for p in /proc/[0-9]*; do readlink $p/cwd; done 2>/dev/null; true',
  ])
  return stdout.split('\n').filter((line) => line.endsWith(path)).length
}

function words(line: string): string[] {
  return line.split(' ')
}

function filesAsBlobs(): Blobs {
  const materialize: Blobs['materialize'] = (name) =>
    Promise.resolve({ path: join(folder, name), release: () => Promise.resolve() })
  return { materialize } as Partial<Blobs> as Blobs
}

function task(options: {
  args: readonly string[]
  outputs: readonly string[]
  piped?: boolean
  blob?: string
  wallMs?: number
  cpuSeconds?: number
  outputBytes?: number
  stallMs?: number
}): DecoderTask {
  return {
    label: 'a test',
    input: options.piped
      ? { from: 'pipe', bytes: pieces(join(folder, 'two-seconds.mp4')) }
      : { from: 'blob', name: options.blob ?? 'two-seconds.mp4' },
    args: options.args,
    outputs: options.outputs,
    limits: {
      wallMs: options.wallMs ?? 60_000,
      ...(options.stallMs === undefined ? {} : { stallMs: options.stallMs }),
      cpuSeconds: options.cpuSeconds ?? 60,
      outputBytes: options.outputBytes ?? 1e9,
      memoryBytes: 3e9,
    },
    nice: 5,
  }
}

/** A pipe into which nothing comes. */
async function* nothing(): AsyncIterable<Uint8Array> {
  await new Promise(() => {})
  yield new Uint8Array()
}

async function* pieces(path: string): AsyncIterable<Uint8Array> {
  const bytes = await readFile(path)
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}
