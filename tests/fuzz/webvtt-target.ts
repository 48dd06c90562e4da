/** The fuzz target of captions. */

import { cutPiece, wholeTrack } from '../../src/media/webvtt/cut-webvtt.ts'
import { readWebVtt } from '../../src/media/webvtt/read-webvtt.ts'
import type { FuzzTarget } from './fuzz.ts'

/** Every construct of WebVTT; lines end as `mutateText` expects them. */
const WEBVTT_SEEDS: readonly string[] = [
  [
    '\uFEFFWEBVTT - a title',
    'Kind: captions',
    '',
    'NOTE a comment',
    'of two lines',
    '',
    'STYLE',
    '::cue(b) { color: lime }',
    '',
    'REGION',
    'id:top',
    '',
    'first',
    '00:01.000 --> 00:02.500 line:0 position:20% align:start',
    '<v Fred>Höher &amp; weiter',
    '',
    '25:00:00.000 --> 25:00:01.000',
    'late',
  ].join('\r\n'),
  'WEBVTT\n00:00.000 --> 00:40.000\nlong\n00:35.000 --> 00:36.000\nwithout a blank line',
]
const WEBVTT_WORDS = [
  'WEBVTT',
  '-->',
  '\r\n\r\n',
  '\r',
  'NOTE',
  'STYLE',
  '00:00.000',
  ' --> ',
  '99:59:59.999',
  '-',
]

/** Reads damaged WebVTT, and again what it cuts from the file. */
export const webvttTarget: FuzzTarget = {
  name: 'read-webvtt',
  seeds: async () => WEBVTT_SEEDS.map((text) => new TextEncoder().encode(text)),
  words: WEBVTT_WORDS,
  run: async (bytes) => {
    const index = readWebVtt(bytes)
    // What is cut from a good file is a good file, with the same cues.
    const whole = readWebVtt(wholeTrack({ bytes, index }))
    if (whole.startsMs.join() !== index.startsMs.join()) throw new Error('The whole has other cues.')
    readWebVtt(cutPiece({ bytes, index }, 1))
  },
}
