import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folderPaths } from '../../src/adapters/folder/paths.ts'
import { dataFolder } from '../../src/config/data-folder.ts'
import { movieBytes } from '../contract/form-fixture.ts'
import { CREDENTIALS, environmentOf, withFolder } from './own-folder.ts'
import { startProgram } from './program.ts'
import { type Access, askOffset, type ClientUpload, sendChunk } from './tus-lines.ts'
import {
  checkFormOrder,
  checkWriteOrder,
  parseTrace,
  TRACED_CALLS,
  type TracedCall,
  type TracedUpload,
} from './write-order.ts'

const MIB = 2 ** 20

const RECORDED: TracedUpload = {
  uid: 'cafe',
  lengthBytes: 30,
  draftsFolder: '/d/drafts',
  walFile: '/d/db-wal',
}
/** Two chunks as the server writes them, shortened. */
const TRACE = String.raw`
11 pwritev(26</d/drafts/1>, [{iov_base="ab"..., iov_len=20}], 1, 0) = 20
11 fdatasync(26</d/drafts/1> <unfinished ...>
12 fsync(30</d/drafts>)    = 0
11 <... fdatasync resumed>) = 0
13 pwrite64(45</d/db-wal>, "\0\2cafe\0241\0"..., 4096, 0) = 4096
13 fsync(45</d/db-wal>)    = 0
10 write(24<socket:[7]>, "HTTP/1.1 204 No Content\r\nupload-offset: 20\r\n\r\n", 44) = 44
11 pwritev(26</d/drafts/1>, [{iov_base="cd"..., iov_len=10}], 1, 20) = 10
11 fdatasync(26</d/drafts/1>) = 0
13 pwrite64(45</d/db-wal>, "\0\2cafe\0361\0"..., 4096, 4096) = 4096
13 fsync(45</d/db-wal>)    = 0
12 rename("/d/drafts/1", "/d/blobs/cafe") = 0
12 fsync(31</d/blobs>)     = 0
13 pwrite64(45</d/db-wal>, "\0\2cafe\36\0"..., 4096, 8192) = 4096
13 fsync(45</d/db-wal>)    = 0
10 writev(24<socket:[7]>, [{iov_base="HTTP/1.1 204 No Content\r\nupload-offset: 30\r\n\r\n", iov_len=44}], 1) = 44
`

/** Servers that promise too much: the same calls in another order, or fewer of them. */
const LIARS: readonly [
  what: string,
  spoil: (calls: readonly TracedCall[], upload: TracedUpload) => TracedCall[],
][] = [
  ['never syncs its bytes', (calls) => calls.filter(({ name }) => name !== 'fdatasync')],
  [
    'syncs its bytes before it writes them',
    (calls) => moveSyncs(calls, ({ name }) => name === 'fdatasync', -100_000),
  ],
  ['syncs its bytes only after the record', syncBytesAfterRecord],
  [
    'never syncs the record',
    (calls, { walFile }) => calls.filter(({ name, path }) => name !== 'fsync' || path !== walFile),
  ],
  [
    'answers before the record is synced',
    (calls, { walFile }) => moveSyncs(calls, ({ path }) => path === walFile, 100_000),
  ],
  [
    'records something else',
    (calls, { walFile }) => calls.map((call) => (call.path === walFile ? { ...call, text: '' } : call)),
  ],
  [
    'records no other offset than the first',
    (calls, { uid, walFile }) => {
      const first = calls.find(({ path, text }) => path === walFile && text.includes(uid))
      return calls.map((call) =>
        first && call.path === walFile && call.text.includes(uid) ? { ...call, text: first.text } : call,
      )
    },
  ],
  [
    'leaves a gap in its bytes',
    (calls, { draftsFolder }) => {
      const gap = calls.find(({ name, path }) => name === 'pwritev' && path.startsWith(draftsFolder))
      return calls.filter((call) => call !== gap)
    },
  ],
  [
    'writes its bytes again after their sync',
    (calls, { draftsFolder }) =>
      calls.flatMap((call) => {
        if (call.name !== 'fdatasync' || !call.path.startsWith(draftsFolder)) return [call]
        const written = calls.findLast(({ name, path, end }) => {
          return name === 'pwritev' && path === call.path && end < call.start
        })
        return written ? [call, { ...written, start: call.end + 0.1, end: call.end + 0.2 }] : [call]
      }),
  ],
  [
    'never syncs the name of the draft',
    (calls, { draftsFolder }) => calls.filter(({ path }) => path !== draftsFolder),
  ],
  [
    'never syncs the name of the source',
    (calls) => calls.filter(({ name, path }) => name !== 'fsync' || !path.includes('/blobs')),
  ],
  [
    'finishes before the source has its place',
    (calls) => calls.filter(({ name }) => !name.startsWith('rename')),
  ],
]

