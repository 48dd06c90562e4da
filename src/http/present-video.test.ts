import { describe, expect, test } from 'vitest'
import { blankVideo, type Video } from '../core/videos/index.ts'
import { presentVideo, videoSchema } from './present-video.ts'

const UID = '7d1f0c5ab2e94c3d8a6f41e07b9c2d30'
const CREATED_US = 1_795_197_845_123_456

const pending: Video = {
  ...blankVideo({ uid: UID, accountId: '0'.repeat(32), createdUs: CREATED_US }),
  uploadExpiryUs: CREATED_US + 86_400_000_000,
}

describe('a video as clients see it', () => {
  test('before its bytes are here', () => {
    expect(presentVideo(pending, 'https://tv.example')).toEqual({
      uid: UID,
      creator: null,
      thumbnail: `https://tv.example/${UID}/thumbnails/thumbnail.jpg`,
      thumbnailTimestampPct: 0,
      readyToStream: false,
      readyToStreamAt: null,
      status: { state: 'pendingupload', errorReasonCode: '', errorReasonText: '' },
      meta: {},
      created: '2026-11-20T18:04:05.123456Z',
      modified: '2026-11-20T18:04:05.123456Z',
      scheduledDeletion: null,
      size: 0,
      preview: `https://tv.example/${UID}/watch`,
      allowedOrigins: [],
      requireSignedURLs: false,
      uploaded: null,
      uploadExpiry: '2026-11-21T18:04:05.123456Z',
      maxSizeBytes: null,
      maxDurationSeconds: null,
      duration: -1,
      input: { width: -1, height: -1 },
      playback: {
        hls: `https://tv.example/${UID}/manifest/video.m3u8`,
        dash: `https://tv.example/${UID}/manifest/video.mpd`,
      },
      watermark: null,
    })
  })

  test('when it plays', () => {
    const ready: Video = {
      ...pending,
      state: 'ready',
      pctComplete: 41,
      readyUs: CREATED_US + 1,
      uploadedUs: CREATED_US,
      durationSeconds: 62.4,
      displaySize: { width: 1920, height: 1080 },
    }
    expect(presentVideo(ready, '')).toMatchObject({
      readyToStream: true,
      readyToStreamAt: '2026-11-20T18:04:05.123457Z',
      status: { state: 'ready', pctComplete: '41.000000', errorReasonCode: '', errorReasonText: '' },
      duration: 62.4,
      input: { width: 1920, height: 1080 },
    })
  })

  test.each([
    [{ state: 'queued', step: null, pctComplete: null }, ['state', 'errorReasonCode', 'errorReasonText']],
    [
      { state: 'inprogress', step: 'encoding', pctComplete: 1 / 3 },
      ['state', 'step', 'pctComplete', 'errorReasonCode', 'errorReasonText'],
    ],
    [
      { state: 'ready', step: 'encoding', pctComplete: 100 },
      ['state', 'pctComplete', 'errorReasonCode', 'errorReasonText'],
    ],
    [{ state: 'error', step: null, pctComplete: null }, ['state', 'errorReasonCode', 'errorReasonText']],
    [{ state: 'error', step: 'encoding', pctComplete: 0 }, ['state', 'errorReasonCode', 'errorReasonText']],
    [
      { state: 'error', step: 'encoding', pctComplete: 50 },
      ['state', 'step', 'pctComplete', 'errorReasonCode', 'errorReasonText'],
    ],
  ] as const)('%j has exactly the members of its state', (fields, members) => {
    expect(Object.keys(presentVideo({ ...pending, ...fields }, '').status)).toEqual(members)
  })

  test('a failure is told by code and text, and by our own code, stage, finding and advice', () => {
    const error = {
      reasonCode: 'ERR_NON_VIDEO',
      reasonText: 'No video.',
      detail: { code: 'file_text', stage: 'sniff', detail: 'Words.' },
    } as const
    expect(presentVideo({ ...pending, state: 'error', error }, '').status).toEqual({
      state: 'error',
      errorReasonCode: 'ERR_NON_VIDEO',
      errorReasonText: 'No video.',
      failure: {
        code: 'file_text',
        stage: 'sniff',
        found: 'Words.',
        advice: expect.stringMatching(/upload/),
      },
    })
  })

  test('members that only some videos have are left out elsewhere', () => {
    const rare = {
      liveInput: 'a'.repeat(32),
      clippedFrom: 'b'.repeat(32),
      publicDetails: { title: 'T', logo: null },
    }
    expect(presentVideo({ ...pending, ...rare }, '')).toMatchObject(rare)
    for (const name of Object.keys(rare)) expect(presentVideo(pending, '')).not.toHaveProperty(name)
  })

  test('fits its own schema', () => {
    expect(videoSchema.safeParse(presentVideo(pending, 'https://tv.example')).error).toBeUndefined()
  })
})
