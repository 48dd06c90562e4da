/**
 * Reads WebVTT (W3C WebVTT: The Web Video Text Tracks Format, §4 syntax, §6.1 parser): where its cues lie in the file and
 * when they are shown. The texts themselves are never taken apart; pieces are made of the file's own bytes.
 *
 * Every construct that players understand is read as they read it. What they would drop in silence (a cue whose timing
 * they cannot read, text that belongs to no cue) is refused with its line instead, since whoever wrote it meant to see it.
 */

import { Buffer, isUtf8 } from 'node:buffer'
import { HeadwaterError } from '../../lib/failure.ts'

/** Where the cues of a file lie. Typed arrays, so that it can change threads; one entry per cue, in the file's order. */
export type WebVttIndex = {
  /** Milliseconds on the file's own clock, whose 0 is the first picture. */
  readonly startsMs: Float64Array<ArrayBuffer>
  readonly endsMs: Float64Array<ArrayBuffer>
  /** Bytes `[from, to)` of the cue: identifier if it has one of its own, timings, text; no line end after it. */
  readonly from: Uint32Array<ArrayBuffer>
  readonly to: Uint32Array<ArrayBuffer>
  /** The same of the STYLE and REGION blocks before the first cue: start and end in turn. */
  readonly definitions: Uint32Array<ArrayBuffer>
}

export type ReadOptions = {
  /** Leaves out cues that do not end after they start, which are never shown, instead of refusing them. */
  readonly dropUnshown?: boolean
}

/**
 * The index of a file. Throws `bad_request`, whose facts say `line` and, from the first cue on, `cue` (both from 1): no
 * `WEBVTT` at the start, bytes that are not UTF-8, a timing that cannot be read, an end that is not after its start, text
 * outside of a cue. The file may have at most 4 GiB.
 */
export function readWebVtt(bytes: Uint8Array, options: ReadOptions = {}): WebVttIndex {
  checkEncoding(bytes)
  const reader = new Lines(bytes)
  readHeader(reader)
  return readBlocks(reader, options)
}

/** The failure every fault of a file is told with. */
function fault(line: number, cue: number, sentence: string): HeadwaterError {
  const where = cue > 0 ? `Line ${line} (cue ${cue})` : `Line ${line}`
  return new HeadwaterError('bad_request', `The file is not valid WebVTT. ${where}: ${sentence}`, {
    facts: { field: 'file', line, ...(cue > 0 && { cue }) },
  })
}

/** §4.1: a WebVTT file is UTF-8; players would show a replacement character for everything else. */
function checkEncoding(bytes: Uint8Array): void {
  if (isUtf8(bytes)) return
  const lines = new Lines(bytes)
  let number = 1
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    if (!isUtf8(bytes.subarray(line.from, line.to))) {
      number = line.number
      break
    }
  }
  throw fault(number, 0, 'expected UTF-8, found bytes that are none; save the file with that encoding.')
}

/** §6.1 steps 1–11: the signature, then whatever stands before the first empty line. */
function readHeader(lines: Lines): void {
  const first = lines.next()
  if (first === undefined || !/^WEBVTT(?:[ \t]|$)/.test(first.text)) {
    throw fault(1, 0, `expected WEBVTT at the start, found ${shown(first?.text ?? '')}.`)
  }
  for (let line = lines.next(); line !== undefined && line.text !== ''; line = lines.next()) {
    if (!line.text.includes(ARROW)) continue
    // Step 11: a cue may follow at once.
    lines.back()
    return
  }
}

function readBlocks(lines: Lines, { dropUnshown = false }: ReadOptions): WebVttIndex {
  const cues = new CueList(dropUnshown)
  const definitions: number[] = []
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    if (line.text === '') continue
    const second = line.text.includes(ARROW) ? undefined : lines.next()
    if (line.text.includes(ARROW)) {
      const timings = readTimings(line, cues.count + 1)
      cues.add(timings, { line, to: endOfText(lines, line) })
    } else if (second?.text.includes(ARROW)) {
      const timings = readTimings(second, cues.count + 1)
      cues.add(timings, { line: second, to: endOfText(lines, second) }, line)
    } else {
      if (second !== undefined) lines.back()
      const to = endOfText(lines, line)
      const kind = BLOCK_KIND.exec(line.text)?.[1]
      if (kind === undefined) throw strayText(line, cues.count)
      // Players read definitions before the first cue only (§6.1); behind it they are as good as a comment.
      const loads = kind === 'STYLE' && LOADS.test(lines.between(line.from, to))
      if (kind !== 'NOTE' && !loads && cues.count === 0) definitions.push(line.from, to)
    }
  }
  return { ...cues.index(), definitions: Uint32Array.from(definitions) }
}

function strayText(line: Line, cueCount: number): HeadwaterError {
  return fault(
    line.number,
    cueCount,
    `expected the timings of a cue, such as 00:01.000 --> 00:02.500, found ${shown(line.text)}; no empty line may stand inside the text of a cue.`,
  )
}

/** §6.1 step 7 of "collect a block": a block ends with an empty line, or where the next timings are. */
function endOfText(lines: Lines, last: Line): number {
  let end = last.to
  for (let line = lines.next(); line !== undefined && line.text !== ''; line = lines.next()) {
    if (line.text.includes(ARROW)) {
      lines.back()
      break
    }
    end = line.to
  }
  return end
}

