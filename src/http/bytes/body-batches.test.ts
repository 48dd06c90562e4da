import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Clock } from '../../ports.ts'
import { BatchShare, BodyBatches } from './body-batches.ts'

const MIB = 1_048_576

function clockAt() {
  let nowMs = 0
  const clock: Clock = {
    nowUs: () => nowMs * 1000,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
    newUid: () => '',
    newSecret: () => '',
  }
  return { clock, pass: (ms: number) => (nowMs += ms) }
}

const sizeOf = (batch: readonly Uint8Array[] | undefined) =>
  (batch ?? []).reduce((sum, buffer) => sum + buffer.length, 0)

test('gives a quarter of a mebibyte at a time; after a mebibyte the sender waits', async () => {
  const source = new PassThrough({ highWaterMark: 65_536 })
  const body = new BodyBatches(source, { clock: clockAt().clock })
  const taking = body.next()
  let sent = 0
  while (source.write(Buffer.alloc(65_536)) && sent < 100) {
    sent += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(sizeOf(await taking)).toBe(MIB / 4)
  expect(sent).toBeGreaterThanOrEqual(16)
  expect(sent).toBeLessThan(20)
  expect(sizeOf(await body.next())).toBe((3 * MIB) / 4)
  source.end()
  let rest = 0
  for (let batch = await body.next(); batch; batch = await body.next()) rest += sizeOf(batch)
  expect(rest).toBeGreaterThan(0)
  expect(body.state).toBe('complete')
})

test('many at once hold less each, and as much as ever when they are alone again', async () => {
  const share = new BatchShare()
  const { clock } = clockAt()
  const others = Array.from({ length: 63 }, () => new BodyBatches(new PassThrough(), { clock, share }))
  for (const other of others) void other.next()
  const source = new PassThrough({ highWaterMark: 65_536 })
  const body = new BodyBatches(source, { clock, share })
  const sizeOfNext = async () => {
    const taking = body.next()
    for (let sent = 0; sent < 40; sent += 1) {
      source.write(Buffer.alloc(65_536))
      await new Promise((resolve) => setImmediate(resolve))
    }
    return sizeOf(await taking)
  }
  expect(await sizeOfNext()).toBe(MIB / 8)
  expect([share.batchBytes, share.turnBytes]).toEqual([MIB / 8, MIB / 8])
  for (const other of others) other.stop()
  // What was collected beside the others is handed out as it is.
  expect(await sizeOfNext()).toBe(MIB / 8)
  expect(await sizeOfNext()).toBe(MIB)
  expect([share.batchBytes, share.turnBytes]).toEqual([MIB / 4, MIB])
})

test('nothing is read before it is wanted', async () => {
  let begun = 0
  const source = new PassThrough()
  const body = new BodyBatches(source, {
    clock: clockAt().clock,
    begin: () => {
      begun += 1
    },
  })
  source.write('abc')
  await new Promise((resolve) => setImmediate(resolve))
  expect([begun, source.readableFlowing]).toEqual([0, null])
  source.end()
  expect(sizeOf(await body.next())).toBe(3)
  expect(await body.next()).toBeUndefined()
  expect(begun).toBe(1)
})

test('a sender is silent only while we listen to it', async () => {
  const { clock, pass } = clockAt()
  const source = new PassThrough({ highWaterMark: 4 * MIB })
  const body = new BodyBatches(source, { clock })
  pass(5_000)
  expect(body.silentMs()).toBe(0)
  const taking = body.next()
  pass(700)
  expect(body.silentMs()).toBe(700)
  source.write(Buffer.alloc(2 * MIB))
  expect(sizeOf(await taking)).toBe(2 * MIB)
  pass(300)
  expect(body.silentMs()).toBe(300)
  source.destroy()
  await new Promise((resolve) => source.once('close', resolve))
  expect(body.silentMs()).toBe(Number.POSITIVE_INFINITY)
  expect(body.state).toBe('broken')
})

test('stopped, it gives what has come and throws the rest away', async () => {
  const source = new PassThrough()
  const body = new BodyBatches(source, { clock: clockAt().clock })
  const taking = body.next()
  source.write('abc')
  await new Promise((resolve) => setImmediate(resolve))
  body.stop()
  expect(sizeOf(await taking)).toBe(3)
  source.write('def')
  expect(await body.next()).toBeUndefined()
  expect(body.state).toBe('broken')
})

test('memory is given back only where nobody else has a view of it', async () => {
  const { clock } = clockAt()
  const whole = new Uint8Array(8_192)
  const view = new Uint8Array(8_192).subarray(0, 100)
  new BodyBatches(new PassThrough(), { clock, ownsBuffers: true }).release([whole, view])
  expect([whole.length, view.length]).toEqual([0, 100])
  const kept = new Uint8Array(8_192)
  new BodyBatches(new PassThrough(), { clock }).release([kept])
  expect(kept.length).toBe(8_192)
})
