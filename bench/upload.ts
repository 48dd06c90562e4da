/**
 * `npm run bench -- upload [--mib 1024] [--uploads 100] [--each 64] [--unfinished 10000] [--only rate|crowd|unfinished]`
 *
 * What uploads cost: one large file against the reference server and a plain write, many at once (sizes in MiB), and one
 * more beside thousands of unfinished ones. `/dev/shm` is the memory, `BENCH_DISK` (else the system's folder for
 * temporary files) the disk.
 */

import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatTable, median, megabytes } from './table.ts'
import { measureCrowd } from './upload-crowd.ts'
import {
  measureOurs,
  measurePlainWrite,
  measureReference,
  type RateFigures,
  takeTurns,
} from './upload-rate.ts'
import { measureUnfinished } from './upload-unfinished.ts'

const MIB = 1_048_576
/** In turns, and on the disk each compared with the one beside it: a disk is faster where it has just held other bytes. */
const RUNS = 5
const LIMITS = {
  timesReference: 2.5,
  ofReferenceCpu: 0.5,
  ofPlainWrite: 0.9,
  peakBytes: 250e6,
  crowdPeakBytes: 400e6,
  crowdP99Ms: 50,
  // The same, as far as two servers beside each other can be told apart.
  ofEmpty: 1.15,
}

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    uploads: { type: 'string', default: '100' },
    each: { type: 'string', default: '64' },
    unfinished: { type: 'string', default: '10000' },
    only: { type: 'string' },
  },
})
const verdicts: string[][] = []
const memory = mkdtempSync('/dev/shm/headwater-bench-')
const disk = mkdtempSync(join(process.env.BENCH_DISK ?? tmpdir(), 'headwater-bench-'))
try {
  if (wanted('rate')) await rate(Number(values.mib) * MIB)
  if (wanted('crowd')) await crowd(Number(values.uploads), Number(values.each) * MIB)
  if (wanted('unfinished')) await unfinished(Number(values.unfinished))
  say(formatTable(['', 'measured', 'limit', ''], verdicts))
} finally {
  await rm(memory, { recursive: true, force: true })
  await rm(disk, { recursive: true, force: true })
}

function wanted(part: string): boolean {
  return values.only === undefined || values.only === part
}

async function rate(fileBytes: number): Promise<void> {
  const inMemory = await takeTurns(RUNS, {
    ours: () => measureOurs(memory, fileBytes),
    reference: () => measureReference(memory, fileBytes),
  })
  const onDisk = await takeTurns(RUNS, {
    ours: () => measureOurs(disk, fileBytes),
    plain: () => measurePlainWrite(disk, fileBytes),
    plainAgain: () => measurePlainWrite(disk, fileBytes, { again: true }),
  })
  const row = (name: string, figures: readonly RateFigures[]): string[] => {
    const peak = Math.max(...figures.map((each) => each.peakBytes))
    return [
      name,
      (speed(figures) / 1e6).toFixed(0),
      (cpu(figures) / (fileBytes / 2 ** 30)).toFixed(2),
      peak === 0 ? '' : megabytes(peak),
    ]
  }
  say(
    formatTable(
      [`${fileBytes / MIB} MiB in 50 MiB chunks, median of ${RUNS}`, 'MB/s', 'CPU s/GiB', 'peak memory'],
      [
        row('memory: headwater', inMemory.ours),
        row('memory: @tus/server + @tus/file-store', inMemory.reference),
        row('disk: headwater', onDisk.ours),
        row('disk: plain write + fdatasync', onDisk.plain),
        row('disk: the same, with memory at hand', onDisk.plainAgain),
      ],
    ),
  )
  const peak = Math.max(...[...inMemory.ours, ...onDisk.ours].map((each) => each.peakBytes))
  atLeast(
    'speed of the reference server',
    speed(inMemory.ours) / speed(inMemory.reference),
    LIMITS.timesReference,
  )
  atMost('CPU of the reference server', cpu(inMemory.ours) / cpu(inMemory.reference), LIMITS.ofReferenceCpu)
  const ofPlain = ratios(onDisk.ours, onDisk.plain)
  const ofHelped = ratios(onDisk.ours, onDisk.plainAgain)
  say(`of a plain write on the disk, turn by turn: ${ofPlain.map(times).join(', ')}`)
  say(`of one with memory at hand: ${ofHelped.map(times).join(', ')}\n`)
  atLeast('speed of a plain write on the disk', median(ofPlain), LIMITS.ofPlainWrite)
  atMost('peak memory', peak, LIMITS.peakBytes, megabytes)
}

async function crowd(uploads: number, eachBytes: number): Promise<void> {
  const figures = await measureCrowd(join(disk, 'crowd'), { uploads, eachBytes })
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  say(
    formatTable(
      [`${uploads} uploads of ${eachBytes / MIB} MiB at once`, ''],
      [
        ['MB/s together', (figures.bytesPerSecond / 1e6).toFixed(0)],
        ['CPU s/GiB', (figures.cpuSeconds / ((uploads * eachBytes) / 2 ** 30)).toFixed(2)],
        ['GET of a video meanwhile, median', ms(figures.medianMs)],
        ['GET of a video meanwhile, 99 %', ms(figures.p99Ms)],
        ['readings', String(figures.reads)],
      ],
    ),
  )
  atMost('of them failed', figures.failed, 0, String)
  atMost('peak memory of all at once', figures.peakBytes, LIMITS.crowdPeakBytes, megabytes)
  atMost('99 % of GETs meanwhile', figures.p99Ms, LIMITS.crowdP99Ms, ms)
}

async function unfinished(count: number): Promise<void> {
  const { createMs, resumeMs } = await measureUnfinished(memory, count)
  const row = (name: string, times: { empty: number; full: number }): string[] => [
    name,
    times.empty.toFixed(2),
    times.full.toFixed(2),
  ]
  say(
    formatTable(
      ['ms, median', 'no other', `${count} unfinished`],
      [row('create an upload', createMs), row('resume one: HEAD and 5 MiB', resumeMs)],
    ),
  )
  atMost('creating, beside an empty server', createMs.full / createMs.empty, LIMITS.ofEmpty)
  atMost('resuming, beside an empty server', resumeMs.full / resumeMs.empty, LIMITS.ofEmpty)
}

/** The speed of each of `ours` beside the one of `others` that was measured in the same turn. */
function ratios(ours: readonly RateFigures[], others: readonly RateFigures[]): number[] {
  return ours.map((figures, turn) => figures.bytesPerSecond / (others[turn]?.bytesPerSecond ?? Number.NaN))
}

function speed(figures: readonly RateFigures[]): number {
  return median(figures.map((each) => each.bytesPerSecond))
}

function cpu(figures: readonly RateFigures[]): number {
  return median(figures.map((each) => each.cpuSeconds))
}

function atLeast(what: string, measured: number, limit: number): void {
  verdicts.push([what, times(measured), `>= ${limit}`, measured >= limit ? 'good' : 'MISSED'])
}

function atMost(what: string, measured: number, limit: number, format = times): void {
  verdicts.push([what, format(measured), `<= ${format(limit)}`, measured <= limit ? 'good' : 'MISSED'])
}

function times(ratio: number): string {
  return ratio.toFixed(2)
}

function say(table: string): void {
  process.stdout.write(`${table}\n`)
}
