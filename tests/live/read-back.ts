/** What became of a film, decoded: when its flash and its beep begin, and how many pictures there are. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat } from '../../src/media/live/units.ts'
import { writeUnit, writeUnitsHead } from '../../src/media/live/write-units.ts'
import type { FeedListener } from '../../src/live-ports.ts'

const execute = promisify(execFile)
/** Times below 0 cannot be written. */
const OFFSET = 900_000
const SAMPLE_RATE = 48_000
/** The middle of the sound's range, and of the picture's. */
const LOUD = 3_000
const BRIGHT = 150

/** Keeps what it is told. */
export class Notes implements FeedListener {
  readonly formats: LiveFormat[] = []
  readonly units: AccessUnit[] = []
  readonly gaps: number[] = []
  readonly #ended = Promise.withResolvers<void>()

  format(format: LiveFormat): void {
    this.formats.push(format)
  }

  unit(unit: AccessUnit): void {
    this.units.push(unit)
  }

  gap(): void {
    this.gaps.push(this.units.length)
  }

  end(): void {
    this.#ended.resolve()
  }

  /** Once nothing follows. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  of(kind: AccessUnit['kind']): { readonly format: LiveFormat | undefined; readonly units: AccessUnit[] } {
    return {
      format: this.formats.find((format) => format.kind === kind),
      units: this.units.filter((unit) => unit.kind === kind),
    }
  }
}

/** The first bright picture's time, seconds, and how many pictures there are. */
export async function readPictures(notes: Notes): Promise<{ flashSeconds: number; count: number }> {
  const grey = await decode(notes, 'video', ['-vf', 'scale=1:1', '-pix_fmt', 'gray', '-f', 'rawvideo'])
  const times = notes
    .of('video')
    .units.map(({ pts }) => pts)
    .sort((one, other) => one - other)
  const first = grey.findIndex((level) => level > BRIGHT)
  return { flashSeconds: (times[first] ?? Number.NaN) / LIVE_TIMESCALE, count: grey.byteLength }
}

/** The first loud sample's time, seconds, and how long it all sounds. */
export async function readSound(notes: Notes): Promise<{ beepSeconds: number; seconds: number }> {
  const bytes = await decode(notes, 'audio', ['-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 's16le'])
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
  const first = samples.findIndex((sample) => Math.abs(sample) > LOUD)
  const start = (notes.of('audio').units[0]?.pts ?? Number.NaN) / LIVE_TIMESCALE
  return { beepSeconds: start + first / SAMPLE_RATE, seconds: samples.length / SAMPLE_RATE }
}

async function decode(notes: Notes, kind: AccessUnit['kind'], how: readonly string[]): Promise<Uint8Array> {
  const { format, units } = notes.of(kind)
  if (format === undefined) throw new Error(`There is no ${kind}.`)
  const folder = await mkdtemp(join(tmpdir(), 'read-back-'))
  try {
    const bytes = [
      writeUnitsHead(format),
      ...units.map((unit, index) => writeUnit(unit, { sequence: index + 1, offset: OFFSET })),
    ]
    const [input, output] = [join(folder, 'in.mp4'), join(folder, 'out')]
    await writeFile(input, bytes)
    await execute('ffmpeg', [
      '-v',
      'error',
      '-copyts',
      '-i',
      input,
      '-fps_mode',
      'passthrough',
      ...how,
      output,
    ])
    return new Uint8Array(await readFile(output))
  } finally {
    await rm(folder, { recursive: true })
  }
}
