/**
 * A webhook receiver in Node, without any packages: it sets itself as the account's webhook, checks the signature of
 * every call, and prints what became of each video.
 *
 * Runs with the variables of README.md. `WEBHOOK_URL` is the address under which Headwater reaches it; without it, it is
 * this machine, which Headwater calls only with HEADWATER_ALLOW_PRIVATE_FETCH=true.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

const { HEADWATER_PUBLIC_URL, HEADWATER_ACCOUNT_ID, HEADWATER_API_TOKEN, PORT = '3000' } = process.env

/** Calls signed longer ago may be repetitions by somebody who overheard one. */
const OLDEST_SECONDS = 300
const MOST_BYTES = 1_048_576

/** Of calls that came once already; the same one comes again when its answer was lost. */
const seen = new Set()

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})

async function answer(request, response) {
  // The signature is over the bytes as they were sent: they must not be parsed and written again before it is checked.
  const body = await readBody(request)
  if (body === undefined) response.writeHead(413).end()
  else if (isSigned(request.headers['webhook-signature'], body)) {
    // Answered first: whatever takes longer than a moment belongs behind the answer.
    response.writeHead(204).end()
    take(request.headers['headwater-call'], JSON.parse(body.toString('utf8')))
  } else {
    console.log('refused: not signed with our secret, or too old')
    response.writeHead(401).end()
  }
}

server.listen(Number(PORT), '127.0.0.1')
await once(server, 'listening')
const url = process.env.WEBHOOK_URL ?? `http://127.0.0.1:${server.address().port}/`
const secret = await setWebhook(url)
console.log(`listening for calls to ${url}`)

function take(call, video) {
  if (seen.has(call)) return
  seen.add(call)
  if (video.status.state === 'ready') console.log(`ready ${video.uid} ${video.preview}`)
  else console.log(`failed ${video.uid} ${video.status.errorReasonCode}: ${video.status.errorReasonText}`)
}

async function setWebhook(notificationUrl) {
  const response = await fetch(
    `${HEADWATER_PUBLIC_URL}/client/v4/accounts/${HEADWATER_ACCOUNT_ID}/stream/webhook`,
    {
      method: 'PUT',
      headers: { Authorization: `Bearer ${HEADWATER_API_TOKEN}` },
      body: JSON.stringify({ notificationUrl }),
    },
  )
  if (!response.ok) throw new Error(await response.text())
  const { result } = await response.json()
  return result.secret
}

function isSigned(header, body) {
  const [, time, signature] = /^time=(\d+),sig1=([0-9a-f]{64})$/.exec(header ?? '') ?? []
  if (time === undefined || Math.abs(Date.now() / 1000 - Number(time)) > OLDEST_SECONDS) return false
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}

async function readBody(request) {
  const pieces = []
  let bytes = 0
  for await (const piece of request) {
    bytes += piece.length
    if (bytes > MOST_BYTES) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
