/** The same manifest asked for again and again on one connection, which is answered without being parsed each time. */

import { Agent, request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

let server: TestServer
let uid = ''
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
beforeAll(async () => {
  server = await startServer()
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  await waitForVideo(server, uid, 'complete')
})
afterAll(async () => {
  agent.destroy()
  await server.stop()
})

type Answer = { readonly status: number; readonly id: string; readonly text: string }

function ask(id: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/${id}/manifest/video.m3u8`, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      const headers = response.headers
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, id: String(headers['x-request-id']), text }),
      )
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function askOften(id: string): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let time = 0; time < 20; time += 1) answers.push(await ask(id))
  return answers
}

const edit = (body: object) => callApi(server, `/stream/${uid}`, { method: 'POST', body })

async function countOf(route: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.includes(`route="${route}"`) && each.includes('_count{'))
  return Number(line?.split(' ').at(-1) ?? 0)
}

test('each answer is whole, has an id of its own and is counted', async () => {
  const answers = await askOften(uid)
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  expect(new Set(answers.map(({ id }) => id)).size).toBe(answers.length)
  expect(await countOf('/{id}/manifest/video.m3u8')).toBe(answers.length)
})

test('what is changed about the video shows in the very next one', async () => {
  const token = (await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST' })).token
  await askOften(uid)
  await edit({ requireSignedURLs: true })
  expect((await ask(uid)).status).toBe(401)
  expect((await askOften(token)).every(({ status }) => status === 200)).toBe(true)
  await edit({ allowedOrigins: ['video.example'] })
  expect((await ask(token)).status).toBe(403)
  await edit({ allowedOrigins: [], requireSignedURLs: false })
  expect((await askOften(uid)).every(({ status }) => status === 200)).toBe(true)
  await callApi(server, `/stream/${uid}`, { method: 'DELETE' })
  expect((await ask(uid)).status).toBe(404)
})
