import { expect, test } from 'vitest'
import { Listeners } from './listeners.ts'

type Listener = (word: string) => void

function start(): { listeners: Listeners<Listener>; heard: string[]; faults: unknown[] } {
  const faults: unknown[] = []
  return { listeners: new Listeners<Listener>((error) => faults.push(error)), heard: [], faults }
}

test('one that throws is told nothing more, the others everything', () => {
  const { listeners, heard, faults } = start()
  const fault = new Error('full')
  listeners.add(
    () => {
      throw fault
    },
    () => undefined,
  )
  listeners.add(
    (word) => heard.push(word),
    (one) => one('hello'),
  )
  listeners.tell((one) => one('first'))
  listeners.tell((one) => one('second'))
  expect([heard, faults, listeners.size]).toEqual([['hello', 'first', 'second'], [fault], 1])
})

test('one that is stopped by another while all are told is not told', () => {
  const { listeners, heard } = start()
  let stop: () => void = () => undefined
  listeners.add(
    () => stop(),
    () => undefined,
  )
  stop = listeners.add(
    (word) => heard.push(word),
    () => undefined,
  )
  listeners.tell((one) => one('never'))
  expect([heard, listeners.size]).toEqual([[], 1])
})