describe('the checker', () => {
  test('finds nothing in the right order, with calls of several threads at once', () => {
    expect(checkWriteOrder(parseTrace(TRACE), RECORDED)).toEqual({ claims: 2, broken: [] })
  })

  test.each(LIARS)('notices a server that %s', (_, spoil) => {
    expect(checkWriteOrder(spoil(parseTrace(TRACE), RECORDED), RECORDED).broken).not.toEqual([])
  })

  test('does not count a sync that failed or had not ended', () => {
    const failed = TRACE.replace(
      'fdatasync resumed>) = 0',
      'fdatasync resumed>) = -1 EIO (Input/output error)',
    )
    expect(checkWriteOrder(parseTrace(failed), RECORDED).broken).toEqual([
      expect.stringContaining('offset 20 is told, but its bytes are not synced'),
    ])
    const late = TRACE.replace('11 <... fdatasync resumed>) = 0\n', '').replace(
      '11 pwritev(26</d/drafts/1>, [{iov_base="cd"',
      '11 <... fdatasync resumed>) = 0\n$&',
    )
    expect(checkWriteOrder(parseTrace(late), RECORDED).broken).toHaveLength(1)
  })
})

/** strace is Linux only. Where CI is set the test then fails, anywhere else it says that it was left out. */
const canTrace = hasStrace()
if (!canTrace) process.stderr.write('write-order.test.ts: left out, it needs strace\n')
const testTraced = canTrace || process.env.CI ? test : test.skip

testTraced('no answer tells an offset before its bytes and then its record are synced', async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, 'data')
    const trace = join(folder, 'trace')
    const { upload, told } = await traceProgram(dataDir, trace, tellOffsets)
    const calls = parseTrace(await readFile(trace, 'utf8'))
    const traced = tracedUpload(dataDir, upload)
    expect(checkWriteOrder(calls, traced)).toEqual({ claims: told, broken: [] })
    // The same record would convict a server that did otherwise.
    for (const [what, spoil] of LIARS) {
      expect(checkWriteOrder(spoil(calls, traced), traced).broken, what).not.toEqual([])
    }
  })
})

testTraced('no form is said to be taken before its source and then its video are synced', async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, 'data')
    const trace = join(folder, 'trace')
    const film = movieBytes(3 * MIB + 5)
    const uid = await traceProgram(dataDir, trace, (access) => sendForm(access, film))
    const calls = parseTrace(await readFile(trace, 'utf8'))
    const traced = tracedUpload(dataDir, { uid, lengthBytes: film.length })
    expect(checkFormOrder(calls, traced)).toEqual({ claims: 1, broken: [] })
    // A form has no offset, and its draft no name that lasts.
    const others = /no other offset|something else|name of the draft/
    for (const [what, spoil] of LIARS.filter(([name]) => !others.test(name))) {
      expect(checkFormOrder(spoil(calls, traced), traced).broken, what).not.toEqual([])
    }
  })
})

/** What the trace of an upload to the server of `dataDir` is held against. */
function tracedUpload(dataDir: string, upload: Pick<TracedUpload, 'uid' | 'lengthBytes'>): TracedUpload {
  const { databaseFile, blobsFolder } = dataFolder(dataDir)
  const { uid, lengthBytes } = upload
  return { uid, lengthBytes, draftsFolder: folderPaths(blobsFolder).drafts, walFile: `${databaseFile}-wal` }
}

