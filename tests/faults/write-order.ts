/**
 * What a power cut would leave, read from the order of system calls: an answer that claims an offset may begin only when
 * the bytes below it and then the record that holds it have been synced (docs/ARCHITECTURE.md, "A 204 means on disk"),
 * and one that says a form was taken only when its source has its place.
 * Reads what strace writes with `-f -y`.
 */

import { basename, dirname } from 'node:path'

/** The system calls the rules need. */
export const TRACED_CALLS =
  'write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg'

/** One call that succeeded. `start` and `end` are line numbers: another thread's calls may lie between them. */
export type TracedCall = {
  readonly name: string
  /** What its descriptor is open on; of a renaming the old name. */
  readonly path: string
  /** The new name of a renaming. */
  readonly to?: string
  /** Everything in the parentheses, as strace writes it. */
  readonly text: string
  readonly result: number
  readonly start: number
  readonly end: number
}

const WHOLE_CALL = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/
const BEGUN_CALL = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/
const ENDED_CALL = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/

/** The calls of a trace in the order of their ends, failed ones left out. */
export function parseTrace(trace: string): readonly TracedCall[] {
  const begun = new Map<string, { text: string; start: number }>()
  const calls: TracedCall[] = []
  for (const [line, content] of trace.split('\n').entries()) {
    const [, thread = '', name = '', text = '', result = ''] =
      BEGUN_CALL.exec(content) ?? WHOLE_CALL.exec(content) ?? ENDED_CALL.exec(content) ?? []
    if (name === '') continue
    if (result === '') {
      begun.set(thread, { text, start: line })
      continue
    }
    const before = content.includes(' resumed>') ? begun.get(thread) : undefined
    begun.delete(thread)
    if (Number(result) < 0) continue
    const whole = (before?.text ?? '') + text
    calls.push({
      name,
      ...pathsOf(name, whole),
      text: whole,
      result: Number(result),
      start: before?.start ?? line,
      end: line,
    })
  }
  return calls
}

function pathsOf(name: string, text: string): { path: string; to?: string } {
  if (!name.startsWith('rename')) return { path: /^\d+<(.*?)>/.exec(text)?.[1] ?? '' }
  const [path = '', to = ''] = [...text.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '')
  return { path, to }
}

/** The upload whose answers are looked at; the trace may hold only this one's. */
export type TracedUpload = {
  readonly uid: string
  readonly lengthBytes: number
  /** The folder of the drafts and the log of the database. */
  readonly draftsFolder: string
  readonly walFile: string
}

/** What was found: how many answers claimed an offset, and a sentence for each that claimed it too early. */
export type OrderReport = { readonly claims: number; readonly broken: readonly string[] }

/** Holds every answer with an `Upload-Offset` above 0 against the calls before it. */
export function checkWriteOrder(calls: readonly TracedCall[], upload: TracedUpload): OrderReport {
  const answers = calls.flatMap((call) => {
    const offset = /"HTTP\/1\.1 20[014] .*\\r\\nupload-offset: (\d+)\\r\\n/i.exec(call.text)?.[1]
    return offset === undefined || offset === '0' ? [] : [{ call, offset: Number(offset) }]
  })
  const broken = answers.flatMap(({ call, offset }) => {
    const reason = whyTooEarly(endedBefore(calls, call), offset, upload)
    return reason === undefined ? [] : [`line ${call.start}: offset ${offset} is told, but ${reason}`]
  })
  return { claims: answers.length, broken }
}

/** Holds every 200 that names the video against the calls before it: a form is taken whole or not at all. */
export function checkFormOrder(calls: readonly TracedCall[], form: TracedUpload): OrderReport {
  const answers = calls.filter(({ text }) => text.includes('"HTTP/1.1 200 ') && text.includes(form.uid))
  const broken = answers.flatMap((call) => {
    const before = endedBefore(calls, call)
    const synced = findSynced(before, form.lengthBytes, form)
    const reason = typeof synced === 'string' ? synced : whyNotPlaced(before, synced, form)
    return reason === undefined ? [] : [`line ${call.start}: the video is told, but ${reason}`]
  })
  return { claims: answers.length, broken }
}

function endedBefore(calls: readonly TracedCall[], answer: TracedCall): readonly TracedCall[] {
  return calls.filter((each) => each.end < answer.start)
}

