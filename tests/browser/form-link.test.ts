/** One-time form links from a page of another origin, as customers build them: uploads.md §2.7, §5. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { movieBytes } from '../contract/form-fixture.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { send } from '../harness/raw-http.ts'
import { type Browsing, startBrowsing } from './pages-browser.ts'

let api: ApiServer
let shop: Server
let shopUrl = ''
let browsing: Browsing

beforeAll(async () => {
  api = await startApi()
  shop = createServer((request, response) => {
    const action = new URL(request.url ?? '/', shopUrl).searchParams.get('link') ?? ''
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(
      `<!doctype html><title>shop</title><link rel="icon" href="data:,">
       <form method="post" enctype="multipart/form-data" action="${action}">
       <input type="file" name="file"><button>Send</button></form>`,
    )
  })
  await new Promise<void>((resolve) => {
    shop.listen(0, '127.0.0.1', resolve)
  })
  shopUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`
  browsing = await startBrowsing()
})
afterAll(async () => {
  await browsing.close()
  shop.close()
  await api.close()
})

type Link = { readonly uid: string; readonly uploadURL: string }

async function makeLink(): Promise<Link> {
  const answer = await send(api.url, `/client/v4/accounts/${api.accountId}/stream/direct_upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.token}` },
    body: '{"maxDurationSeconds":60}',
  })
  return answer.json().result as Link
}

async function videoOf(uid: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${api.token}` }
  return (await send(api.url, `/client/v4/accounts/${api.accountId}/stream/${uid}`, { headers })).json()
    .result
}

const FILE = { name: 'from a page.mp4', mimeType: 'video/mp4', buffer: movieBytes(3_000_000) }

/** Sends the chosen file and answers status, body and whether progress was told; a refusal to let the page read is 0. */
const SEND_WITH_PROGRESS = `(url) => new Promise((resolve) => {
  const form = new FormData()
  form.append('file', document.querySelector('input').files[0])
  const request = new XMLHttpRequest()
  let progress = 0
  request.upload.onprogress = () => { progress += 1 }
  request.onloadend = () => resolve({ status: request.status, text: request.responseText, told: progress > 0 })
  request.open('POST', url)
  request.setRequestHeader('X-Requested-With', 'XMLHttpRequest')
  request.send(form)
})`

describe('a page of another origin', () => {
  test('sends with progress, after a preflight, and reads the answers, refusals too', async () => {
    const { uid, uploadURL } = await makeLink()
    await using visitor = await browsing.visit()
    await visitor.page.goto(shopUrl)
    await visitor.page.setInputFiles('input', FILE)
    const sendFile = () =>
      visitor.page.evaluate<{ status: number; text: string; told: boolean }>(
        `(${SEND_WITH_PROGRESS})(${JSON.stringify(uploadURL)})`,
      )
    const first = await sendFile()
    expect([first.status, first.told]).toEqual([200, true])
    expect(JSON.parse(first.text)).toMatchObject({ success: true, result: { uid } })
    const second = await sendFile()
    expect([second.status, JSON.parse(second.text).errors[0].code]).toEqual([409, 10007])
    expect(await videoOf(uid)).toMatchObject({
      status: { state: 'queued' },
      size: FILE.buffer.length,
      meta: { name: 'from a page.mp4' },
    })
    expect(visitor.complaints).toEqual([])
  })

  test('sends with a plain form, without a script', async () => {
    const { uid, uploadURL } = await makeLink()
    await using visitor = await browsing.visit()
    await visitor.page.goto(`${shopUrl}/?link=${encodeURIComponent(uploadURL)}`)
    await visitor.page.setInputFiles('input', FILE)
    const [answer] = await Promise.all([
      visitor.page.waitForResponse((response) => response.url() === uploadURL),
      visitor.page.click('button'),
    ])
    expect(answer.status()).toBe(200)
    expect(await videoOf(uid)).toMatchObject({ status: { state: 'queued' }, size: FILE.buffer.length })
  })
})
