import { expect, test } from 'vitest'
import { pictureUnit, SOUND_FORMAT, soundUnit, VIDEO_FORMAT } from '../../../tests/harness/ts-stream.ts'
import type { AccessUnit } from '../../media/live/units.ts'
import { type QueueLimits, UnitQueue } from './unit-queue.ts'

/** A far end that takes what it is told to, on a clock of ours. */
function stage(limits: Partial<QueueLimits> = {}) {
  const sent: string[] = []
  let unsentBytes = 0
  let nowMs = 0
  const queue = new UnitQueue({
    send: (item) => {
      sent.push(item.kind === 'unit' ? nameOf(item.unit) : item.format.kind)
      unsentBytes += 1000
    },
    unsentBytes: () => unsentBytes,
    nowMs: () => nowMs,
    limits: { waitMs: 1000, bytes: 1_000_000, unsentBytes: 3000, ...limits },
  })
  return {
    queue,
    sent,
    pass: (ms: number) => {
      nowMs += ms
    },
    drain: () => {
      unsentBytes = 0
      queue.flush()
    },
  }
}

const nameOf = (unit: AccessUnit): string =>
  unit.kind === 'audio' ? `sound ${unit.dts / 1920}` : `${unit.isSync ? 'key' : 'picture'} ${unit.dts / 3600}`

test('who keeps up gets everything at once', () => {
  const { queue, sent, drain } = stage()
  queue.format(VIDEO_FORMAT)
  for (let index = 0; index < 3; index += 1) {
    queue.unit(pictureUnit(index))
    drain()
  }
  expect(sent).toEqual(['video', 'key 0', 'picture 1', 'picture 2'])
  expect([queue.dropped, queue.behindMs]).toEqual([0, 0])
})

test('who stumbles gets everything later, in order', () => {
  const { queue, sent, drain, pass } = stage()
  for (let index = 0; index < 9; index += 1) queue.unit(pictureUnit(index))
  expect(sent.length).toBe(3)
  pass(500)
  expect(queue.behindMs).toBe(500)
  for (let times = 0; times < 3; times += 1) drain()
  expect(sent).toEqual(Array.from({ length: 9 }, (_, index) => nameOf(pictureUnit(index))))
  expect([queue.dropped, queue.behindMs]).toEqual([0, 0])
})

test('who is slow goes on with the next key picture, and with the formats that came meanwhile', () => {
  const { queue, sent, drain, pass } = stage()
  queue.format(VIDEO_FORMAT)
  for (let index = 0; index < 5; index += 1) queue.unit(pictureUnit(index))
  queue.format(SOUND_FORMAT)
  pass(1001)
  queue.unit(pictureUnit(5))
  queue.unit(soundUnit(9))
  for (let index = 6; index < 12; index += 1) queue.unit(pictureUnit(index))
  queue.unit(soundUnit(20))
  for (let times = 0; times < 4; times += 1) drain()
  expect(sent).toEqual(['video', 'key 0', 'picture 1', 'audio', 'key 10', 'picture 11', 'sound 20'])
  // Pictures 2 to 9 and a sound.
  expect(queue.dropped).toBe(9)
})

test('a key picture that comes when the rest is thrown away is kept', () => {
  const { queue, sent, drain, pass } = stage()
  queue.format(VIDEO_FORMAT)
  for (let index = 0; index < 10; index += 1) queue.unit(pictureUnit(index))
  pass(1001)
  queue.unit(pictureUnit(10))
  queue.unit(pictureUnit(11))
  drain()
  expect(sent).toEqual(['video', 'key 0', 'picture 1', 'key 10', 'picture 11'])
})

test('more than may wait is thrown away, however soon it came', () => {
  const { queue, sent, drain } = stage({ bytes: 3000 })
  queue.format(VIDEO_FORMAT)
  for (let index = 0; index < 10; index += 1) queue.unit(pictureUnit(index))
  drain()
  expect(sent).toEqual(['video', 'key 0', 'picture 1'])
})

test('sound alone begins anywhere', () => {
  const { queue, sent, drain, pass } = stage()
  for (let index = 0; index < 5; index += 1) queue.unit(soundUnit(index))
  pass(1001)
  queue.unit(soundUnit(5))
  queue.unit(soundUnit(6))
  drain()
  expect(sent).toEqual(['sound 0', 'sound 1', 'sound 2', 'sound 6'])
})

test('who loses pictures again and again is behind all the time, who has found its pace is not', () => {
  const { queue, pass, drain } = stage()
  queue.format(VIDEO_FORMAT)
  for (let index = 0; index < 100; index += 1) {
    queue.unit(pictureUnit(index))
    pass(400)
    if (index % 5 === 0) drain()
  }
  expect(queue.behindMs).toBeGreaterThan(20_000)
  expect(queue.dropped).toBeGreaterThan(20)
  for (let index = 100; index < 120; index += 1) {
    drain()
    queue.unit(pictureUnit(index))
  }
  expect(queue.behindMs).toBe(0)
})
