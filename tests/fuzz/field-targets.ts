/** The fuzz targets of what a request asks for: the fields of its query and of its JSON. */

import { checkWork, parseAnimationQuery } from '../../src/core/thumbnails/animation-request.ts'
import { pictureSeconds, pictureShape, readDuration } from '../../src/core/thumbnails/picture-request.ts'
import { type ApiDeps, apiEndpoints } from '../../src/http/api/index.ts'
import { checkBody, checkQuery } from '../../src/http/check-fields.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import type { FuzzTarget } from './fuzz.ts'
import { textTarget } from './text-targets.ts'

const SOME_UID = '0123456789abcdef0123456789abcdef'
/** Built here and never called. */
const nothing: unknown = {}

/** A JSON object per endpoint that takes one, as a customer might write it. */
const BODIES: readonly string[] = [
  {
    url: 'https://example.com/a.mp4',
    meta: { name: 'x' },
    creator: 'me',
    requireSignedURLs: true,
    allowedOrigins: ['*.example.com'],
    thumbnailTimestampPct: 0.5,
    scheduledDeletion: '2027-03-01T00:00:00Z',
    watermark: { uid: SOME_UID },
    maxDurationSeconds: 60,
    expiry: '2027-03-01T00:00:00Z',
  },
  { clippedFromVideoUID: SOME_UID, startTimeSeconds: 1, endTimeSeconds: 2.5, publicDetails: { title: 't' } },
  { exp: 1_795_197_600, downloadable: true, accessRules: [{ type: 'any', action: 'allow' }] },
  { notificationUrl: 'https://example.com/hook', events: ['ready'] },
  { label: 'Deutsch', default: true, name: 'n', permission: 'read', repair: true, megabytesPerSecond: 5 },
].map((body) => JSON.stringify(body))

const JSON_WORDS = [
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '-1',
  '1e999',
  '1.5',
  '"__proto__":{"a":1},',
  '"constructor":null,',
  '"URL":1,',
  '\\ud800',
  '\\u0000',
  '['.repeat(3_000),
  '"x":'.repeat(500),
]

const endpoints = apiEndpoints(nothing as ApiDeps)

/** The targets. */
export const fieldTargets: readonly FuzzTarget[] = [
  textTarget(
    'picture-query',
    {
      seeds: [
        'time=1h2m3.5s&width=640&height=360&fit=clip',
        'time=50%25&duration=5s&fps=8&height=90',
        'time=90',
      ],
      words: [
        '&',
        '=',
        'time=',
        'width=0',
        'height=99999',
        'fit=',
        'duration=',
        'fps=',
        's',
        'm',
        'h',
        '%25',
        '-',
        '1e9',
        '.',
        'Infinity',
      ],
    },
    (text) => {
      const query = parseAnimationQuery(new URLSearchParams(text))
      const seconds = pictureSeconds(query, 60, 0.1)
      if (!(seconds >= 0 && seconds <= 60)) throw new Error(`A picture at ${seconds} s.`)
      for (const video of [
        { width: 160, height: 90 },
        { width: 16_000, height: 2 },
        { width: 2, height: 16_000 },
      ]) {
        const { width, height } = pictureShape(query, video)
        const sides = [width, height]
        if (!sides.every((side) => Number.isInteger(side) && side >= 1) || width > 3_840 || height > 2_160)
          throw new Error(`A picture of ${sides.join(' × ')}.`)
      }
      checkWork(query, pictureShape(query, { width: 160, height: 90 }))
    },
  ),
  textTarget(
    'duration',
    {
      seeds: ['1h2m3.347s', '8m', '90', '3.5s', '0s'],
      words: ['h', 'm', 's', '.', '-', '1e5', ' ', '9'.repeat(12), '\0'],
    },
    (text) => {
      const seconds = readDuration(text)
      if (seconds === undefined) return
      if (!(seconds >= 0 && Number.isFinite(seconds))) throw new Error(`${text} is ${seconds}.`)
      // As we would write it.
      const again = readDuration(`${Math.floor(seconds)}s`)
      if (seconds < 1e9 && again !== Math.floor(seconds))
        throw new Error(`${text} reads differently: ${again}.`)
    },
  ),
  textTarget('json-body', { seeds: BODIES, words: JSON_WORDS }, (text) => {
    const body = parseObject(text)
    if (body === undefined) return
    for (const { bodySchema } of endpoints) {
      if (bodySchema === undefined) continue
      refusedOr(() => {
        const checked: object = checkBody(bodySchema, body)
        const unknown = Object.keys(checked).find((key) => !Object.hasOwn(bodySchema.shape, key))
        if (unknown !== undefined) throw new Error(`${unknown} got through.`)
      })
    }
  }),
  textTarget(
    'query',
    {
      seeds: [
        'search=x&limit=5&status=ready,error&asc=true&start=2026-01-01T00:00:00Z',
        'after=3&include_counts=1',
      ],
      words: [
        '&',
        '=',
        '%',
        '%ff',
        '+',
        'limit=',
        '-1',
        '1e9',
        'true',
        '__proto__=1',
        '\0',
        ',',
        'x'.repeat(2_000),
      ],
    },
    (text) => {
      for (const { querySchema } of endpoints) {
        if (querySchema !== undefined) refusedOr(() => checkQuery(querySchema, new URLSearchParams(text)))
      }
    },
  ),
]

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** What one endpoint refuses another may take. */
function refusedOr(check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof HeadwaterError) || error.kind !== 'caller') throw error
  }
}
