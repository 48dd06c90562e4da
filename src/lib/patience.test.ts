import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Patience } from './patience.ts'

test('it runs out after its time, once', async () => {
  const begun = performance.now()
  let calls = 0
  await new Promise<void>((resolve) => {
    const patience = new Patience(100, () => {
      calls += 1
      resolve()
    })
    expect(patience).toBeDefined()
  })
  expect(performance.now() - begun).toBeGreaterThan(90)
  await sleep(150)
  expect(calls).toBe(1)
})

test('it begins anew when it is told, and never runs out when it is stopped', async () => {
  let calls = 0
  const patience = new Patience(400, () => {
    calls += 1
  })
  for (let times = 0; times < 4; times++) {
    await sleep(150)
    patience.refresh()
  }
  expect(calls).toBe(0)
  patience.stop()
  await sleep(500)
  expect(calls).toBe(0)
})

test('the time in which the process was stopped does not count', async () => {
  const module = new URL('./patience.ts', import.meta.url).href
  const script = `
    import { Patience } from ${JSON.stringify(module)}
    new Patience(1_000, () => console.log('late'))
    console.log('begun')`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script])
  const said: [text: string, ms: number][] = []
  child.stdout.on('data', (bytes: Buffer) => said.push([bytes.toString().trim(), performance.now()]))
  await expect.poll(() => said.length).toBe(1)
  child.kill('SIGSTOP')
  await sleep(1_500)
  child.kill('SIGCONT')
  const resumed = performance.now()
  await once(child, 'exit')
  expect(said.map(([text]) => text)).toEqual(['begun', 'late'])
  // Of its second it has had next to nothing before.
  expect((said[1]?.[1] ?? 0) - resumed).toBeGreaterThan(600)
})
