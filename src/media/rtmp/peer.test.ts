import { describe, expect, test } from 'vitest'
import { amfObject } from './amf0.ts'
import { findStreamKey, LONGEST_COMMAND_BYTES, readCommand, writeCommand } from './command.ts'
import { HANDSHAKE_RANDOM_BYTES } from './handshake.ts'
import { CONTROL, MESSAGE, type RtmpMessage, u32 } from './message.ts'
import { RtmpPeer } from './peer.ts'

type End = { peer: RtmpPeer; sent: Uint8Array[]; messages: RtmpMessage[]; isReady: () => boolean }

function end(role: 'server' | 'client', fill: number): End {
  const sent: Uint8Array[] = []
  const messages: RtmpMessage[] = []
  let ready = false
  const peer = new RtmpPeer({
    role,
    random: new Uint8Array(HANDSHAKE_RANDOM_BYTES).fill(fill),
    maxMessageBytes: 10_000_000,
    write: (bytes) => sent.push(bytes),
    onReady: () => {
      ready = true
    },
    onMessage: (message) => messages.push(message),
  })
  return { peer, sent, messages, isReady: () => ready }
}

/** Carries bytes to and fro until nobody has anything to say, in pieces of `step`. */
function talk(left: End, right: End, step = 100_000): void {
  while (left.sent.length + right.sent.length > 0) {
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      for (const bytes of from.sent.splice(0)) {
        for (let at = 0; at < bytes.byteLength; at += step) to.peer.receive(bytes.subarray(at, at + step))
      }
    }
  }
}

function connected(step?: number): { client: End; server: End } {
  const [client, server] = [end('client', 1), end('server', 2)]
  client.peer.begin()
  talk(client, server, step)
  expect([client.isReady(), server.isReady()]).toEqual([true, true])
  return { client, server }
}

const video = (length: number): Parameters<RtmpPeer['send']>[0] => ({
  chunkStreamId: 6,
  type: MESSAGE.video,
  streamId: 1,
  timestamp: 0,
  payload: new Uint8Array(length),
})

describe('a connection', () => {
  test.each([100_000, 1, 1000])('shakes hands and carries messages, in pieces of %i bytes', (step) => {
    const { client, server } = connected(step)
    client.peer.setChunkSize(1000)
    client.peer.send(video(5000))
    talk(client, server, step)
    expect(server.messages.map(({ payload }) => payload.byteLength)).toEqual([5000])
  })

  test('what follows the handshake in the same bytes is not lost', () => {
    const [client, server] = [end('client', 1), end('server', 2)]
    client.peer.begin()
    const [hello = new Uint8Array()] = client.sent.splice(0)
    server.peer.receive(hello)
    const [answer = new Uint8Array()] = server.sent.splice(0)
    client.peer.receive(answer)
    client.peer.send(video(10))
    server.peer.receive(Buffer.concat(client.sent.splice(0)))
    expect(server.messages.length).toBe(1)
  })

  test('answers a ping, and tells what has arrived after each window', () => {
    const { client, server } = connected()
    client.peer.control(MESSAGE.windowAcknowledgementSize, u32(3000))
    client.peer.event(CONTROL.pingRequest, 77)
    talk(client, server)
    client.peer.send(video(4000))
    server.peer.receive(Buffer.concat(client.sent.splice(0)))
    // Its type stands before the stream, if that is not the last one's; the count at the end.
    const [acknowledgement = new Uint8Array()] = server.sent
    expect(acknowledgement[7]).toBe(MESSAGE.acknowledgement)
    expect(new DataView(acknowledgement.buffer).getUint32(acknowledgement.byteLength - 4)).toBeGreaterThan(
      4000,
    )
  })

  test.each([
    [0x47, /begins with byte 71, expected 3/],
    [0x16, /begins with byte 22.*looks like TLS/],
    [0x06, /RTMPE/],
  ])('a first byte of %i is refused at once', (byte, sentence) => {
    expect(() => end('server', 2).peer.receive(Uint8Array.of(byte))).toThrow(sentence)
  })
})

describe('a command', () => {
  const payload = writeCommand('connect', 1, amfObject({ app: 'live' }), 'more')

  test.each([
    ['AMF 0', MESSAGE.command, payload],
    ['AMF 3 with its first byte', MESSAGE.commandAmf3, Uint8Array.of(0, ...payload)],
    ['AMF 3 without it', MESSAGE.commandAmf3, payload],
  ])('is read in %s', (_, type, bytes) => {
    expect(readCommand({ type, streamId: 0, timestamp: 0, payload: bytes })).toEqual({
      name: 'connect',
      transaction: 1,
      object: new Map([['app', 'live']]),
      args: ['more'],
    })
  })

  test.each([
    ['without a name', Uint8Array.of(5), /has no name/],
    ['longer than any', new Uint8Array(LONGEST_COMMAND_BYTES + 1), /has 65537 bytes, expected at most 65536/],
  ])('%s is refused', (_, bytes, sentence) => {
    expect(() => readCommand({ type: MESSAGE.command, streamId: 0, timestamp: 0, payload: bytes })).toThrow(
      sentence,
    )
  })
})

describe('the key of a stream', () => {
  const key = `${'0123456789abcdef'.repeat(2)}k${'fedcba9876543210'.repeat(2)}`

  test.each([
    ['live', key],
    ['live/', `${key}/`],
    ['live', `${key}?backup=1`],
    ['live', `/${key}`],
    [`live/${key}`, ''],
    [key, ''],
    [key, 'stream'],
    [`live/${key}?x=/y`, 'stream'],
    ['', `live/${key}`],
  ])('is found in %j and %j', (app, name) => {
    expect(findStreamKey(app, name)).toBe(key)
  })

  test.each([
    ['live', 'wrong', 'wrong'],
    ['live', '', 'live'],
    ['', '', ''],
  ])('is the last word of %j and %j where there is none', (app, name, found) => {
    expect(findStreamKey(app, name)).toBe(found)
  })
})
