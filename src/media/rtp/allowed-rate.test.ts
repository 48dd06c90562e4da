import { describe, expect, test } from 'vitest'
import { AllowedRate } from './allowed-rate.ts'

const MOST = 12_000_000
const LEAST = 150_000

/** Half a second of packets of 1,000 bytes, of which a share is lost. */
function halfSecond(expected: number, share: number) {
  const lost = Math.round(expected * share)
  return { expected, lost, bytes: (expected - lost) * 1_000, elapsedMs: 500 }
}

describe('what a publisher may send', () => {
  test.each([
    ['stays the most while nothing is lost', 250, 0, MOST],
    ['stays while up to a tenth is lost', 250, 0.1, MOST],
    ['falls to what came through, and further by half of what is lost', 250, 0.2, 3_200_000 * 0.9],
    ['is never less than the least', 20, 0.9, LEAST],
  ])('%s', (_name, expected, share, rate) => {
    const allowed = new AllowedRate({ leastBps: LEAST, mostBps: MOST })
    expect(allowed.next(halfSecond(expected, share))).toBe(rate)
  })

  test('a few packets tell nothing before more have come', () => {
    const allowed = new AllowedRate({ leastBps: LEAST, mostBps: MOST })
    expect(allowed.next(halfSecond(10, 0.5))).toBe(MOST)
    expect(allowed.next(halfSecond(10, 0.3))).toBe(LEAST)
  })

  test('a packet that came twice is none that was lost', () => {
    const allowed = new AllowedRate({ leastBps: LEAST, mostBps: 1_000_000 })
    expect(allowed.next({ expected: 100, lost: -50, bytes: 100_000, elapsedMs: 500 })).toBe(1_000_000)
  })

  test('a line that became narrow is found within seconds, and its end, too', () => {
    const allowed = new AllowedRate({ leastBps: LEAST, mostBps: MOST })
    // The publisher has two megabits of picture, the line carries half of one.
    const send = (carriedBps: number) => {
      const sentBps = Math.min(2_000_000, rate)
      const packets = Math.round(sentBps / 2 / 8_000)
      return allowed.next(halfSecond(packets, Math.max(0, 1 - carriedBps / sentBps)))
    }
    let rate = MOST
    for (let report = 0; report < 2; report += 1) rate = send(500_000)
    expect(rate).toBeLessThan(500_000)
    for (let report = 0; report < 20; report += 1) rate = send(500_000)
    // On a line that is full it swings about what that carries.
    const rates = Array.from({ length: 40 }, () => (rate = send(500_000)))
    expect(Math.min(...rates)).toBeGreaterThan(400_000)
    expect(Math.max(...rates)).toBeLessThan(600_000)
    for (let report = 0; report < 40; report += 1) rate = send(5_000_000)
    expect(rate).toBeGreaterThan(2_000_000)
  })
})