/** Runs the program with its system calls written to `trace`, while `use` talks to it. */
async function traceProgram<T>(
  dataDir: string,
  trace: string,
  use: (access: Access) => Promise<T>,
): Promise<T> {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  // With -D the program is our child, and strace ends with it.
  const strace = ['strace', '-D', '-f', '-y', '-s', '8192', '-o', trace, '-e', `trace=${TRACED_CALLS}`]
  const program = startProgram(['serve'], environmentOf(dataDir), [...strace, process.execPath, main])
  try {
    return await use({ url: await program.ready, ...CREDENTIALS })
  } finally {
    program.signal('SIGTERM')
    await program.exited
  }
}

/** Everything that tells an offset: creation with data, PATCH, HEAD after a cut body, the last PATCH. Answers how many did. */
async function tellOffsets(access: Access): Promise<{ upload: ClientUpload; told: number }> {
  const bytes = randomBytes(13 * MIB + 5)
  const upload = await createWithChunk(access, bytes, 5 * MIB)
  const second = await sendChunk(access, upload, bytes.subarray(5 * MIB, 10 * MIB), 5 * MIB)
  expect(second).toMatchObject({ status: 204, offset: 10 * MIB })
  await sendAndCut(access, upload, {
    body: bytes.subarray(10 * MIB, 12 * MIB),
    from: 10 * MIB,
    lengthBytes: 3 * MIB + 5,
  })
  let told = 2
  let stored = 10 * MIB
  // The server learns of the cut by itself, a moment later.
  while (stored === 10 * MIB) {
    stored = (await askOffset(access, upload)).offset
    told += 1
  }
  const last = await sendChunk(access, upload, bytes.subarray(stored), stored)
  expect(last).toMatchObject({ status: 204, offset: bytes.length })
  return { upload, told: told + 1 }
}

/** Sends a form; answers the uid of its video. */
async function sendForm(access: Access, film: Uint8Array): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(film)]), 'film.mp4')
  const answer = await fetch(`${access.url}/client/v4/accounts/${access.accountId}/stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access.token}` },
    body: form,
  })
  const { result } = (await answer.json()) as { result: { uid: string } }
  expect(answer.status).toBe(200)
  return result.uid
}

async function createWithChunk(access: Access, bytes: Buffer, chunkBytes: number): Promise<ClientUpload> {
  const response = await fetch(`${access.url}/client/v4/accounts/${access.accountId}/stream`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${access.token}`,
      'tus-resumable': '1.0.0',
      'upload-length': String(bytes.length),
      'content-type': 'application/offset+octet-stream',
    },
    body: new Uint8Array(bytes.subarray(0, chunkBytes)),
  })
  expect(response.status, await response.text()).toBe(201)
  const { pathname, search } = new URL(response.headers.get('location') ?? '')
  const uid = response.headers.get('stream-media-id') ?? ''
  return { uid, path: pathname + search, lengthBytes: bytes.length, acknowledgedBytes: chunkBytes }
}

/** Announces `lengthBytes`, sends less and goes away. */
function sendAndCut(
  access: Access,
  upload: ClientUpload,
  part: { body: Uint8Array; from: number; lengthBytes: number },
): Promise<void> {
  return new Promise((resolve) => {
    const sent = request(access.url + upload.path, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${access.token}`,
        'tus-resumable': '1.0.0',
        'content-type': 'application/offset+octet-stream',
        'content-length': part.lengthBytes,
        'upload-offset': part.from,
      },
    })
    sent.on('error', () => undefined)
    sent.on('close', resolve)
    sent.write(part.body, () => sent.destroy())
  })
}

/** Every sync of bytes comes directly after the sync of the record that it came before. */
function syncBytesAfterRecord(calls: readonly TracedCall[], upload: TracedUpload): TracedCall[] {
  return calls.map((call) => {
    if (call.name !== 'fdatasync') return call
    const record = calls.find(
      ({ name, path, start }) => name === 'fsync' && path === upload.walFile && start > call.end,
    )
    return record ? { ...call, start: record.end + 0.1, end: record.end + 0.2 } : call
  })
}

/** Calls that happen `lines` later (or earlier) than they did. */
function moveSyncs(
  calls: readonly TracedCall[],
  chosen: (call: TracedCall) => boolean,
  lines: number,
): TracedCall[] {
  return calls.map((call) =>
    call.name.endsWith('sync') && chosen(call)
      ? { ...call, start: call.start + lines, end: call.end + lines }
      : call,
  )
}

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
