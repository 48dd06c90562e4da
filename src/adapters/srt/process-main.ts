/**
 * The SRT process: libsrt and nothing else. It is started by `SrtProcess`, is told what to do over file descriptor 3 and tells
 * there what happens; over 4 it asks who a caller is, and waits, since libsrt's handshake does. It ends when either pipe does,
 * which is what remains of it after a crash of the server: nothing.
 */

import { readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { FRAME, type Frame, FrameReader, readJsonBody, writeFrameHead, writeJsonFrame } from './frames.ts'
import { type HandshakeAnswer, REJECT } from './handshake.ts'
import { loadLibSrt } from './libsrt.ts'
import { SrtSockets } from './sockets.ts'

const TALK_FD = 3
const ASK_FD = 4
/** What may wait to be taken by the server before nothing more is read from callers. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024
const ANSWER_BYTES = 64 * 1024

const talk = new Socket({ fd: TALK_FD, readable: true, writable: true })

/** No handle of node's or thread of libsrt's can keep this from ending. */
function leave(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

function say(kind: Frame['kind'], connection: number, value: unknown): void {
  talk.write(writeJsonFrame(kind, connection, value))
}

/** Asks the server about a caller; the whole process waits, for as long as the server allows itself. */
function askServer(caller: { streamId: string; remote: string }): HandshakeAnswer {
  writeSync(ASK_FD, writeJsonFrame(FRAME.ask, 0, caller))
  const reader = new FrameReader()
  const bytes = Buffer.alloc(ANSWER_BYTES)
  for (;;) {
    const length = readSync(ASK_FD, bytes)
    if (length === 0) leave()
    const [frame] = reader.push(bytes.subarray(0, length))
    if (frame === undefined) continue
    const { passphrase, reject } = readJsonBody(frame.body)
    if (typeof passphrase === 'string') return { passphrase }
    return { reject: typeof reject === 'number' ? reject : REJECT.unavailable }
  }
}

function start(): SrtSockets | undefined {
  try {
    const srt = loadLibSrt()
    say(FRAME.ready, 0, { version: srt.version, library: srt.library })
    return new SrtSockets(srt, {
      ask: askServer,
      say,
      data: (connection, pieces) => {
        const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
        talk.write(Buffer.concat([writeFrameHead(FRAME.data, connection, length), ...pieces]))
      },
      hasRoom: () => talk.writableLength < MOST_WAITING_BYTES,
    })
  } catch (error) {
    say(FRAME.ready, 0, { missing: error instanceof Error ? error.message : 'it could not be loaded' })
    return undefined
  }
}

async function obey(sockets: SrtSockets, { kind, connection, body }: Frame): Promise<void> {
  switch (kind) {
    case FRAME.listen:
      return sockets.listen(readJsonBody(body))
    case FRAME.dial:
      return sockets.dial(connection, readJsonBody(body))
    case FRAME.receive:
      return sockets.receive(connection)
    case FRAME.send:
      return sockets.send(connection, body)
    case FRAME.hangUp:
      return sockets.hangUp(connection)
    case FRAME.stop:
      await sockets.stop()
      return leave()
    default:
      throw new Error(`A frame of kind ${kind} is not for this end.`)
  }
}

const sockets = start()
const reader = new FrameReader()
talk.on('data', (bytes: Buffer) => {
  for (const frame of reader.push(bytes)) {
    if (sockets !== undefined) void obey(sockets, frame)
    else if (frame.kind === FRAME.stop) leave()
  }
})
talk.on('close', leave)
talk.on('error', leave)
if (sockets !== undefined) await sockets.run()
