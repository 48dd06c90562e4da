import { expect, test } from 'vitest'
import type { Plan } from '../planning/index.ts'
import { blankVideo, type Video } from '../videos/index.ts'
import { checkDownloadable } from './download.ts'

const READY: Video = {
  ...blankVideo({ uid: '7d1f0c5ab2e94c3d8a6f41e07b9c2d30', accountId: 'a'.repeat(32), createdUs: 1 }),
  state: 'ready',
  durationSeconds: 14_401,
}
/** All that matters here is whether there is sound. */
const SILENT = { audio: null } as Plan
const SOUNDING = { audio: {} } as Plan
const RECORDING = { liveInput: 'b'.repeat(32) }

test.each([
  ['a film of more than four hours', {}, SOUNDING, 'audio'],
  ['a picture without sound', {}, SILENT, 'default'],
  ['a recording of four hours', { ...RECORDING, durationSeconds: 14_400 }, SOUNDING, 'default'],
] as const)('%s can be downloaded', (_name, changes, plan, type) => {
  expect(() => checkDownloadable({ ...READY, ...changes }, { plan, addedSounds: 0 }, type)).not.toThrow()
})

test('so can the sound that was added to a film that has none of its own', () => {
  expect(() => checkDownloadable(READY, { plan: SILENT, addedSounds: 1 }, 'audio')).not.toThrow()
})

test.each([
  ['a recording of more than four hours', RECORDING, SOUNDING, 'default', 'bad_request'],
  ['the sound of a film that has none', {}, SILENT, 'audio', 'bad_request'],
  ['a video that waits for its file', { state: 'pendingupload' }, undefined, 'default', 'conflict'],
  ['a video that is looked at', { state: 'inprogress' }, SOUNDING, 'default', 'conflict'],
  ['a video that failed', { state: 'error' }, SOUNDING, 'default', 'conflict'],
  ['a broadcast', { ...RECORDING, state: 'live-inprogress' }, SOUNDING, 'default', 'conflict'],
] as const)('%s cannot', (_name, changes, plan, type, code) => {
  expect(() => checkDownloadable({ ...READY, ...changes }, { plan, addedSounds: 0 }, type)).toThrow(
    expect.objectContaining({ code }),
  )
})