/** `before` are the calls that had ended when the answer began. */
function whyTooEarly(
  before: readonly TracedCall[],
  offset: number,
  upload: TracedUpload,
): string | undefined {
  const synced = findSynced(before, offset, upload)
  if (typeof synced === 'string') return synced
  const { first, covering } = synced
  const named = syncsOf(before, dirname(first.path)).some((sync) => sync.start > first.start)
  if (!named) return "the draft's name is not synced"
  const row = offsetInRow(offset, basename(first.path))
  const recorded = findCommit(before, covering, upload, (page) => page.includes(row))
  if (!recorded) return 'no record of it was synced after its bytes'
  return offset < upload.lengthBytes ? undefined : whyNotPlaced(before, synced, upload)
}

/** The draft's first write, and the sync after which all bytes below `offset` were on the disk; else why there is none. */
function findSynced(
  before: readonly TracedCall[],
  offset: number,
  { draftsFolder }: TracedUpload,
): { first: TracedCall; covering: TracedCall } | string {
  const writes = before.filter(({ name, path }) => isWrite(name) && dirname(path) === draftsFolder)
  const [first] = writes
  if (!first) return 'no byte of it was written'
  const below = writes.filter((write) => positionOf(write) < offset)
  if (reachOf(below) < offset) return 'its bytes are not written'
  // Every one of them: a sync says nothing of what is written, or written again, after it began.
  const lastEnd = Math.max(...below.map(({ end }) => end))
  const covering = syncsOf(before, first.path).find((sync) => sync.start > lastEnd)
  return covering ? { first, covering } : 'its bytes are not synced'
}

/** Why the whole draft is not yet the source of its video; undefined when it is. */
function whyNotPlaced(
  before: readonly TracedCall[],
  { first, covering }: { first: TracedCall; covering: TracedCall },
  upload: TracedUpload,
): string | undefined {
  const moved = before.find(
    ({ name, path, start }) => name.startsWith('rename') && path === first.path && start > covering.end,
  )
  if (!moved) return 'the draft has not become the source'
  const placed = syncsOf(before, dirname(moved.to ?? '')).find((sync) => sync.start > moved.end)
  if (!placed) return "the source's name is not synced"
  return findCommit(before, placed, upload) ? undefined : 'no record was synced after the source'
}

/** Where a write begins in its file: the last argument of `pwrite64` and `pwritev`. */
function positionOf({ text }: TracedCall): number {
  return Number(/, (\d+)$/.exec(text)?.[1] ?? Number.NaN)
}

/** How far the file is written without a gap from its beginning. */
function reachOf(writes: readonly TracedCall[]): number {
  let reach = 0
  for (const write of writes.toSorted((one, other) => positionOf(one) - positionOf(other))) {
    if (positionOf(write) <= reach) reach = Math.max(reach, positionOf(write) + write.result)
  }
  return reach
}

/**
 * How a row of `uploads` says it: the offset as SQLite stores a number (sqlite.org/fileformat.html §2.1: big-endian, in
 * the fewest of 1, 2, 3, 4, 6 and 8 bytes), and right behind it the column `draft_id`.
 */
function offsetInRow(offset: number, draftId: string): string {
  const width = [1, 2, 3, 4, 6, 8].find((bytes) => offset < 2 ** (8 * bytes - 1)) ?? 8
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(offset))
  return bytes.subarray(8 - width).toString('latin1') + draftId
}

/** The sync of the log that ends a commit begun after `previous` had ended, of a page with the upload that `holds` what it must. */
function findCommit(
  before: readonly TracedCall[],
  previous: TracedCall,
  { uid, walFile }: TracedUpload,
  holds: (page: string) => boolean = () => true,
): TracedCall | undefined {
  const row = before.find(
    ({ name, path, text, start }) =>
      isWrite(name) &&
      path === walFile &&
      start > previous.end &&
      text.includes(uid) &&
      holds(readEscaped(text)),
  )
  return row && syncsOf(before, walFile).find((sync) => sync.start > row.end)
}

/** What strace writes between quotation marks, one character per byte. */
function readEscaped(text: string): string {
  const named: Readonly<Record<string, string>> = { t: '\t', n: '\n', v: '\v', f: '\f', r: '\r' }
  return text.replace(/\\([0-7]{1,3}|.)/g, (_, what: string) =>
    /^[0-7]/.test(what) ? String.fromCharCode(Number.parseInt(what, 8)) : (named[what] ?? what),
  )
}

function syncsOf(calls: readonly TracedCall[], path: string): readonly TracedCall[] {
  return calls.filter((call) => (call.name === 'fsync' || call.name === 'fdatasync') && call.path === path)
}

function isWrite(name: string): boolean {
  return name.startsWith('write') || name.startsWith('pwrite')
}
