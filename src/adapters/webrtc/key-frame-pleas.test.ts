import { describe, expect, test } from 'vitest'
import { KeyFramePleas } from './key-frame-pleas.ts'

/** Pleas every `everyMs` for `seconds`, while a key frame comes every two seconds anyhow; answers when one was granted. */
function plead(pleas: KeyFramePleas, { everyMs, seconds }: { everyMs: number; seconds: number }): number[] {
  const granted: number[] = []
  let latestMs = 0
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs += everyMs) {
    if (nowMs - latestMs >= 2_000) latestMs = nowMs
    if (!pleas.grants(nowMs, latestMs)) continue
    granted.push(nowMs)
    latestMs = nowMs
  }
  return granted
}

describe('key frames for viewers', () => {
  test('one who lost a picture has one at once, where the latest is a second old', () => {
    const pleas = new KeyFramePleas()
    expect(pleas.grants(10_999, 10_000)).toBe(false)
    expect(pleas.grants(11_000, 10_000)).toBe(true)
  })

  test('whoever asks all the time gets three, and then one in ten seconds', () => {
    expect(plead(new KeyFramePleas(), { everyMs: 20, seconds: 60 })).toHaveLength(8)
    expect(plead(new KeyFramePleas(), { everyMs: 20, seconds: 5 })).toEqual([1_000, 2_000, 3_000])
  })

  test('many of them have no more than one', () => {
    const one = plead(new KeyFramePleas(), { everyMs: 200, seconds: 600 })
    const crowd = plead(new KeyFramePleas(), { everyMs: 1, seconds: 600 })
    expect([one.length, crowd.length]).toEqual([62, 62])
  })

  test('after a while of peace there are three again', () => {
    const pleas = new KeyFramePleas()
    plead(pleas, { everyMs: 20, seconds: 10 })
    const granted = [0, 1, 2, 3].map((second) => pleas.grants(60_000 + second * 1_000, 0))
    expect(granted).toEqual([true, true, true, false])
  })
})
