import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer, waitForVideo } from '../harness/server.ts'
import { withFolder } from './own-folder.ts'
import { makeSources } from './sources.ts'
import { uploadBytes } from './tus-lines.ts'

/** A moov that claims 64 GiB: whoever believes it asks for as much memory. */
function hugeMoov(): Buffer {
  const fileType = Buffer.concat([uint32(20), ascii('ftypisom'), uint32(512), ascii('isom')])
  const header = Buffer.concat([uint32(1), ascii('moov'), uint64(64n * 2n ** 30n)])
  return Buffer.concat([fileType, header, Buffer.alloc(100_000)])
}

/** A moov whose one sample table claims four thousand million samples. */
function hugeSampleTable(): Buffer {
  const stsz = box('stsz', uint32(0), uint32(0), uint32(0xffff_fff0))
  const stbl = box('stbl', stsz)
  const moov = box('moov', box('trak', box('mdia', box('minf', stbl))))
  return Buffer.concat([
    box('ftyp', ascii('isom'), uint32(512), ascii('isom')),
    moov,
    box('mdat', Buffer.alloc(5000)),
  ])
}

const NESTED = Array.from({ length: 2_000 }).reduce<Buffer>((inner) => box('moov', inner), Buffer.alloc(0))

const LIES: readonly [what: string, bytes: () => Promise<Buffer> | Buffer, code: RegExp][] = [
  ['text renamed to .mp4', () => ascii('This is not a video.\n'.repeat(20_000)), /ERR_NON_VIDEO/],
  ['nothing but zeros', () => Buffer.alloc(300_000), /ERR_NON_VIDEO/],
  [
    'a playlist renamed to .mp4 that names a file of the server',
    () => ascii('#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'),
    /ERR_NON_VIDEO/,
  ],
  ['an ffconcat script', () => ascii("ffconcat version 1.0\nfile '/etc/passwd'\n"), /ERR_NON_VIDEO/],
  ['half an MP4 whose index comes first', () => truncated('first'), /ERR_MALFORMED_VIDEO|ERR_NON_VIDEO/],
  ['half an MP4 whose index comes last', () => truncated('last'), /ERR_MALFORMED_VIDEO|ERR_NON_VIDEO/],
  ['a moov of 64 GiB', hugeMoov, /ERR_MALFORMED_VIDEO|ERR_NON_VIDEO/],
  ['a sample table of four thousand million entries', hugeSampleTable, /ERR_MALFORMED_VIDEO|ERR_NON_VIDEO/],
  ['boxes in boxes, two thousand deep', () => NESTED, /ERR_MALFORMED_VIDEO|ERR_NON_VIDEO/],
]

/** A stranger's file may not make the server grow by more than this. */
const MAX_GROWTH_BYTES = 200 * 2 ** 20

let server: TestServer
let sourceFolder = ''
const ended = Promise.withResolvers<void>()
let cleaned: Promise<void> = Promise.resolve()

beforeAll(async () => {
  const started = Promise.withResolvers<void>()
  cleaned = withFolder(async (folder) => {
    sourceFolder = folder
    await makeSources(folder)
    server = await startServer({ dataDir: join(folder, 'data') })
    started.resolve()
    await ended.promise
    await server.stop()
  })
  cleaned.catch(started.reject)
  await started.promise
})

afterAll(async () => {
  ended.resolve()
  await cleaned
})

test.each(LIES)(
  '%s ends with one clear error, and the server is as well as before',
  async (_, bytes, code) => {
    const before = residentBytes(server.pid)
    const upload = await uploadBytes(server, 'holiday.mp4', await bytes())
    const { status } = await waitForVideo(server, upload.uid, 'error')
    expect(status.errorReasonCode).toMatch(code)
    expect(status.errorReasonText).toMatch(/^\S.*\w.*$/)
    expect(status.errorReasonText).not.toMatch(/\/etc\/passwd|root:|undefined|\bat \w+ \(/)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    expect(residentBytes(server.pid) - before).toBeLessThan(MAX_GROWTH_BYTES)
  },
)

/** The first half of a source whose index comes first (`faststart`) or last. */
async function truncated(index: 'first' | 'last'): Promise<Buffer> {
  const whole = await readFile(join(sourceFolder, index === 'first' ? 'index-first.mp4' : 'passthrough.mp4'))
  return whole.subarray(0, whole.length >> 1)
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

function box(type: string, ...payload: readonly Buffer[]): Buffer {
  const body = Buffer.concat(payload)
  return Buffer.concat([uint32(8 + body.length), ascii(type), body])
}

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
