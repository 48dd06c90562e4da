import { describe, expect, test } from 'vitest'
import { Model, type ModelEvent } from './model.ts'

const HOUR_MS = 3_600_000

function after(...events: readonly ModelEvent[]): Model {
  const model = new Model()
  for (const event of events) model.apply(event)
  return model
}

const what = 'of a creator'
const asked = (value: string | null): ModelEvent => ({ is: 'asked', what, value })
const acknowledged = (value: string | null): ModelEvent => ({ is: 'acknowledged', what, value })
const refused = (value: string | null): ModelEvent => ({ is: 'refused', what, value })
const seen = (value: string | null): ModelEvent => ({ is: 'seen', what, value })

describe('a register may hold', () => {
  test.each<[string, ModelEvent[], (string | null)[]]>([
    ['nothing at first', [], [null]],
    ['what was acknowledged', [asked('one'), acknowledged('one')], ['one']],
    ['either, while an answer is missing', [asked('one'), acknowledged('one'), asked('two')], ['one', 'two']],
    ['any of several without an answer', [asked('one'), asked('two')], [null, 'one', 'two']],
    [
      'what was acknowledged last, whatever is without an answer',
      [asked('one'), asked('two'), acknowledged('two')],
      ['two'],
    ],
    ['not what was refused', [asked('one'), acknowledged('one'), asked('two'), refused('two')], ['one']],
    ['what was found, from then on', [asked('one'), asked('two'), seen('one')], ['one']],
    [
      'nothing after an acknowledged deletion',
      [asked('one'), acknowledged('one'), asked(null), acknowledged(null)],
      [null],
    ],
  ])('%s', (_, events, may) => {
    expect(after(...events).may(what)).toEqual(may)
  })
})

const clip: ModelEvent = {
  is: 'video asked for',
  video: { name: 'n', way: 'clip', of: 'x', key: 'k' },
  realMs: 0,
}
const made: ModelEvent = { is: 'video made', name: 'n', uid: 'a', by: 'answer' }
const gone: ModelEvent = { is: 'acknowledged', what: 'video a', value: null }

describe('a video', () => {
  test('is known by its name before its uid is, then by both', () => {
    expect(after(clip).videos).toMatchObject([{ name: 'n', uid: null }])
    const model = after(clip, made)
    expect(model.videoOf('a')).toBe(model.videoNamed('n'))
    expect(model.mayBeGone('a')).toBe(false)
  })

  test('may be gone once somebody asked to delete it', () => {
    expect(after(clip, made, { is: 'asked', what: 'video a', value: null }).mayBeGone('a')).toBe(true)
  })

  test('that is deleted takes everything with it, and stays deleted', () => {
    const chunk: ModelEvent = { is: 'chunk', key: 'a/v1/0', createdUs: 1 }
    const served: ModelEvent = { is: 'served', address: '/a/v1/0.m4s', hash: 'h' }
    const model = after(clip, made, chunk, served, asked('one'), gone)
    expect(model.may('video a')).toEqual([null])
    expect([model.videos, [...model.chunks], model.servedSample(9), model.registers('of a ')]).toEqual([
      [],
      [],
      [],
      [],
    ])
  })
})

const upload: ModelEvent = { is: 'upload made', uid: 'a', path: '/p', lengthBytes: 10, realMs: 0 }

describe('by the clock of the server', () => {
  test.each<[string, ModelEvent[], boolean]>([
    ['an hour later', [{ is: 'life ended', realMs: HOUR_MS, mayFail: false }], false],
    ['a day later', [{ is: 'life ended', realMs: 24 * HOUR_MS, mayFail: false }], true],
    ['when it jumped ahead a day', [{ is: 'clock', realMs: 1, offsetMs: 25 * HOUR_MS }], true],
    [
      'when it jumped ahead a day and back',
      [
        { is: 'clock', realMs: 1, offsetMs: 25 * HOUR_MS },
        { is: 'clock', realMs: 2, offsetMs: 0 },
      ],
      true,
    ],
    ['when it jumped back', [{ is: 'clock', realMs: 1, offsetMs: -25 * HOUR_MS }], false],
  ])('%s an upload may have expired: %#', (_, events, expired) => {
    const model = after(upload, ...events)
    expect(model.uploads.map((each) => model.mayHaveExpired(each))).toEqual([expired])
  })

  test('an Idempotency-Key is known for five hours at least', () => {
    const kept = (offsetMs: number) => {
      const model = after(clip, { is: 'clock', realMs: 1, offsetMs })
      return model.videos.map((each) => model.keyIsKept(each))
    }
    expect([...kept(4 * HOUR_MS), ...kept(6 * HOUR_MS)]).toEqual([true, false])
  })

  test('one that may have been answered by a clock that was set back is that old', () => {
    const back: ModelEvent[] = [
      { is: 'clock', realMs: 1, offsetMs: -3 * HOUR_MS },
      { is: 'clock', realMs: 2, offsetMs: 3 * HOUR_MS },
    ]
    const model = after(clip, ...back)
    expect(model.videos.map((each) => model.keyIsKept(each))).toEqual([false])
    const answered = after(clip, made, ...back)
    expect(answered.videos.map((each) => answered.keyIsKept(each))).toEqual([true])
  })
})

test('jobs may be given up after two lives with failures, counted anew for another try', () => {
  const failing: ModelEvent = { is: 'life ended', realMs: 0, mayFail: true }
  const model = after(clip, made, failing)
  const may = () => model.mayBeGivenUp(model.videoOf('a')?.failuresBefore ?? 0)
  expect(may()).toBe(false)
  model.apply(failing)
  expect(may()).toBe(true)
  model.apply({ is: 'retried', uid: 'a' })
  expect(may()).toBe(false)
})
