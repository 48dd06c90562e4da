/** Clients of the RTMP server that do one thing after the other, and a server for them. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import { openRtmpServer, type RtmpServerOptions } from '../../src/adapters/rtmp/server.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { AmfValue } from '../../src/media/rtmp/amf-bytes.ts'
import { amfObject } from '../../src/media/rtmp/amf0.ts'
import { readCommand, textOf, writeCommand } from '../../src/media/rtmp/command.ts'
import { MESSAGE, type RtmpMessage } from '../../src/media/rtmp/message.ts'
import { RtmpPeer } from '../../src/media/rtmp/peer.ts'
import type { LiveServer } from '../../src/live-ports.ts'
import { PUBLISH_KEY, type TestDoor } from '../live/test-door.ts'

/** A client that has shaken hands, or is about to. */
export class Client {
  readonly socket: Socket
  readonly peer: RtmpPeer
  readonly messages: RtmpMessage[] = []
  readonly ready: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    let onReady = (): void => {}
    this.ready = new Promise((resolve) => {
      onReady = resolve
    })
    this.peer = new RtmpPeer({
      role: 'client',
      random: new Uint8Array(1528),
      maxMessageBytes: 10_000_000,
      write: (bytes) => socket.write(bytes),
      onReady,
      onMessage: (message) => this.messages.push(message),
    })
    socket.on('data', (bytes: Uint8Array) => this.peer.receive(bytes))
    this.peer.begin()
  }

  call(name: string, streamId: number, ...args: readonly AmfValue[]): void {
    const [object, ...rest] = name === 'connect' ? args : [null, ...args]
    const payload = writeCommand(name, 1, object, ...rest)
    this.peer.send({ chunkStreamId: 3, type: MESSAGE.command, streamId, timestamp: 0, payload })
  }

  send(tag: { type: number; payload: Uint8Array }, timestamp: number): void {
    this.peer.send({ ...tag, chunkStreamId: tag.type === MESSAGE.video ? 6 : 4, streamId: 1, timestamp })
  }

  /** Codes of the statuses so far. */
  get codes(): string[] {
    return this.messages
      .filter(({ type }) => type === MESSAGE.command)
      .map((message) => textOf(readCommand(message).args[0], 'code'))
      .filter((code) => code.startsWith('NetStream'))
  }

  /** The last status of the kind `error`. */
  get refusal(): string {
    const infos = this.messages
      .filter(({ type }) => type === MESSAGE.command)
      .map((message) => readCommand(message).args[0])
    return textOf(
      infos.findLast((info) => textOf(info, 'level') === 'error'),
      'description',
    )
  }
}

/** A server and whoever has come to it; `end` after each test. */
export class RtmpStage {
  #server: LiveServer | undefined
  readonly #sockets: Socket[] = []

  get port(): number {
    return this.#server?.ports['rtmp'] ?? 0
  }

  async open(door: TestDoor, limits: RtmpServerOptions['limits'] = {}): Promise<void> {
    this.#server = await openRtmpServer({
      door,
      log: silentLog,
      host: '127.0.0.1',
      port: 0,
      rtmps: null,
      limits,
    })
  }

  async dial(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.port })
    this.#sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  /** Connected, with a stream, and asked for one thing. */
  async ask(what: 'publish' | 'play', key: string): Promise<Client> {
    const client = new Client(await this.dial())
    await client.ready
    client.call('connect', 0, amfObject({ app: 'live' }))
    client.call('createStream', 0)
    client.call(what, 1, key)
    return client
  }

  /** Let in. */
  async publish(): Promise<Client> {
    const client = await this.ask('publish', PUBLISH_KEY)
    await expect.poll(() => client.codes).toContain('NetStream.Publish.Start')
    return client
  }

  async stop(): Promise<void> {
    await this.#server?.close()
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.destroy()
    await this.stop()
    this.#server = undefined
  }
}

/** Resolves when the server has closed it, in whatever way. */
export async function closed(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}
