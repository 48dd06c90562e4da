import { beforeEach, describe, expect, test } from 'vitest'
import type { AccessUnit, LiveFormat } from '../../media/live/units.ts'
import type { FeedListener } from '../../live-ports.ts'
import { LiveFeed } from './live-feed.ts'

const PICTURES: LiveFormat = {
  kind: 'video',
  codec: 'avc',
  config: new Uint8Array([1]),
  width: 320,
  height: 180,
}
const SOUND: LiveFormat = {
  kind: 'audio',
  codec: 'aac',
  config: new Uint8Array([2]),
  sampleRate: 48_000,
  channels: 2,
}

function picture(dts: number, isSync = false, sizeBytes = 1): AccessUnit {
  return { kind: 'video', dts, pts: dts, isSync, data: new Uint8Array(sizeBytes) }
}

/** Notes what it is told. */
function noting(): FeedListener & { readonly told: string[] } {
  const told: string[] = []
  return {
    told,
    format: (format) => told.push(format.codec),
    unit: (unit) => told.push(String(unit.dts)),
    gap: () => told.push('gap'),
    end: () => told.push('end'),
  }
}

describe('the feed of a broadcast', () => {
  const faults: unknown[] = []
  let feed: LiveFeed

  beforeEach(() => {
    faults.length = 0
    feed = new LiveFeed((error) => faults.push(error))
    feed.format(PICTURES)
    feed.format(SOUND)
  })

  test('tells those who come late the formats and everything since the latest sync picture', () => {
    for (const unit of [picture(0, true), picture(1), picture(2, true), picture(3)]) feed.unit(unit)
    const late = noting()
    feed.listen(late)
    feed.unit(picture(4))
    expect(late.told).toEqual(['avc', 'aac', '2', '3', '4'])
  })

  test('keeps nothing of before a gap, and nothing that was coded in another way', () => {
    feed.unit(picture(0, true))
    feed.gap()
    const first = noting()
    feed.listen(first)
    feed.unit(picture(1, true))
    feed.format({ ...PICTURES, width: 640 })
    const second = noting()
    feed.listen(second)
    expect(first.told).toEqual(['avc', 'aac', '1', 'avc'])
    expect(second.told).toEqual(['avc', 'aac'])
  })

  test('keeps no GOP that grows beyond all bounds, and the next one again', () => {
    feed.unit(picture(0, true))
    feed.unit(picture(1, false, 17 * 1024 * 1024))
    feed.unit(picture(2))
    const waiting = noting()
    feed.listen(waiting)
    feed.unit(picture(3, true))
    const late = noting()
    feed.listen(late)
    expect(waiting.told).toEqual(['avc', 'aac', '3'])
    expect(late.told).toEqual(['avc', 'aac', '3'])
  })

  test('drops a listener that throws, and nobody else notices', () => {
    const good = noting()
    feed.listen({
      ...noting(),
      unit: () => {
        throw new Error('too slow')
      },
    })
    feed.listen(good)
    feed.unit(picture(0, true))
    feed.unit(picture(1))
    expect(good.told).toEqual(['avc', 'aac', '0', '1'])
    expect(faults).toHaveLength(1)
    expect(feed.listeners).toBe(1)
  })

  test('who comes or leaves while somebody is told is told everything once', () => {
    const late = noting()
    const leaving = noting()
    feed.listen({
      ...noting(),
      unit: () => {
        if (late.told.length === 0) feed.listen(late)
        leave()
      },
    })
    const leave = feed.listen(leaving)
    feed.unit(picture(0, true))
    feed.unit(picture(1))
    expect(late.told).toEqual(['avc', 'aac', '0', '1'])
    expect(leaving.told).toEqual(['avc', 'aac'])
  })

  test('ends once, also for those who come afterwards', () => {
    const one = noting()
    feed.listen(one)
    feed.end()
    feed.end()
    feed.unit(picture(0, true))
    const late = noting()
    feed.listen(late)
    expect([one.told, late.told]).toEqual([['avc', 'aac', 'end'], ['end']])
  })
})
