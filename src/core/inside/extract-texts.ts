/** Text streams of a file as WebVTT: all of them in one pass through the file, and where that fails each in one of its own. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { BlobName, Decoder, DecoderFile, DecoderTask } from '../../ports.ts'
import { MAX_CAPTION_BYTES } from '../captions/index.ts'
import type { FileStream } from '../planning/index.ts'

/** Where the streams are, and where time 0 of the video lies in the file's own times (microseconds); `fromStart`: where the file begins. */
export type TextSource = {
  readonly name: BlobName
  readonly demuxer: string
  readonly sizeBytes: number
  readonly fromStart?: boolean
  readonly originUs: number
}

/** Codecs whose text the decoder can write as WebVTT; others hold pictures of text. */
export const TEXT_CODECS: ReadonlySet<string> = new Set([
  'subrip',
  'srt',
  'mov_text',
  'webvtt',
  'ass',
  'ssa',
  'text',
])

type Streams = readonly Pick<FileStream, 'number'>[]

/** The WebVTT of each stream by its number; those that cannot be read are absent. Throws what stops the decoder from outside. */
export async function extractTexts(
  deps: { readonly decoder: Decoder; readonly log: Log },
  source: TextSource,
  streams: Streams,
  signal: AbortSignal,
): Promise<Map<number, Uint8Array>> {
  if (streams.length === 0) return new Map()
  try {
    return await runOnce(deps.decoder, source, streams, signal)
  } catch (error) {
    if (!isFailure(error, 'decoder_failed')) throw error
    deps.log.info({ source: source.name, reason: error.message }, 'text inside a file cannot be read at once')
    const found = new Map<number, Uint8Array>()
    if (streams.length === 1) return found
    for (const stream of streams) {
      for (const [number, text] of await extractTexts(deps, source, [stream], signal)) found.set(number, text)
    }
    return found
  }
}

async function runOnce(
  decoder: Decoder,
  source: TextSource,
  streams: Streams,
  signal: AbortSignal,
): Promise<Map<number, Uint8Array>> {
  const task: DecoderTask = {
    label: `text inside ${source.name}`,
    input: { from: 'blob', name: source.name },
    args: buildTextArgs(source, streams),
    outputs: streams.map(fileOf),
    limits: {
      // Reading a file through: a slow disk gives 20 MB/s.
      wallMs: 120_000 + Math.ceil(source.sizeBytes / 20_000),
      cpuSeconds: 3_600,
      outputBytes: MAX_CAPTION_BYTES,
      memoryBytes: 3 * 1024 ** 3,
    },
    nice: 10,
  }
  const run = await decoder.run(task, { signal })
  try {
    const found = new Map<number, Uint8Array>()
    for (const stream of streams) {
      const file = run.files.get(fileOf(stream))
      if (file !== undefined) found.set(stream.number, await readFile(file))
    }
    return found
  } finally {
    await run.release()
  }
}

/** Arguments that write each stream into a file of its own, counted from time 0 of the video. */
export function buildTextArgs(source: Omit<TextSource, 'name' | 'sizeBytes'>, streams: Streams): string[] {
  const { demuxer, fromStart, originUs } = source
  const shift = originUs === 0 ? [] : ['-output_ts_offset', (-originUs / 1e6).toFixed(6)]
  return [
    ...(fromStart === true ? [] : ['-copyts']),
    '-f',
    demuxer,
    '-i',
    '{input}',
    ...streams.flatMap((stream) => [
      '-map',
      `0:s:${stream.number}`,
      '-c:s',
      'webvtt',
      ...shift,
      '-f',
      'webvtt',
      fileOf(stream),
    ]),
    // Goes nowhere, but moves on: without it a long silence would pass for a run that hangs.
    '-map',
    '0:V:0',
    '-c:v',
    'copy',
    '-f',
    'null',
    '-',
  ]
}

function fileOf({ number }: { readonly number: number }): string {
  return `text-${number}.vtt`
}

async function readFile(file: DecoderFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.sizeBytes)
  const got = await file.read(bytes, 0)
  if (got === bytes.byteLength) return bytes
  throw new HeadwaterError('decoder_failed', `The decoder's output ended at byte ${got}.`)
}
