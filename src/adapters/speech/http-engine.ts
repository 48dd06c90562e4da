/**
 * Speech recognition by a server that speaks `POST /v1/audio/transcriptions` as OpenAI does (multipart: `file`, `model`,
 * `language`, `response_format=vtt`; the answer is the WebVTT). The operator names it, so it may be anywhere. Node's own
 * client rather than `fetch`, which gives up when no header has come after five minutes.
 */

import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { HeadwaterError } from '../../lib/failure.ts'
import { BoundedBytes, MAX_ANSWER_BYTES } from './bounded-bytes.ts'
import type { HearFile } from './hear-file.ts'

export type HttpEngineOptions = {
  /** Whole address of the call. */
  readonly url: string
  /** Sent as a bearer token; null = none. */
  readonly key: string | null
  readonly model: string
}

/** How much of a refusal is told. */
const TOLD_CHARACTERS = 300

/** An engine that asks the server at `url`. */
export function httpEngine(options: HttpEngineOptions): HearFile {
  return async (path, { language, signal }) => {
    const boundary = `headwater-${randomBytes(16).toString('hex')}`
    const fields = { model: options.model, language, response_format: 'vtt' }
    const head = Buffer.from(
      `${Object.entries(fields)
        .map(([name, value]) => formPart(boundary, `name="${name}"`, value))
        .join('')}${formPart(boundary, 'name="file"; filename="sound.wav"', '', 'audio/wav').slice(0, -2)}`,
    )
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
    const { size } = await stat(path)
    const request = (options.url.startsWith('https:') ? httpsRequest : httpRequest)(options.url, {
      method: 'POST',
      signal,
      headers: {
        accept: 'text/vtt, text/plain',
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-length': head.length + size + tail.length,
        ...(options.key === null ? {} : { authorization: `Bearer ${options.key}` }),
      },
    })
    try {
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).once('error', reject)
      })
      // A server may refuse before it has read everything, and then says more than the broken pipe.
      const sent = pipeline(parts(head, path, tail), request).catch(() => undefined)
      const [answer] = await Promise.all([answered, sent])
      return await readAnswer(answer, options.key)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof HeadwaterError) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw failed(`could not be asked (${why})`, error)
    } finally {
      request.destroy()
    }
  }
}

function formPart(boundary: string, disposition: string, value: string, type?: string): string {
  const contentType = type === undefined ? '' : `Content-Type: ${type}\r\n`
  return `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${contentType}\r\n${value}\r\n`
}

async function* parts(head: Buffer, path: string, tail: Buffer): AsyncIterable<Buffer> {
  yield head
  yield* createReadStream(path, { highWaterMark: 262_144 })
  yield tail
}

async function readAnswer(answer: IncomingMessage, key: string | null): Promise<Uint8Array> {
  const gathered = new BoundedBytes()
  for await (const bytes of answer) {
    if (!gathered.push(bytes as Uint8Array)) throw failed(`answered with more than ${MAX_ANSWER_BYTES} bytes`)
  }
  const { statusCode } = answer
  if (statusCode === 200) return gathered.bytes()
  const said = Buffer.from(gathered.bytes()).toString('utf8')
  // Servers like to say back which key they refuse; it belongs in no log.
  const told = (key === null ? said : said.replaceAll(key, '…'))
    .replaceAll(/\s+/g, ' ')
    .slice(0, TOLD_CHARACTERS)
  throw failed(`answered ${statusCode}: ${told}`)
}

function failed(how: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('speech_failed', `The server of HEADWATER_SPEECH_URL ${how}.`, { cause })
}
