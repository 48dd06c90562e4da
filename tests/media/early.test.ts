/** What can be played of a file that has arrived in part, for every part of it. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EarlyAnswer, planEarly } from '../../src/core/planning/plan-early.ts'
import { planIndexed } from '../../src/core/planning/plan-source.ts'
import type { Plan } from '../../src/core/planning/index.ts'
import { parseIndex } from '../../src/media/isobmff/index-format.ts'
import { openSamples, type Samples } from '../media-samples.ts'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const QUESTION = {
  uid: 'ab'.repeat(16),
  container: 'mp4',
  settings: { decoder: 'ffmpeg', quality: 'standard', forceLadder: false },
} as const
const INPUT =
  '-f lavfi -i testsrc2=s=160x120:r=25:d=40 -f lavfi -i sine=f=440:r=48000:d=40 -c:v libx264 -preset ultrafast -bf 2 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -b:a 64k'

let samples: Samples
beforeAll(async () => {
  samples = await openSamples()
})
afterAll(() => samples.remove())

async function make(name: string, line: string): Promise<Uint8Array> {
  const path = samples.path(name)
  await execute('ffmpeg', ['-v', 'error', '-y', ...`${INPUT} ${line}`.split(' '), path])
  return new Uint8Array(await readFile(path))
}

function question(bytes: Uint8Array) {
  return {
    ...QUESTION,
    media: { name: 'sources/v', demuxer: 'mov', sizeBytes: bytes.byteLength, made: null },
  }
}

/** The answer when the first `arrivedBytes` bytes are there; the rest of the file reads as nothing. */
async function lookAt(bytes: Uint8Array, arrivedBytes: number): Promise<EarlyAnswer> {
  const there = bytes.subarray(0, arrivedBytes)
  const source = {
    sizeBytes: bytes.byteLength,
    read: (target: Uint8Array, position: number) => {
      const part = there.subarray(position, position + target.byteLength)
      target.set(part)
      return Promise.resolve(part.byteLength)
    },
  }
  return await planEarly(source, { ...question(bytes), mark: null, arrivedBytes }, (name) => `${name}-new`)
}

async function finalPlan(bytes: Uint8Array): Promise<Plan> {
  const source = {
    sizeBytes: bytes.byteLength,
    read: (target: Uint8Array, position: number) => {
      const part = bytes.subarray(position, position + target.byteLength)
      target.set(part)
      return Promise.resolve(part.byteLength)
    },
  }
  const answer = await planIndexed(
    source,
    { ...question(bytes), mark: null, report: null },
    (name) => `${name}-new`,
  )
  if (answer.kind !== 'planned') throw new Error(answer.kind)
  return answer.planned.plan
}

const passed = (plan: Plan) => plan.video.filter(({ made }) => made === 'passthrough')

/** Lengths spread over the file, its first bytes more closely. */
function lengths(bytes: Uint8Array): number[] {
  const even = Array.from({ length: 60 }, (_, step) => Math.round((bytes.byteLength * step) / 60))
  return [...new Set([0, 1, 7, 8, 24, 32, 40, 48, 100, ...even, bytes.byteLength])].sort((a, b) => a - b)
}

describe('an index that comes first', () => {
  test('gives the plan of the whole file as soon as it is there', async () => {
    const bytes = await make('first.mp4', '-g 50 -movflags +faststart')
    const whole = await finalPlan(bytes)
    const kinds: string[] = []
    for (const arrived of lengths(bytes)) {
      const answer = await lookAt(bytes, arrived)
      kinds.push(answer.kind)
      if (answer.kind !== 'planned') continue
      expect(answer.growing).toBe(false)
      expect({ ...answer.plan, video: [] }).toEqual({ ...whole, video: [] })
      expect(answer.plan.video).toEqual(passed(whole))
    }
    const first = kinds.indexOf('planned')
    expect(first).toBeGreaterThan(2)
    expect(new Set(kinds.slice(0, first))).toEqual(new Set(['wait']))
    expect(new Set(kinds.slice(first))).toEqual(new Set(['planned']))
  })

  test('that promises more bytes than there will be is left to the whole look', async () => {
    const bytes = await make('cut.mp4', '-g 50 -movflags +faststart')
    const cut = bytes.subarray(0, bytes.byteLength - 20_000)
    expect((await lookAt(cut, cut.byteLength - 1)).kind).toBe('no')
  })
})

describe('fragments', () => {
  test.each([
    ['a keyframe every two seconds', '-g 50 -movflags +frag_keyframe+empty_moov+default_base_moof'],
    ['every nine seconds', '-g 225 -movflags +frag_keyframe+empty_moov+default_base_moof'],
    ['one fragment a second', '-g 100 -frag_duration 1000000 -movflags +empty_moov+default_base_moof'],
    ['an edit list', '-g 50 -movflags +frag_keyframe+delay_moov+default_base_moof'],
  ])('%s: what is shown stays true to the end', async (name, line) => {
    const bytes = await make(`${name}.mp4`, line)
    const whole = await finalPlan(bytes)
    let segments = 0
    for (const arrived of lengths(bytes)) {
      const answer = await lookAt(bytes, arrived)
      expect(answer.kind).not.toBe('no')
      if (answer.kind !== 'planned') {
        expect(segments, `${arrived} bytes`).toBe(0)
        continue
      }
      const { plan, growing } = answer
      expect(growing).toBe(true)
      expect(plan.cuts).toEqual(whole.cuts.slice(0, plan.cuts.length))
      expect(plan.audio?.cuts).toEqual(whole.audio?.cuts.slice(0, plan.cuts.length))
      expect(plan.audio?.cuts.length).toBe(plan.cuts.length)
      expect(passed(plan).map(({ id, editStartTicks }) => [id, editStartTicks])).toEqual(
        passed(whole).map(({ id, editStartTicks }) => [id, editStartTicks]),
      )
      expect(plan.audio?.id).toBe(whole.audio?.id)
      expect(plan.audio?.editStartSamples).toBe(whole.audio?.editStartSamples)
      // Nothing is shown whose bytes are not there.
      for (const { samples: table } of parseIndex(answer.index).tracks) {
        const last = table.count - 1
        if (last >= 0)
          expect((table.offsets[last] ?? 0) + (table.sizes[last] ?? 0)).toBeLessThanOrEqual(arrived)
      }
      expect(plan.cuts.length).toBeGreaterThanOrEqual(segments + 1)
      segments = plan.cuts.length - 1
    }
    // All but what the last two places to cut leave open.
    expect(segments).toBeGreaterThanOrEqual(whole.cuts.length - 1 - 5)
  })
})

test.each([
  ['an index at the end', '-g 50'],
  ['too few places to cut', '-g 9999 -movflags +faststart'],
])('%s: only the whole file can be played', async (name, line) => {
  const bytes = await make(`${name}.mp4`, line)
  const kinds = await Promise.all(lengths(bytes).map(async (arrived) => (await lookAt(bytes, arrived)).kind))
  expect(kinds).not.toContain('planned')
  expect(kinds.at(-2)).toBe('no')
})
