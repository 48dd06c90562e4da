/** Webhooks of the whole program: no kill loses a call, and no receiver keeps anything else waiting. */

import { createHmac } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { HANG, type Received, startReceiver } from '../harness/receiver.ts'
import { notAVideo, sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

const ALLOWED = { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' }

async function setWebhook(server: TestServer, notificationUrl: string): Promise<string> {
  const { secret } = await callApi<{ secret: string }>(server, '/stream/webhook', {
    method: 'PUT',
    body: { notificationUrl },
  })
  return secret
}

/** What a call told; fails when its signature does not fit. */
function read({ headers, body }: Received, secret: string): { uid: string; state: string } {
  const [, time, signature] = /^time=(\d+),sig1=(.*)$/.exec(String(headers['webhook-signature'])) ?? []
  expect(signature).toBe(createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'))
  const { uid, status } = JSON.parse(body) as { uid: string; status: { state: string } }
  return { uid, state: status.state }
}

/** Accepts connections and tells of the first; says nothing on them. */
async function startListener(): Promise<{
  port: number
  connected: Promise<unknown>
  stop(): Promise<void>
}> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connected: once(server, 'connection'),
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

test.each([
  ['ready', () => sample('h264-aac.mp4')],
  ['error', notAVideo],
] as const)('kill -9 between the commit of %s and the call: the next start makes it', async (state, file) => {
  const listener = await startListener()
  let server = await startServer({ env: ALLOWED })
  try {
    const secret = await setWebhook(server, `http://127.0.0.1:${listener.port}/hook`)
    const { uid } = await uploadFile(server, await file())
    // Its connection is what shows that the commit is done; nothing has been read from it yet.
    await listener.connected
    await server.kill()
    await listener.stop()
    await using receiver = await startReceiver(undefined, listener.port)
    server = await server.restart()
    await receiver.until(1)
    expect(receiver.received.map((one) => read(one, secret))).toEqual([{ uid, state }])
    const delivered = async () =>
      (await callApi<{ state: string }[]>(server, '/headwater/webhook-calls?state=delivered')).length
    while ((await delivered()) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  } finally {
    await server.stop()
    await listener.stop().catch(() => undefined)
  }
})

test('kills at any moment of many uploads: every video is told of, to both webhooks', async () => {
  await using main = await startReceiver()
  await using other = await startReceiver()
  let server = await startServer({ env: ALLOWED })
  try {
    await setWebhook(server, main.url)
    await callApi(server, '/headwater/webhooks', {
      method: 'POST',
      body: { url: other.url, events: ['ready'] },
    })
    const uids: string[] = []
    for (const pauseMs of [0, 40, 120]) {
      uids.push((await uploadFile(server, await sample('h264-aac.mp4'))).uid)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      await server.kill()
      server = await server.restart()
    }
    for (const uid of uids) await waitForVideo(server, uid, 'ready')
    const told = (received: readonly Received[]) =>
      new Set(received.map(({ body }) => (JSON.parse(body) as { uid: string }).uid))
    for (const { received } of [main, other]) {
      while (told(received).size < uids.length) await new Promise((resolve) => setTimeout(resolve, 20))
      expect(told(received)).toEqual(new Set(uids))
    }
  } finally {
    await server.stop()
  }
})

test('receivers that hang keep neither videos nor other webhooks waiting, nor the stop of the server', async () => {
  await using hanging = await startReceiver(HANG)
  await using lively = await startReceiver()
  const server = await startServer({ env: ALLOWED })
  try {
    await setWebhook(server, hanging.url)
    for (let count = 0; count < 3; count += 1)
      await callApi(server, '/headwater/webhooks', {
        method: 'POST',
        body: { url: hanging.url, events: ['ready', 'complete'] },
      })
    const uids = []
    for (let count = 0; count < 3; count += 1) {
      const { uid } = await uploadFile(server, await sample('h264-aac.mp4'))
      await waitForVideo(server, uid, 'complete')
      uids.push(uid)
    }
    await hanging.until(4)
    await callApi(server, '/headwater/webhooks', { method: 'POST', body: { url: lively.url } })
    const { uid } = await uploadFile(server, await sample('h264-aac.mp4'))
    await lively.until(1)
    expect(JSON.parse(lively.received[0]?.body ?? '')).toMatchObject({ uid, readyToStream: true })
    expect(hanging.open()).toBeLessThanOrEqual(10)
    // What waited for an answer is given back, and nothing has to be killed.
    expect(await server.stop()).toBe(0)
  } finally {
    await server.stop()
  }
})

test('without being allowed to, the program calls nothing on its own machine', async () => {
  await using receiver = await startReceiver()
  let server = await startServer({ env: ALLOWED })
  try {
    await setWebhook(server, receiver.url)
    server = await server.restart({ HEADWATER_ALLOW_PRIVATE_FETCH: 'false' })
    await expect(setWebhook(server, receiver.url)).rejects.toThrow('127.0.0.1 is a loopback address')
    const { uid } = await uploadFile(server, await notAVideo())
    type Logged = { uid: string; state: string; error: string | null }
    const calls = () => callApi<Logged[]>(server, '/headwater/webhook-calls')
    while (!(await calls()).some(({ error }) => error !== null))
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await calls()).toMatchObject([
      { uid, state: 'pending', error: expect.stringContaining('is a loopback address') },
    ])
    expect(receiver.received).toEqual([])
  } finally {
    await server.stop()
  }
})
