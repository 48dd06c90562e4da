import { expect, test } from 'vitest'
import { cutPiece, wholeTrack } from './cut-webvtt.ts'
import { readWebVtt } from './read-webvtt.ts'

const FILE = `WEBVTT
X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

STYLE
::cue { color: red }

NOTE nobody sees this

00:00.000 --> 00:01.000
at once

long
00:29.500 --> 01:00.000 line:0
over the edge

01:00.000 --> 01:01.000
in the third
`
const bytes = new TextEncoder().encode(FILE)
const file = { bytes, index: readWebVtt(bytes) }
const text = (piece: Uint8Array) => new TextDecoder().decode(piece)

const HEADER = 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\nSTYLE\n::cue { color: red }\n\n'
const FIRST = '00:00.000 --> 00:01.000\nat once\n\n'
const LONG = 'long\n00:29.500 --> 01:00.000 line:0\nover the edge\n\n'
const THIRD = '01:00.000 --> 01:01.000\nin the third\n\n'

test('a piece has every cue that is shown in its half minute, with our own clock', () => {
  expect([0, 1, 2, 3].map((piece) => text(cutPiece(file, piece)))).toEqual([
    HEADER + FIRST + LONG,
    HEADER + LONG,
    HEADER + THIRD,
    HEADER,
  ])
})

test('the whole has no clock of another stream', () => {
  expect(text(wholeTrack(file))).toBe(`WEBVTT\n\nSTYLE\n::cue { color: red }\n\n${FIRST}${LONG}${THIRD}`)
})
