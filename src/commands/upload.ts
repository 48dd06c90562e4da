/** `headwater upload <file>`: resumable, with progress, and the watch address as soon as it plays. */

import { realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Settings } from '../config/settings.ts'
import { type ApiClient, askServer, openClient } from './api-client.ts'
import { CommandFailure } from './command-failure.ts'
import { formatBytes, formatDuration, ProgressLine } from './progress-line.ts'
import { createUpload, findOffset, sendFrom } from './tus-client.ts'
import { type SourceFile, type UploadRecord, UploadRecordFile } from './upload-record.ts'

/** What the command needs of a video, as the API tells it. */
type VideoAnswer = {
  readonly uid: string
  readonly readyToStream: boolean
  readonly preview: string
  readonly status: {
    readonly state: string
    readonly pctComplete?: string
    readonly errorReasonCode?: string
    readonly errorReasonText?: string
    readonly failure?: { readonly code: string; readonly advice: string }
  }
}

/** Runs the command; resolves with the exit code. */
export async function upload(settings: Settings, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      server: { type: 'string' },
      token: { type: 'string' },
      account: { type: 'string' },
      'no-wait': { type: 'boolean', default: false },
      restart: { type: 'boolean', default: false },
    },
  })
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) {
    throw new CommandFailure('Expected one file: headwater upload <file>.')
  }
  const source = await openSource(path)
  const client = await openClient(settings, values)
  const recordFile = new UploadRecordFile(source, client.accountUrl)
  if (values.restart) await recordFile.remove()

  const uid = await transfer(client, source, recordFile, values.name ?? basename(source.path))
  const video = await getVideo(client, uid)
  if (values['no-wait']) {
    process.stdout.write(`${video.preview}\n`)
    return 0
  }
  return followEncode(client, video)
}

async function openSource(path: string): Promise<SourceFile> {
  try {
    const real = await realpath(path)
    const facts = await stat(real)
    if (!facts.isFile()) throw new CommandFailure(`${path} is not a file.`)
    return { path: real, sizeBytes: facts.size, modifiedMs: facts.mtimeMs }
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const reason = missing ? 'there is no such file' : String(error)
    throw new CommandFailure(`${path} cannot be read: ${reason}.`, { cause: error })
  }
}

/** Sends the file, from where an earlier run stopped if there was one; answers the video's uid. */
async function transfer(
  client: ApiClient,
  source: SourceFile,
  recordFile: UploadRecordFile,
  name: string,
): Promise<string> {
  const { record, offset } = await findOrCreate(client, source, recordFile, name)
  const line = new ProgressLine(process.stderr, 'Uploading')
  if (offset > 0) line.say(`Going on at ${formatBytes(offset)} of ${formatBytes(source.sizeBytes)}.`)
  const startedMs = performance.now()
  await sendFrom(client, record.location, offset, {
    path: source.path,
    sizeBytes: source.sizeBytes,
    onProgress: (sent) => line.update(sent, source.sizeBytes, 'bytes'),
    onRetry: (sentence) => line.say(sentence),
  })
  line.finish()
  await recordFile.remove()
  const seconds = (performance.now() - startedMs) / 1000
  const speed = formatBytes((source.sizeBytes - offset) / Math.max(seconds, 0.001))
  line.say(`Uploaded ${formatBytes(source.sizeBytes - offset)} in ${formatDuration(seconds)} (${speed}/s).`)
  return record.uid
}

async function findOrCreate(
  client: ApiClient,
  source: SourceFile,
  recordFile: UploadRecordFile,
  name: string,
): Promise<{ record: UploadRecord; offset: number }> {
  const kept = await recordFile.read()
  const offset = kept && (await findOffset(client, kept.location))
  if (kept && offset !== undefined) return { record: kept, offset }
  const record = await createUpload(client, { name, sizeBytes: source.sizeBytes })
  await recordFile.write(record)
  return { record, offset: 0 }
}

/** Tells when it plays and when every quality is there. Resolves with the exit code: 1 when the video cannot be used. */
async function followEncode(client: ApiClient, first: VideoAnswer): Promise<number> {
  const line = new ProgressLine(process.stderr, 'Encoding ')
  let told = false
  for (let video = first; ; video = await getVideo(client, first.uid)) {
    const { state, pctComplete, errorReasonCode, errorReasonText, failure } = video.status
    if (state === 'error') {
      line.finish()
      const codes = [errorReasonCode, failure?.code].filter((code) => code !== undefined).join(', ')
      throw new CommandFailure(
        `The video cannot be used: ${errorReasonText} ${failure?.advice ?? ''} (${codes})`,
      )
    }
    if (video.readyToStream && !told) {
      line.say('It plays:')
      process.stdout.write(`${video.preview}\n`)
      told = true
    }
    const percent = Number(pctComplete ?? 0)
    if (state === 'ready' || state === 'inprogress') line.update(percent, 100, 'percent')
    if (state === 'ready' && percent >= 100) break
    await sleep(told ? 1_000 : 250)
  }
  line.finish()
  return 0
}

/** A server that restarts while its video is encoded is waited for. */
async function getVideo(client: ApiClient, uid: string): Promise<VideoAnswer> {
  for (let tries = 1; ; tries++) {
    try {
      return await askServer<VideoAnswer>(client, { path: `/stream/${uid}` })
    } catch (error) {
      const passing = error instanceof CommandFailure && (error.status ?? 500) >= 500
      if (!passing || tries >= 10) throw error
      await sleep(Math.min(500 * 2 ** tries, 10_000))
    }
  }
}
