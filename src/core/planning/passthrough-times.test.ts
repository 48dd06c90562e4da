import { describe, expect, test } from 'vitest'
import type { Edit, SampleTable } from '../../media/isobmff/movie.ts'
import { pictureTimes, segmentSamples } from './passthrough-times.ts'

/** A track from presentation times in decode order; `*` after a time marks a sync sample. */
function track(
  times: readonly string[],
  edits: readonly Edit[] = [],
): { samples: SampleTable; edits: readonly Edit[] } {
  const shown = times.map((time) => Number.parseInt(time, 10))
  const decodeTimes = Float64Array.from(shown.toSorted((a, b) => a - b))
  return {
    edits,
    samples: {
      count: times.length,
      offsets: new Float64Array(times.length),
      sizes: new Uint32Array(times.length),
      decodeTimes,
      compositionOffsets: Int32Array.from(shown, (time, sample) => time - (decodeTimes[sample] ?? 0)),
      sync: Uint8Array.from(times, (time) => (time.endsWith('*') ? 1 : 0)),
      endTime: Math.max(...shown) + 1,
    },
  }
}

const edit = (mediaTime: number): Edit => ({ durationTicks: 0, mediaTime, rate: 1 })

describe('plan times of an indexed picture', () => {
  test.each([
    { name: 'begin at 0', samples: ['0*', '1', '2*'], edits: [], first: 0, times: [0, 1, 2] },
    {
      name: 'follow the edit list',
      samples: ['2*', '5', '3', '4', '6*'],
      edits: [edit(2)],
      first: 0,
      times: [0, 3, 1, 2, 4],
    },
    {
      name: 'begin at 0 where the picture is late',
      samples: ['3*', '4', '6*'],
      edits: [],
      first: 0,
      times: [0, 4, 6],
    },
    {
      name: 'leave out what the edit list skips',
      samples: ['0*', '1', '2*', '3'],
      edits: [edit(2)],
      first: 2,
      times: [0, 1],
    },
  ])('$name', ({ samples, edits, first, times }) => {
    const found = pictureTimes(track(samples, edits))
    expect(found.firstSample).toBe(first)
    expect(times.map((_, index) => found.at(first + index))).toEqual(times)
  })

  test('place every segment of the plan among the samples', () => {
    const source = track(['0*', '2', '1', '3*', '5', '4', '6*', '7', '8*'])
    const times = pictureTimes(source)
    expect([...segmentSamples(source, times, [0, 6, 9])]).toEqual([0, 6, 9])
    // What lies at or after the end of the picture is left out.
    expect([...segmentSamples(source, times, [0, 3, 8])]).toEqual([0, 3, 8])
  })

  test('refuse cuts that are not sync samples of the track', () => {
    const source = track(['0*', '1', '2', '3*'])
    expect(() => segmentSamples(source, pictureTimes(source), [0, 2, 4])).toThrow(
      'no sync sample lies at cut 1 (2)',
    )
  })
})
