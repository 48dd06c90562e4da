import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../../tests/faults/seeded-random.ts'
import { announceCommit } from '../lib/commit-signal.ts'
import { RepeatedRequests } from './repeated-requests.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** Answers with what it was asked, and lets answers to `/kept…` be kept. `repeats: false` is node alone. */
async function startServer({ repeats = true, peersDiffer = false } = {}) {
  const db = {}
  announceCommit(db)
  const time = { ms: 1_000 }
  const counts = { parsed: 0, repeated: 0 }
  const repeated = new RepeatedRequests({
    db,
    peersDiffer,
    clock: {
      nowUs: () => time.ms * 1_000,
      monotonicMs: () => time.ms,
      sleep: async () => {},
      newUid: () => 'an id',
      newSecret: () => '',
    },
    onAnswered: () => {
      counts.repeated += 1
    },
  })
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse, bodyBytes: number) => {
    const { method = '', url = '', headers } = incoming
    const text = `${method} ${url} ${String(headers['x-more'] ?? '-')} ${bodyBytes}.`
    outgoing.setHeader('x-request-id', 'an id')
    outgoing.setHeader('content-length', text.length)
    if (repeats && url.startsWith('/kept')) {
      const secondsLeft = url.includes('ends') ? 0.5 : null
      repeated.keep({ incoming, outgoing }, { route: 'r', body: text, secondsLeft })
    }
    outgoing.end(text)
  }
  const server = createServer((incoming, outgoing) => {
    counts.parsed += 1
    repeated.begin(incoming, outgoing)
    let bodyBytes = 0
    // Answered before its body has come, as a refusal is.
    if (incoming.url === '/refused') answer(incoming, outgoing, 0)
    else {
      incoming.on('data', (bytes: Buffer) => {
        bodyBytes += bytes.byteLength
      })
      incoming.on('end', () => answer(incoming, outgoing, bodyBytes))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { port, db, time, counts, repeated }
}

/** A connection that writes what it is told and collects what comes. */
async function open(port: number) {
  const socket: Socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  await once(socket, 'connect')
  let got = ''
  socket.on('data', (bytes: Buffer) => {
    got += bytes.toString('latin1')
  })
  socket.on('error', () => {})
  const send = (text: string) => new Promise<void>((resolve) => socket.write(text, 'latin1', () => resolve()))
  return {
    socket,
    send,
    /** All answers so far, once there are `count` of them. */
    answers: async (count: number) => {
      const all = () => got.split(/(?=HTTP\/1\.1 )/).filter((each) => each !== '')
      await expect.poll(() => all().length, QUICKLY).toBe(count)
      return all()
    },
    /** Sends, and waits for the one answer. */
    ask: async (text: string) => {
      got = ''
      await send(text)
      await expect.poll(() => got, QUICKLY).toMatch(/\.$/)
      return got
    },
  }
}

const QUICKLY = { interval: 1, timeout: 15_000 }
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`
const bodyOf = (answer: string | undefined) => answer?.split('\r\n\r\n')[1]

/** Makes the words known: of the first the connection is watched, behind the second a request begins for sure. */
async function teach(connection: Awaited<ReturnType<typeof open>>, words: string): Promise<void> {
  for (let time = 0; time < 3; time += 1) await connection.ask(words)
}

describe('a request in the very words of one before', () => {
  test('is answered without the parser, as the parser would have', async () => {
    const { port, counts } = await startServer()
    const plain = await startServer({ repeats: false })
    const connection = await open(port)
    await teach(connection, get('/kept'))
    expect(counts).toEqual({ parsed: 3, repeated: 0 })
    const answer = await connection.ask(get('/kept'))
    expect(counts).toEqual({ parsed: 3, repeated: 1 })
    const asParsed = await (await open(plain.port)).ask(get('/kept'))
    const linesOf = (text: string) =>
      text
        .toLowerCase()
        .split('\r\n')
        .filter((line) => !/^(?:date|keep-alive):/.test(line))
        .toSorted()
    expect(linesOf(answer)).toEqual(linesOf(asParsed))
    expect(answer).toMatch(/\r\ndate: Thu, 01 Jan 1970 00:00:01 GMT\r\n/)
  })

  test('is known on every connection, and any other letter makes it another', async () => {
    const { port, counts } = await startServer()
    await teach(await open(port), get('/kept'))
    const connection = await open(port)
    await connection.ask(get('/kept'))
    await connection.ask(get('/kept'))
    expect(counts.repeated).toBe(0)
    expect(bodyOf(await connection.ask(get('/kept')))).toBe('GET /kept - 0.')
    expect(counts.repeated).toBe(1)
    expect(bodyOf(await connection.ask(get('/kept', 'x-more: 1\r\n')))).toBe('GET /kept 1 0.')
    expect(counts.repeated).toBe(1)
  })

  test.each([
    { when: 'after a commit', change: ({ db }: Server) => announceCommit(db), path: '/kept' },
    { when: 'after a second', change: ({ time }: Server) => (time.ms += 1_000), path: '/kept' },
    { when: 'when its token has ended', change: ({ time }: Server) => (time.ms += 500), path: '/kept-ends' },
    { when: 'once the server stops', change: ({ repeated }: Server) => repeated.stop(), path: '/kept' },
  ])('is parsed again $when', async ({ change, path }) => {
    const server = await startServer()
    const connection = await open(server.port)
    await teach(connection, get(path))
    await connection.ask(get(path))
    change(server)
    await connection.ask(get(path))
    expect(server.counts).toEqual({ parsed: 4, repeated: 1 })
  })

  test.each([
    get('/other'),
    get('/kept', 'Connection: close\r\n'),
    get('/kept', 'Expect: 100-continue\r\n'),
    'GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'HEAD /other HTTP/1.1\r\nHost: h\r\n\r\n',
  ])('goes to the parser each time: %j', async (words) => {
    const { port, counts } = await startServer()
    for (let time = 0; time < 3; time += 1) {
      const connection = await open(port)
      await teach(connection, get('/kept-too'))
      const { parsed } = counts
      await connection.send(words)
      await expect.poll(() => counts.parsed, QUICKLY).toBe(parsed + 1)
      connection.socket.destroy()
    }
  })
})

type Server = Awaited<ReturnType<typeof startServer>>

describe('words that are no request of their own', () => {
  test('in a body are a body', async () => {
    const { port, counts } = await startServer()
    const words = get('/kept')
    for (const path of ['/post', '/refused']) {
      const connection = await open(port)
      await teach(connection, words)
      const parsed = counts.parsed
      await connection.send(`POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${words.length * 2}\r\n\r\n`)
      for (let time = 0; time < 2; time += 1) {
        await nextTurn()
        await connection.send(words)
      }
      await expect.poll(() => counts.parsed, QUICKLY).toBe(parsed + 1)
      await connection.send(get('/last'))
      await expect.poll(() => counts.parsed, QUICKLY).toBe(parsed + 2)
      connection.socket.destroy()
    }
  })

  test('behind a head that is not whole do not become known as what that head asks', async () => {
    const { port, db, counts } = await startServer()
    const words = get('/kept-other')
    const victim = await open(port)
    await teach(victim, get('/kept-mine'))
    for (const before of [0, 1, 2]) {
      const attacker = await open(port)
      for (let time = 0; time < before; time += 1) await attacker.ask(get('/kept-first'))
      const { parsed } = counts
      await attacker.send(`${get('/kept-first')}GET /kept-secret HTTP/1.1\r\nHost: h\r\nx-more: `)
      await expect.poll(() => counts.parsed, QUICKLY).toBe(parsed + 1)
      await nextTurn()
      await attacker.send(words)
      await expect.poll(() => counts.parsed, QUICKLY).toBe(parsed + 2)
      expect(bodyOf(await victim.ask(words))).toBe('GET /kept-other - 0.')
      attacker.socket.destroy()
      // What the victim's question has made known must not hide what the next attacker does.
      announceCommit(db)
      await victim.ask(get('/kept-mine'))
    }
  })

  test('of another peer are its own where peers differ', async () => {
    const { port, counts } = await startServer({ peersDiffer: true })
    const connection = await open(port)
    await teach(connection, get('/kept'))
    await connection.ask(get('/kept'))
    expect(counts.repeated).toBe(1)
  })
})

test('whatever is sent, in whatever pieces, is answered as by node alone', async () => {
  const { port, counts } = await startServer()
  const plain = await startServer({ repeats: false })
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = seededRandom(seed)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
    const requests = Array.from({ length: 12 }, () => makeRequest(pick))
    const stream = requests.join('')
    const cuts = requests.map((_, index) => requests.slice(0, index).join('').length)
    // Each waits for the answer to the one before, as clients do; or nobody waits, and they are cut anywhere.
    const patient = random() < 0.6
    const wild = patient ? [] : Array.from({ length: 3 }, () => Math.floor(random() * stream.length))
    const at = [...cuts, ...wild].filter((cut) => cut > 0).toSorted((a, b) => a - b)
    const pieces = [...at, stream.length].map((cut, index) => stream.slice(at[index - 1] ?? 0, cut))
    const heard = await Promise.all(
      [port, plain.port].map((each) => play(each, { pieces, patient, count: requests.length })),
    )
    expect(heard[0], `seed ${seed}`).toEqual(heard[1])
  }
  expect(counts.repeated).toBeGreaterThan(50)
})

type Script = { readonly pieces: readonly string[]; readonly patient: boolean; readonly count: number }

function makeRequest(pick: <T>(items: readonly T[]) => T): string {
  const words = get(pick(['/kept', '/kept', '/kept-b', '/plain']), pick(['', '', 'x-more: 1\r\n']))
  const body = pick([words, words + words, 'text'])
  return pick([
    ...Array.from({ length: 12 }, () => words),
    `POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    `POST /post HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    `GET /kept HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  ])
}

/** The bodies of the answers, in order. */
async function play(port: number, { pieces, patient, count }: Script): Promise<(string | undefined)[]> {
  const connection = await open(port)
  for (const [index, piece] of pieces.entries()) {
    await connection.send(piece)
    if (patient) await connection.answers(index + 1)
    else await nextTurn()
  }
  const answers = await connection.answers(count)
  connection.socket.destroy()
  return answers.map(bodyOf)
}