type Timings = { readonly startMs: number; readonly endMs: number }

/** §4.4 and §6.3: timings, then settings, of which players skip those they do not know. */
function readTimings({ text, number }: Line, cue: number): Timings {
  const found = TIMINGS.exec(text)
  if (found === null) {
    const comma = /\d,\d{3}/.test(text) ? '; WebVTT has a full stop before the milliseconds, not a comma' : ''
    throw fault(
      number,
      cue,
      `expected timings such as 00:01.000 --> 00:02.500, found ${shown(text)}${comma}.`,
    )
  }
  return { startMs: milliseconds(found.slice(1, 5)), endMs: milliseconds(found.slice(5, 9)) }
}

function milliseconds([hours = '0', minutes = '', seconds = '', thousandths = '']: readonly (
  | string
  | undefined
)[]): number {
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(thousandths)
}

/** Cues as they are found. */
class CueList {
  readonly #dropUnshown: boolean
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #from: number[] = []
  readonly #to: number[] = []
  /** The cue that had an identifier first, by identifier. */
  readonly #ids = new Map<string, number>()
  readonly #timingsFrom = new Map<number, number>()

  constructor(dropUnshown: boolean) {
    this.#dropUnshown = dropUnshown
  }

  get count(): number {
    return this.#starts.length
  }

  /** `place`: the line of the timings, and the end of the text; `name`: the line of the identifier. */
  add({ startMs, endMs }: Timings, place: { line: Line; to: number }, name?: Line): void {
    const { line, to } = place
    if (endMs <= startMs) {
      if (this.#dropUnshown) return
      // §4.4: the end is greater than the start.
      throw fault(
        line.number,
        this.count + 1,
        `expected a cue that ends after it starts, found ${shown(line.text)}.`,
      )
    }
    const cue = this.count
    this.#starts.push(startMs)
    this.#ends.push(endMs)
    this.#from.push(name?.from ?? line.from)
    this.#to.push(to)
    if (name === undefined) return
    // Identifiers are unique (§4.4), and hls.js keeps only one cue of each: those that are not are left out.
    const first = this.#ids.get(name.text)
    if (first === undefined) {
      this.#ids.set(name.text, cue)
      this.#timingsFrom.set(cue, line.from)
      return
    }
    this.#from[cue] = line.from
    this.#from[first] = this.#timingsFrom.get(first) ?? line.from
  }

  index(): Omit<WebVttIndex, 'definitions'> {
    return {
      startsMs: Float64Array.from(this.#starts),
      endsMs: Float64Array.from(this.#ends),
      from: Uint32Array.from(this.#from),
      to: Uint32Array.from(this.#to),
    }
  }
}

/** One line without its end, as bytes `[from, to)`. `text` has one character per byte, true for ASCII only. */
type Line = { readonly from: number; readonly to: number; readonly number: number; readonly text: string }

/** The lines of a file; CR LF, LF and CR end one (§4.1). A byte order mark is no part of the first. */
class Lines {
  /** One character per byte, so that places in it are places in the file; all that is looked for is ASCII. */
  readonly #text: string
  #at: number
  #number = 1
  #before = { at: 0, number: 1 }

  constructor(bytes: Uint8Array) {
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    this.#at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  }

  next(): Line | undefined {
    const from = this.#at
    if (from >= this.#text.length) return undefined
    this.#before = { at: from, number: this.#number }
    LINE_END.lastIndex = from
    const ended = LINE_END.exec(this.#text)
    const to = ended?.index ?? this.#text.length
    this.#at = to + (ended?.[0].length ?? 0)
    this.#number += 1
    return { from, to, number: this.#before.number, text: this.#text.slice(from, to) }
  }

  /** The text of bytes `[from, to)`, one character each. */
  between(from: number, to: number): string {
    return this.#text.slice(from, to)
  }

  /** Un-reads the line that came last. */
  back(): void {
    this.#at = this.#before.at
    this.#number = this.#before.number
  }
}

/** What a fault quotes: the beginning of a line. */
function shown(text: string): string {
  const line = Buffer.from(text.slice(0, MOST_SHOWN), 'latin1').toString('utf8')
  return line === '' ? 'nothing' : JSON.stringify(line)
}

const ARROW = '-->'
const LINE_END = /\r\n|\n|\r/g
/** §6.1: a block of that name begins with it and nothing else on its line; a comment may go on. */
const BLOCK_KIND = /^(NOTE(?=[ \t]|$)|(?:STYLE|REGION)(?=[ \t]*$))/
/**
 * Styles that name something to be loaded, or hide it behind an escape: a viewer's address is nobody's business. §8.2.1
 * forbids players to load it, so nothing that should be seen is lost.
 */
const LOADS = /[@\\]|url|src|image/i
const MOST_SHOWN = 60
const TIMESTAMP = String.raw`(?:(\d{1,8}):)?([0-5]\d):([0-5]\d)\.(\d{3})`
const TIMINGS = new RegExp(String.raw`^[ \t\f]*${TIMESTAMP}[ \t\f]*-->[ \t\f]*${TIMESTAMP}(?:[ \t\f]|$)`)
