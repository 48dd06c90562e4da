import { expect, test } from 'vitest'
import { formatBytes, formatDuration, ProgressLine } from './progress-line.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [52_428_800, '52.4 MB'],
  [250_000_000, '250 MB'],
  [11_800_000_000, '11.8 GB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

test.each([
  [0.2, '1 s'],
  [59, '59 s'],
  [187, '3:07 min'],
  [3_729, '1:02:09 h'],
])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text))

test('a pipe gets one line for every tenth', () => {
  const { target, text } = recorder({})
  const line = new ProgressLine(target, 'Uploading', () => 0)
  for (let done = 0; done <= 100; done++) line.update(done, 100, 'bytes')
  line.finish()
  expect(text().split('\n').slice(0, 3)).toEqual(['Uploading   0 %', 'Uploading  10 %', 'Uploading  20 %'])
  expect(text().trimEnd().split('\n')).toHaveLength(11)
})

test('a terminal gets a bar with the speed of the last seconds and the time left', () => {
  const { target, text } = recorder({ isTTY: true, columns: 100 })
  let nowMs = 0
  const line = new ProgressLine(target, 'Uploading', () => nowMs)
  for (let step = 0; step <= 20; step++, nowMs += 500) line.update(step * 5_000_000, 1_000_000_000, 'bytes')
  expect(text().split('\r').at(-1)).toMatch(/^Uploading █+░+ {2}10 % {2}10\.0 MB\/s {2}1:30 min left/)
})

test('a step back after an interruption does not give a negative speed', () => {
  const { target, text } = recorder({ isTTY: true })
  let nowMs = 0
  const line = new ProgressLine(target, 'Uploading', () => nowMs)
  for (const done of [0, 50, 60, 20, 30]) {
    line.update(done, 100, 'bytes')
    nowMs += 1000
  }
  expect(text()).not.toContain('-')
})

function recorder(options: { isTTY?: boolean; columns?: number }) {
  const texts: string[] = []
  return { target: { ...options, write: (text: string) => texts.push(text) }, text: () => texts.join('') }
}
