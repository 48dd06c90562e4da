import { expect, test } from 'vitest'
import { announceCommit } from './commit-signal.ts'
import { FreshLooks } from './fresh-looks.ts'

function countedLooks({ announces }: { announces: boolean }) {
  const db = {}
  if (announces) announceCommit(db)
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs }
  const asked: string[] = []
  const looks = new FreshLooks({ db, clock }, async (key) => {
    asked.push(key)
    if (key === 'bad') throw new Error('no such thing')
    return { key, answer: asked.length }
  })
  return { asked, clock, db, looks }
}

test('equal questions of one turn are asked once, others by themselves', async () => {
  const { asked, looks } = countedLooks({ announces: false })
  const [first, second, other] = await Promise.all([looks.get('a'), looks.get('a'), looks.get('b')])
  expect(asked).toEqual(['a', 'b'])
  expect(second).toBe(first)
  expect(other).not.toBe(first)
})

test('without announcements, a question that comes after the look has begun is a new one', async () => {
  const { looks } = countedLooks({ announces: false })
  const first = looks.get('a')
  await new Promise((resolve) => setImmediate(resolve))
  const second = looks.get('a')
  expect((await second).answer).toBe(2)
  expect((await first).answer).toBe(1)
})

test('an answer stands until the next commit', async () => {
  const { db, looks } = countedLooks({ announces: true })
  expect((await looks.get('a')).answer).toBe(1)
  expect((await looks.get('a')).answer).toBe(1)
  announceCommit(db)
  expect((await looks.get('a')).answer).toBe(2)
})

test('an answer that was under way during a commit is not kept', async () => {
  const { db, looks } = countedLooks({ announces: true })
  const under = looks.get('a')
  await new Promise((resolve) => setImmediate(resolve))
  announceCommit(db)
  await under
  expect((await looks.get('a')).answer).toBe(2)
})

test('an answer stands for a second at most', async () => {
  const { clock, looks } = countedLooks({ announces: true })
  await looks.get('a')
  clock.nowMs = 999
  expect((await looks.get('a')).answer).toBe(1)
  clock.nowMs = 1_000
  expect((await looks.get('a')).answer).toBe(2)
})

test('a failure reaches everybody who asked, and nobody after', async () => {
  const { asked, looks } = countedLooks({ announces: true })
  const answers = await Promise.allSettled([looks.get('bad'), looks.get('bad')])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(looks.get('bad')).rejects.toThrow('no such thing')
  expect(asked).toEqual(['bad', 'bad'])
})
