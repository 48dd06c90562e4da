import { describe, expect, test } from 'vitest'
import type { Edit, SampleTable } from './movie.ts'
import {
  allowedCuts,
  editShape,
  presentationTimes,
  reorderBound,
  reorderDelay,
  sortedTimes,
} from './presentation.ts'

/** A table of samples a tick apart; `presentation` in decode order. */
function table(presentation: readonly number[], sync: readonly number[]): SampleTable {
  const count = presentation.length
  return {
    count,
    offsets: new Float64Array(count),
    sizes: new Uint32Array(count).fill(1),
    decodeTimes: Float64Array.from(presentation.keys()),
    compositionOffsets: Int32Array.from(presentation, (time, index) => time - index),
    sync: Uint8Array.from(presentation, (_, index) => (sync.includes(index) ? 1 : 0)),
    endTime: count,
  }
}

const edit = (durationTicks: number, mediaTime: number, rate = 1): Edit => ({
  durationTicks,
  mediaTime,
  rate,
})

describe('edit lists', () => {
  test.each<[string, readonly Edit[], ReturnType<typeof editShape>]>([
    ['none', [], { kind: 'none', shiftTicks: 0, mediaTime: 0, endTicks: null }],
    ['only empty', [edit(90, -1)], { kind: 'none', shiftTicks: 0, mediaTime: 0, endTicks: null }],
    ['one, to the end', [edit(0, 2)], { kind: 'single', shiftTicks: -2, mediaTime: 2, endTicks: null }],
    ['one with a length', [edit(90, 2)], { kind: 'single', shiftTicks: -2, mediaTime: 2, endTicks: 90 }],
    ['late', [edit(30, -1), edit(90, 2)], { kind: 'late', shiftTicks: 28, mediaTime: 2, endTicks: 120 }],
    [
      'late in two',
      [edit(10, -1), edit(20, -1), edit(0, 0)],
      { kind: 'late', shiftTicks: 30, mediaTime: 0, endTicks: null },
    ],
    [
      'two stretches',
      [edit(5, 2), edit(5, 9)],
      { kind: 'several', shiftTicks: -2, mediaTime: 2, endTicks: 5 },
    ],
    ['half speed', [edit(5, 0, 0.5)], { kind: 'several', shiftTicks: 0, mediaTime: 0, endTicks: 5 }],
  ])('%s', (_, edits, shape) => {
    expect(editShape({ edits })).toEqual(shape)
  })

  test('presentation times have offsets and edit applied; priming is negative', () => {
    const samples = table([2, 4, 3, 5], [0])
    expect([...presentationTimes({ edits: [edit(0, 3)], samples })]).toEqual([-1, 1, 0, 2])
  })
})

describe('allowed cuts', () => {
  test.each<[string, readonly number[], readonly number[], readonly number[]]>([
    ['closed GOPs', [0, 2, 1, 3, 5, 4], [0, 3], [0, 3]],
    ['an open GOP: later samples are shown before it', [0, 2, 1, 5, 3, 4], [0, 3], [0]],
    ['not a sync sample', [0, 1, 2], [0], [0]],
    ['an earlier sample is shown after it', [0, 4, 1, 3, 5], [0, 3], [0]],
    ['equal times', [0, 1, 1, 2], [0, 2], [0]],
    ['no sync sample', [0, 1], [], []],
    ['nothing', [], [], []],
  ])('%s', (_, times, sync, cuts) => {
    expect([...allowedCuts(table(times, sync), Float64Array.from(times))]).toEqual(cuts)
  })
})

describe('reordering', () => {
  test.each<[string, readonly number[], readonly number[], number]>([
    ['none', [0, 1, 2], [0], 0],
    ['one B-frame', [0, 2, 1], [0], 1],
    ['a pyramid', [0, 4, 2, 1, 3], [0], 2],
    ['the largest of several segments', [0, 2, 1, 3, 13, 23], [0, 3], 1],
    ['variable rate', [0, 100, 40, 140], [0], 60],
  ])('%s', (_, times, starts, delay) => {
    expect(reorderDelay(Float64Array.from(times), starts)).toBe(delay)
  })

  test('the bound for an encoder is the longest stretch of that many pictures, and holds for every order', () => {
    const times = Float64Array.from([0, 10, 40, 50, 100])
    expect(reorderBound(times, 1)).toBe(50)
    expect(reorderBound(times, 2)).toBe(60)
    expect(reorderBound(times, 9)).toBe(0)
    expect(reorderDelay(Float64Array.from([0, 50, 40, 10, 100]))).toBeLessThanOrEqual(reorderBound(times, 2))
  })

  test('sorting leaves its argument alone', () => {
    const times = Float64Array.from([3, -1, 2])
    expect([...sortedTimes(times)]).toEqual([-1, 2, 3])
    expect([...times]).toEqual([3, -1, 2])
  })
})
