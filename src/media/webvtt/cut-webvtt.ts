/** Text tracks as players ask for them: pieces of half a minute for HLS, the whole for DASH; of the file's own bytes. */

import { concatBytes } from '../isobmff/write-boxes.ts'
import type { WebVttIndex } from './read-webvtt.ts'

/** How long a piece is (playback.md §2). */
export const PIECE_SECONDS = 30

/** A file with its index. */
export type IndexedWebVtt = { readonly bytes: Uint8Array; readonly index: WebVttIndex }

/**
 * Piece `piece` (from 0) of an HLS rendition: every cue that is shown at some time of it, so a long one stands in several
 * (RFC 8216 §3.5). Its clock is that of the media, whose first picture has the time 0 (rules 3 and 4).
 */
export function cutPiece(file: IndexedWebVtt, piece: number): Uint8Array {
  const startMs = piece * PIECE_SECONDS * 1000
  const endMs = startMs + PIECE_SECONDS * 1000
  const { startsMs, endsMs } = file.index
  return join(file, `WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n`, (cue) => {
    return (startsMs[cue] ?? 0) < endMs && (endsMs[cue] ?? 0) > startMs
  })
}

/**
 * All of it with a header of ours: what a file says in its own about another clock (`X-TIMESTAMP-MAP`) is meant for the
 * stream it was taken from.
 */
export function wholeTrack(file: IndexedWebVtt): Uint8Array {
  return join(file, 'WEBVTT\n\n', () => true)
}

function join({ bytes, index }: IndexedWebVtt, header: string, holds: (cue: number) => boolean): Uint8Array {
  const parts: Uint8Array[] = [encode(header)]
  const take = (from = 0, to = 0) => parts.push(bytes.subarray(from, to), BLANK_LINE)
  for (let at = 0; at < index.definitions.length; at += 2) {
    take(index.definitions[at], index.definitions[at + 1])
  }
  for (let cue = 0; cue < index.from.length; cue += 1) {
    if (holds(cue)) take(index.from[cue], index.to[cue])
  }
  return concatBytes(parts)
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

const BLANK_LINE = encode('\n\n')
