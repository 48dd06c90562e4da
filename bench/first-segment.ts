/** What a player does before its first picture: multivariant playlist, media playlists, init and first segment of each track. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)
/** Between two tries; short beside what is measured. */
const POLL_MS = 5

/** One track's playlist, read. */
export type MediaPlaylist = { readonly init: string; readonly segments: readonly string[] }

/** Everything a player holds when it can show something. */
export type Opening = {
  readonly tracks: readonly MediaPlaylist[]
  /** Init and segment of each track. */
  readonly pieces: readonly Buffer[]
}

/** Asks until the video plays, then fetches what its first picture and sound need. Throws after `timeoutMs`. */
export async function openVideo(url: string, uid: string, timeoutMs: number): Promise<Opening> {
  const deadline = performance.now() + timeoutMs
  const masterUrl = `${url}/${uid}/manifest/video.m3u8`
  for (;;) {
    const response = await fetch(masterUrl)
    const text = await response.text()
    if (response.ok && text.includes('#EXT-X-STREAM-INF')) return openTracks(masterUrl, text, deadline)
    if (performance.now() > deadline) throw new Error(`${masterUrl} still answers ${response.status}`)
    await sleep(POLL_MS)
  }
}

/** Fetches one segment, asking again while the server says 503; how it was answered is the caller's to time. */
export async function fetchSegment(url: string, deadline: number): Promise<Buffer> {
  for (;;) {
    const response = await fetch(url)
    const bytes = Buffer.from(await response.arrayBuffer())
    if (response.ok && bytes.length > 0) return bytes
    if (response.status !== 503 || performance.now() > deadline) {
      throw new Error(`${url} was answered ${response.status}`)
    }
    await sleep(POLL_MS)
  }
}

/** Decodes one track's init and segment; throws when ffmpeg complains or finds no frame. */
export async function checkDecodes(bytes: Buffer): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-decode-'))
  try {
    const file = join(folder, 'piece.mp4')
    await writeFile(file, bytes)
    const { stdout, stderr } = await execute('ffmpeg', ['-v', 'error', '-i', file, '-f', 'framecrc', '-'])
    const frames = stdout.split('\n').filter((line) => /^\d/.test(line)).length
    if (stderr !== '' || frames === 0) throw new Error(`${frames} frames decoded: ${stderr}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function openTracks(masterUrl: string, master: string, deadline: number): Promise<Opening> {
  const lines = master.split('\n')
  const variant = lines[lines.findIndex((line) => line.startsWith('#EXT-X-STREAM-INF')) + 1] ?? ''
  const sound = /#EXT-X-MEDIA:[^\n]*TYPE=AUDIO[^\n]*URI="([^"]+)"/.exec(master)?.[1]
  const playlists = [variant, ...(sound === undefined ? [] : [sound])]
  const opened = await Promise.all(
    playlists.map((path) => openTrack(new URL(path, masterUrl).href, deadline)),
  )
  return { tracks: opened.map(({ track }) => track), pieces: opened.map(({ piece }) => piece) }
}

async function openTrack(
  playlistUrl: string,
  deadline: number,
): Promise<{ track: MediaPlaylist; piece: Buffer }> {
  const text = (await fetchSegment(playlistUrl, deadline)).toString()
  const absolute = (path: string) => new URL(path, playlistUrl).href
  const track = {
    init: absolute(/#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1] ?? ''),
    segments: text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map(absolute),
  }
  const pieces = await Promise.all(
    [track.init, track.segments[0] ?? ''].map((address) => fetchSegment(address, deadline)),
  )
  return { track, piece: Buffer.concat(pieces) }
}
