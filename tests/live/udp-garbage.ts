/** What strangers send to a UDP port: noise, and what looks like STUN, DTLS and RTP. */

import { createSocket } from 'node:dgram'
import { seededRandom } from '../faults/seeded-random.ts'

/** Sends a thousand datagrams from a port of its own. */
export async function throwGarbage(port: number): Promise<void> {
  const random = seededRandom(20_261_121)
  const socket = createSocket('udp4')
  const heads = ['', '000100002112a442', '16fefd0000000000000000', '80600001', '80c80006', '0001000c2112a442']
  for (let count = 0; count < 1_000; count += 1) {
    const head = Buffer.from(heads[count % heads.length] ?? '', 'hex')
    const noise = Buffer.from(
      Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)),
    )
    const bytes = Buffer.concat([head, noise])
    await new Promise((resolve) => {
      socket.send(bytes, port, '127.0.0.1', resolve)
    })
  }
  await new Promise<void>((resolve) => {
    socket.close(resolve)
  })
}
