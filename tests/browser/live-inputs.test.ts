/** The dashboard's pages of live inputs in a real browser against the real program. */

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { type Browsing, startBrowsing } from './pages-browser.ts'

type Input = {
  uid: string
  enabled: boolean
  keysRotatedAt?: string
  preferLowLatency: boolean
  recording: { mode: string }
  rtmp: { url: string; streamKey: string }
}

let server: TestServer
let browsing: Browsing

beforeAll(async () => {
  // Outputs go to this machine, which nobody answers on.
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true', HEADWATER_SRT_PORT: '0' } })
  browsing = await startBrowsing()
})

afterAll(async () => {
  await browsing?.close()
  await server?.stop()
})

async function signIn(page: Page): Promise<void> {
  await page.goto(`${server.url}/`)
  await page.fill('#token', server.token)
  await page.click('button[type=submit]')
  await page.waitForSelector('text=Drop a video here')
}

const getInput = (uid: string) => callApi<Input>(server, `/stream/live_inputs/${uid}`)
const keyOf = (page: Page) => page.getByLabel('Stream key', { exact: true })

test('a live input is made, connected to, switched off and on, given new keys, and deleted', async () => {
  await using visitor = await browsing.visit({ height: 1000 })
  const { page, complaints } = visitor
  await signIn(page)
  await page.click('nav >> text=Live')
  await page.waitForSelector('text=No live inputs yet')
  await page.click('button:has-text("New live input")')
  await page.fill('#input-name', 'Studio two')
  await page.click('button:has-text("Create")')
  await page.waitForURL(/\/live\/[0-9a-f]{32}$/)
  await page.waitForSelector('h1:has-text("Studio two")')
  const uid = page.url().slice(-32)
  const made = await getInput(uid)
  expect(made).toMatchObject({ enabled: true, preferLowLatency: true, recording: { mode: 'automatic' } })

  // The key can be copied without being seen, and is seen once somebody asks.
  expect(await page.getByLabel('Server', { exact: true }).inputValue()).toBe(made.rtmp.url)
  expect(await keyOf(page).inputValue()).toBe(made.rtmp.streamKey)
  expect(await keyOf(page).getAttribute('type')).toBe('password')
  await page.click('button:has-text("Show keys")')
  expect(await keyOf(page).getAttribute('type')).toBe('text')
  await page.waitForSelector('text=keyframe interval')
  await page.click('button:has-text("Hide keys")')
  await page.click('button:has-text("WHIP")')
  expect(await page.getByLabel('WHIP address', { exact: true }).inputValue()).toContain(made.rtmp.streamKey)
  await page.click('button:has-text("OBS (RTMP)")')
  await page.waitForSelector('text=Ready for a broadcast')
  await page.waitForSelector('text=Nobody has connected yet.')
  await page.waitForSelector('text=Each broadcast becomes a video here')
  const player = await (await page.waitForSelector('iframe[title^="Player"]')).contentFrame()
  await player?.waitForSelector('text=Stream has not started yet')

  await page.click('button:has-text("Switch off")')
  await page.click('[role=alertdialog] >> text=Leave it on')
  expect((await getInput(uid)).enabled).toBe(true)
  await page.click('button:has-text("Switch off")')
  await page.click('[role=alertdialog] >> text=Switch it off')
  await page.waitForSelector('text=Switched off')
  expect((await getInput(uid)).enabled).toBe(false)
  await page.click('button:has-text("Switch on")')
  await page.waitForSelector('text=Ready for a broadcast')
  expect((await getInput(uid)).enabled).toBe(true)

  await page.click('button:has-text("New keys")')
  await page.click('[role=alertdialog] >> text=Make new keys >> nth=-1')
  await page.waitForSelector('[role=alertdialog]', { state: 'detached' })
  const rotated = await getInput(uid)
  expect(rotated.rtmp.streamKey).not.toBe(made.rtmp.streamKey)
  await expect.poll(() => keyOf(page).inputValue()).toBe(rotated.rtmp.streamKey)

  await page.click('nav >> text=Live')
  await page.click('h2:has-text("Studio two")')
  await page.click('button:has-text("Delete")')
  await page.click('[role=alertdialog] >> text=Delete for good')
  await page.waitForURL(`${server.url}/live`)
  await page.waitForSelector('text=No live inputs yet')
  expect(await callApi(server, '/stream/live_inputs')).toEqual([])
  expect(complaints).toEqual([])
})

test('outputs are added, switched and removed, and a refusal is told', async () => {
  const { uid } = await callApi<Input>(server, '/stream/live_inputs', { method: 'POST' })
  const outputs = () =>
    callApi<{ url: string; streamKey: string; enabled: boolean }[]>(
      server,
      `/stream/live_inputs/${uid}/outputs`,
    )
  await using visitor = await browsing.visit({ height: 1000 })
  const { page } = visitor
  await signIn(page)
  await page.goto(`${server.url}/live/${uid}`)
  await page.click('button:has-text("Add output")')
  await page.fill('#output-url', 'http://127.0.0.1/app')
  await page.fill('#output-key', 'a-key')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]:has-text("rtmp, rtmps or srt")')
  await page.fill('#output-url', 'rtmp://127.0.0.1/app')
  await page.keyboard.press('Enter')
  await page.waitForSelector('text=Waiting for a broadcast')
  expect(await outputs()).toMatchObject([{ url: 'rtmp://127.0.0.1/app', streamKey: 'a-key', enabled: true }])
  await page.click('[role=switch]')
  await page.waitForSelector('[role=switch][aria-checked=false]')
  expect(await outputs()).toMatchObject([{ enabled: false }])
  await page.click('[aria-label="Remove rtmp://127.0.0.1/app"]')
  await page.waitForSelector('text=Add another service')
  expect(await outputs()).toEqual([])
})

test('an input that is not there is told, and a hostile name is shown as it was written', async () => {
  const name = `<img src=x onerror="window.ran = 1">`
  const { uid } = await callApi<Input>(server, '/stream/live_inputs', {
    method: 'POST',
    body: { meta: { name } },
  })
  await using visitor = await browsing.visit()
  const { page } = visitor
  await signIn(page)
  await page.goto(`${server.url}/live`)
  expect(await (await page.waitForSelector('h2:has-text("window.ran")')).textContent()).toBe(name)
  await page.goto(`${server.url}/live/${uid}`)
  expect(await (await page.waitForSelector('h1:has-text("window.ran")')).textContent()).toBe(name)
  expect(await page.evaluate('window.ran')).toBe(undefined)
  await page.goto(`${server.url}/live/${'0'.repeat(32)}`)
  await page.waitForSelector('text=There is nothing here')
})
