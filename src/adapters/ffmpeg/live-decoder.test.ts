import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../lib/log.ts'
import type { AccessUnit, SoundFormat } from '../../media/live/units.ts'
import { writeUnit, writeUnitsHead } from '../../media/live/write-units.ts'
import type { LiveDecoder, LiveTask } from '../../ports.ts'
import { findCage } from './cage.ts'
import { findFfmpeg } from './find-ffmpeg.ts'
import { createLiveDecoder } from './live-decoder.ts'

const FORMAT: SoundFormat = {
  kind: 'audio',
  codec: 'opus',
  config: new Uint8Array(0),
  sampleRate: 48_000,
  channels: 2,
}
/** RFC 6716 §3.1: a packet of one silent frame of 20 ms, full band (31), stereo. */
const SILENCE = Uint8Array.of((31 << 3) | 4, 0xff, 0xfe)

let folder: string
let decoder: LiveDecoder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'live-decoder-'))
  const build = await findFfmpeg()
  const cage = await findCage({ program: build.path, folder, mode: 'auto' })
  decoder = await createLiveDecoder({ build, cage, workDir: folder, log: silentLog })
})

afterAll(() => rm(folder, { recursive: true }))

describe('a decoder that lives as long as a broadcast', () => {
  test('writes what it makes of its input to as many pipes as it was asked for, and ends with it', async () => {
    const run = await decoder.open(
      task({
        args: words('-f mov -i {input} -map 0:a -f s16le {pcm} -map 0:a -f s16le -ac 1 {mono}'),
        outputs: ['pcm', 'mono'],
      }),
    )
    run.write(writeUnitsHead(FORMAT))
    for (let index = 0; index < 50; index += 1) run.write(soundAt(index))
    run.finish()
    const [pcm, mono] = await Promise.all(['pcm', 'mono'].map((name) => sizeOf(run.outputs.get(name))))
    expect(await run.ended).toBeUndefined()
    expect(pcm).toBe(48_000 * 4)
    expect(mono).toBe(48_000 * 2)
    expect(await readdir(folder)).toEqual([])
  })

  test('is gone when it is closed, whether it is read or not', async () => {
    const run = await decoder.open(task({}))
    run.write(writeUnitsHead(FORMAT))
    await run.close()
    await run.close()
    expect(await run.ended).toBeUndefined()
    expect(run.write(SILENCE)).toBe(false)
    expect(await readdir(folder)).toEqual([])
  })

  test('takes no more than its queue has room for while nobody reads', async () => {
    const run = await decoder.open(task({ queueBytes: 4_000 }))
    run.write(writeUnitsHead(FORMAT))
    let taken = 0
    // Its output is a hundred times its input: the pipes are full soon.
    while (taken < 100_000 && run.write(soundAt(taken))) {
      taken += 1
      if (taken % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(taken).toBeLessThan(100_000)
    await run.close()
  })

  test('says why it failed, without paths of this machine', async () => {
    const run = await decoder.open(task({}))
    run.write(new TextEncoder().encode('#EXTM3U\n#EXTINF:2,\n/etc/passwd\n#EXT-X-ENDLIST\n'))
    run.finish()
    const failure = await run.ended
    expect(failure).toMatchObject({ code: 'decoder_failed', facts: { reason: 'exit', task: 'a test' } })
    expect(failure?.message).not.toContain(folder)
    expect(await readdir(folder)).toEqual([])
  })

  test('writes no files', async () => {
    const run = await decoder.open(
      task({ args: words('-f mov -i {input} -map 0:a -f s16le big.pcm -map 0:a -f s16le {out}') }),
    )
    run.write(writeUnitsHead(FORMAT))
    for (let index = 0; index < 50; index += 1) run.write(soundAt(index))
    run.finish()
    await sizeOf(run.outputs.get('out'))
    expect(await run.ended).toMatchObject({ code: 'decoder_failed' })
  })

  test('what a crash left is removed at the next start', async () => {
    const left = await mkdtemp(join(folder, 'live-'))
    const { build } = decoder
    const cage = await findCage({ program: build.path, folder, mode: 'auto' })
    await createLiveDecoder({ build, cage, workDir: folder, log: silentLog })
    expect(await readdir(folder)).not.toContain(left)
    expect(await readdir(folder)).toEqual([])
  })
})

function task(options: Partial<LiveTask>): LiveTask {
  return {
    label: 'a test',
    args: words('-f mov -i {input} -f s16le {out}'),
    outputs: ['out'],
    memoryBytes: 2e9,
    queueBytes: 1e6,
    nice: 5,
    ...options,
  }
}

function soundAt(index: number): Uint8Array {
  const dts = index * 1_800
  const unit: AccessUnit = { kind: 'audio', dts, pts: dts, isSync: true, data: SILENCE }
  return writeUnit(unit, { sequence: index + 1, offset: 0 })
}

function words(line: string): string[] {
  return line.split(' ')
}

async function sizeOf(output: AsyncIterable<Uint8Array> | undefined): Promise<number> {
  let sizeBytes = 0
  for await (const piece of output ?? []) sizeBytes += piece.byteLength
  return sizeBytes
}
