/** Which sound and text streams a file has, from ffmpeg's own report of it. Pure. */

import { canonicalLanguage } from '../../lib/language-tag.ts'
import { readSound } from './read-report.ts'

/** Arguments of a run whose `stderr` is read here. `stream`: a sound stream of which one frame is decoded to see that it can be. */
export function buildStreamsArgs(demuxer: string, stream?: number): string[] {
  const look =
    stream === undefined
      ? // Something must be asked for; nothing is decoded.
        ['-map', '0:V:0', '-c', 'copy', '-frames:v', '1']
      : ['-map', `0:a:${stream}`, '-frames:a', '1']
  return ['-f', demuxer, '-i', '{input}', ...look, '-f', 'null', '-']
}

export type FileStream = {
  readonly kind: 'sound' | 'text'
  /** Number among those of its kind. */
  readonly number: number
  /** Decoder's name, e.g. `aac`, `subrip`. */
  readonly codec: string
  /** BCP 47; null where the file does not tell one. */
  readonly language: string | null
  readonly title: string | null
  /** Text that is to be shown even to who asked for none: signs, foreign speech. */
  readonly forced: boolean
  /** Of sound that the decoder knows. */
  readonly channels: number | null
}

const KINDS: Readonly<Record<string, FileStream['kind']>> = { Audio: 'sound', Subtitle: 'text' }
/** Languages that are none: undetermined, several, no speech, not coded. */
const NO_LANGUAGE = new Set(['und', 'mul', 'zxx', 'mis'])

/** Reads the report; what is missing is null. It never throws. */
export function readStreams(text: string): FileStream[] {
  const lines = (text.split(/^(?:Output #|Stream mapping:)/m, 1)[0] ?? '').split('\n')
  const found: FileStream[] = []
  for (const [at, line] of lines.entries()) {
    const match = /^ {2}Stream #0:(\d+)(?:\[\w+\])?(?:\(([^)]*)\))?: (Audio|Subtitle): (.*)$/.exec(line)
    if (match === null) continue
    const [, stream = '0', language = '', name = '', description = ''] = match
    const kind = KINDS[name] ?? 'text'
    found.push({
      kind,
      number: found.filter((other) => other.kind === kind).length,
      codec: /^\w+/.exec(description)?.[0] ?? 'none',
      language: readLanguage(language),
      title: readTitle(lines.slice(at + 1)),
      forced: description.includes('(forced)'),
      channels:
        kind === 'sound' ? (readSound({ stream: Number(stream), description })?.channels ?? null) : null,
    })
  }
  return found
}

function readLanguage(told: string): string | null {
  const language = canonicalLanguage(told)
  return language === undefined || NO_LANGUAGE.has(language) ? null : language
}

/** The stream's own lines end where the next one begins. */
function readTitle(lines: readonly string[]): string | null {
  for (const line of lines) {
    if (!line.startsWith('    ')) return null
    const title = /^ {6}title +: (.*\S)/.exec(line)?.[1]
    if (title !== undefined) return title
  }
  return null
}
