/** The three questions ingest asks the decoder: what is this, where are its packets, and: copy it into an MP4. */

import { isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { BlobFacts, Blobs, Clock, Decoder, DecoderFile, DecoderRun, DecoderTask } from '../../ports.ts'
import { remuxBlob } from '../blob-names.ts'
import {
  asUnreadable,
  buildPacketListArgs,
  PACKET_LIST,
  buildReportArgs,
  type DecoderReport,
  readReport,
  type MediaBlob,
} from '../planning/index.ts'

/** Who is asked, and where copies go. */
export type AskDeps = {
  readonly blobs: Blobs
  readonly decoder: Pick<Decoder, 'run'>
  readonly clock: Clock
  readonly log: Log
}

const MEMORY_BYTES = 3 * 1024 ** 3
/** 216,000 pictures of two hours make 15 MB. */
const MAX_LIST_BYTES = 256 * 1024 ** 2
const COPY_BUFFER_BYTES = 1024 * 1024

/** What the decoder says of the file and of its first pictures. Throws what is wrong with a file that it cannot read. */
export async function reportOn(
  deps: AskDeps,
  media: MediaBlob,
  stream: number,
  signal: AbortSignal,
): Promise<DecoderReport> {
  const task: DecoderTask = {
    label: `look at ${media.name}`,
    input: { from: 'blob', name: media.name },
    args: buildReportArgs(media.demuxer, stream),
    outputs: [],
    // A few pictures take seconds where they are as large as they may be; what needs longer is made to.
    limits: { wallMs: 60_000, cpuSeconds: 20, outputBytes: 1, memoryBytes: MEMORY_BYTES },
    nice: 0,
    verbose: true,
  }
  try {
    const run = await deps.decoder.run(task, { signal })
    await run.release()
    return readReport(run.stderr)
  } catch (error) {
    throw asUnreadable(error)
  }
}

/** The list of the picture's packets, for `readPacketList`. Throws what is wrong with a file that cannot be read. */
export async function listPackets(
  deps: AskDeps,
  media: MediaBlob,
  stream: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const task: DecoderTask = {
    label: `list packets of ${media.name}`,
    input: { from: 'blob', name: media.name },
    args: buildPacketListArgs(media.demuxer, stream),
    outputs: [PACKET_LIST],
    limits: {
      wallMs: readingMs(media.sizeBytes),
      cpuSeconds: 3600,
      outputBytes: MAX_LIST_BYTES,
      memoryBytes: MEMORY_BYTES,
    },
    nice: 0,
  }
  let run: DecoderRun
  try {
    run = await deps.decoder.run(task, { signal })
  } catch (error) {
    throw asUnreadable(error)
  }
  try {
    const list = run.files.get(PACKET_LIST)
    if (list === undefined) return new Uint8Array()
    const bytes = new Uint8Array(list.sizeBytes)
    return bytes.subarray(0, await list.read(bytes, 0))
  } finally {
    await run.release()
  }
}

/**
 * Copies the source's first picture and first sound into an MP4, else a MOV, without decoding; undefined when its
 * codecs do not fit either or the copy fails. Times begin at 0.
 */
export async function remux(
  deps: AskDeps,
  uid: string,
  source: MediaBlob,
  signal: AbortSignal,
): Promise<MediaBlob | undefined> {
  for (const format of ['mp4', 'mov']) {
    const output = `remux.${format}`
    const task: DecoderTask = {
      label: `remux ${source.name}`,
      input: { from: 'blob', name: source.name },
      args: buildRemuxArgs(source.demuxer, format, output),
      outputs: [output],
      limits: {
        wallMs: readingMs(source.sizeBytes),
        cpuSeconds: 3600,
        outputBytes: source.sizeBytes * 2 + 64 * 1024 ** 2,
        memoryBytes: MEMORY_BYTES,
      },
      nice: 0,
    }
    try {
      const run = await deps.decoder.run(task, { signal })
      try {
        const file = run.files.get(output)
        if (file === undefined) continue
        const made = await publishFile(deps.blobs, file, remuxBlob(uid, deps.clock.newUid()), signal)
        return { name: made.name, demuxer: 'mov', sizeBytes: made.sizeBytes, made }
      } finally {
        await run.release()
      }
    } catch (error) {
      if (!isFailure(error, 'decoder_failed')) throw error
      deps.log.info({ uid, format, reason: error.message }, 'the source cannot be copied into this container')
    }
  }
  return undefined
}

function buildRemuxArgs(demuxer: string, format: string, output: string): string[] {
  return [
    // Old containers leave presentation times out; they follow from the order of decoding.
    '-fflags',
    '+genpts',
    '-f',
    demuxer,
    '-i',
    '{input}',
    '-map',
    '0:V:0',
    '-map',
    '0:a:0?',
    '-c',
    'copy',
    '-map_metadata',
    '-1',
    '-map_chapters',
    '-1',
    // Codecs that newer files hold by standard, but that this version still calls experimental.
    '-strict',
    '-2',
    '-f',
    format,
    output,
  ]
}

async function publishFile(
  blobs: Blobs,
  file: DecoderFile,
  name: string,
  signal: AbortSignal,
): Promise<BlobFacts> {
  const draft = await blobs.createDraft()
  try {
    for (let position = 0; position < file.sizeBytes; ) {
      signal.throwIfAborted()
      const buffer = new Uint8Array(Math.min(COPY_BUFFER_BYTES, file.sizeBytes - position))
      const got = await file.read(buffer, position)
      if (got === 0) break
      await draft.append([buffer.subarray(0, got)])
      position += got
    }
    return await draft.publish(name)
  } catch (error) {
    await draft.discard()
    throw error
  }
}

/** Reading a file through: a slow disk gives 20 MB/s. */
function readingMs(sizeBytes: number): number {
  return 60_000 + Math.ceil(sizeBytes / 20_000)
}
