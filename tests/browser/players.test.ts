/** Every player, every frame, of what is as irregular as a file may be, fragmented and protected. */

import { afterAll, beforeAll, describe, test } from 'vitest'
import { callApi } from '../harness/server.ts'
import {
  ENCODER,
  expectPlaysEverywhere,
  openStage,
  type Played,
  PLAYERS,
  type Stage,
  tries,
} from './players/every-frame.ts'

const SOURCE: Played = {
  seconds: 12,
  rate: '30000/1001',
  fps: 30000 / 1001,
  size: '854x480',
  x264: [...ENCODER, '-g', '300', '-force_key_frames', '0,1.1,3.5,5.2,9.9,11'],
  muxer: ['-movflags', '+frag_keyframe+default_base_moof+delay_moov'],
}

describe('irregular sync samples at 29.97, fragmented, behind a token', () => {
  let stage: Stage
  let token: string

  beforeAll(async () => {
    stage = await openStage(SOURCE)
    const { server, uid } = stage
    await callApi(server, `/stream/${uid}`, { method: 'POST', body: { requireSignedURLs: true } })
    token = (await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST' })).token
  })

  afterAll(() => stage?.close())

  for (const { player, manifest } of PLAYERS)
    test(`${player} plays ${manifest}, switching at every segment`, tries(player), async () => {
      const url = `${stage.server.url}/${token}/manifest/${manifest}`
      await expectPlaysEverywhere(stage, SOURCE, { player, url })
    })
})
