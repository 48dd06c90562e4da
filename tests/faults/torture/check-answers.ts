/** After a restart: what the server says must be what its clients were told before, or what they asked for without an answer. */

import { askOffset, type Access } from '../tus-lines.ts'
import { type Client, Cut, Violation } from './client.ts'
import type { Films } from './films.ts'
import type { Journal } from './journal.ts'
import { checkServed } from './load.ts'
import { isOpen } from './senders.ts'
import type { KnownVideo, Value } from './model.ts'

/** Of the API's answer what is looked at. */
export type ListedVideo = {
  readonly uid: string
  readonly creator: string | null
  readonly meta: { readonly name?: string }
  readonly status: {
    readonly state: string
    readonly pctComplete?: string
    readonly errorReasonText?: string
  }
}

/** What the videos are now, for the load that follows. */
export type Listed = {
  readonly all: readonly ListedVideo[]
  readonly playable: readonly string[]
  /** Should play and do not, since faults used up all tries. */
  readonly failed: readonly string[]
}

/** Checks everything that was acknowledged, and writes down what was found of the rest. Throws `Violation` or `Cut`. */
export async function checkAnswers(
  access: Access,
  { client, journal, films }: { client: Client; journal: Journal; films: Films },
): Promise<Listed> {
  const all = await client.get<ListedVideo[]>('/stream')
  adoptUnanswered(journal, all)
  checkPresence(journal, all)
  for (const video of all) await checkVideo(client, journal, video)
  await checkKeys(client, journal)
  await checkUploads(access, journal, all)
  for (const [address] of journal.model.servedSample(2)) {
    const reply = await client.send(address)
    if (reply !== undefined && client.judge(`playback (${address})`, reply) === 'done')
      checkServed(journal, address, reply)
  }
  const failed = all.filter((video) => checkEnd(journal, films, video)).map(({ uid }) => uid)
  const playable = all.filter(({ status }) => status.state === 'ready').map(({ uid }) => uid)
  return { all, playable, failed }
}

/** Whether it failed through faults. Throws when it failed and may not. */
export function checkEnd({ model }: Journal, films: Films, { uid, status }: ListedVideo): boolean {
  const video = model.videoOf(uid)
  if (status.state !== 'error' || !video || mustEnd(video, films) === 'error') return false
  // A clip of a video that was deleted before it was made.
  if (video.way === 'clip' && model.mayBeGone(video.of)) return false
  if (model.mayBeGivenUp(video.failuresBefore)) return true
  throw new Violation(`${uid} (${video.way} of ${video.of}) has failed: ${JSON.stringify(status)}`)
}

/** How its processing must end. */
export function mustEnd({ way, of }: KnownVideo, films: Films): 'ready' | 'error' {
  return way === 'clip' ? 'ready' : films.byName(of).ends
}

/** Videos whose request was cut are there or not; what is there has the name of its request. */
function adoptUnanswered(journal: Journal, all: readonly ListedVideo[]): void {
  const { model } = journal
  const names = new Set<string>()
  for (const { uid, meta } of all) {
    const name = meta.name ?? ''
    if (names.has(name)) throw new Violation(`there are two videos of the one request ${name}`)
    names.add(name)
    if (model.videoOf(uid) !== undefined) continue
    const video = model.videoNamed(name)
    if (video === undefined || video.uid !== null) throw new Violation(`nobody asked for ${uid} (${name})`)
    journal.write({ is: 'video made', name, uid, by: 'list' })
  }
  for (const video of model.videos) {
    // One with a key may still be asked for again, as long as the key is known.
    const isLost = video.uid === null && !(video.key !== null && model.keyIsKept(video))
    if (isLost) journal.write({ is: 'video lost', name: video.name })
  }
}

function checkPresence(journal: Journal, all: readonly ListedVideo[]): void {
  const present = new Set(all.map(({ uid }) => uid))
  for (const { uid } of journal.model.videos) {
    if (uid !== null) see(journal, `video ${uid}`, present.has(uid) ? 'there' : null)
  }
}

async function checkVideo(
  client: Client,
  journal: Journal,
  { uid, creator, status }: ListedVideo,
): Promise<void> {
  const { model } = journal
  const edited = `of ${uid} creator`
  // A clip begins with that of its video; it is edited only once it was listed.
  if (model.videoOf(uid)?.way === 'clip' && !model.knows(edited)) {
    journal.write({ is: 'seen', what: edited, value: creator })
  }
  see(journal, edited, creator)
  const played = `of ${uid} ready`
  if (status.state === 'ready') journal.write({ is: 'seen', what: played, value: 'yes' })
  else if (!model.may(played).includes(null)) throw new Violation(`${uid} was ready and is ${status.state}`)
  const captions = model.registers(`of ${uid} captions `)
  if (captions.length > 0) {
    const listed = await client.get<{ language: string }[]>(`/stream/${uid}/captions`)
    for (const language of captions) {
      const there = listed.some((each) => each.language === language)
      const value = there ? await readCaptions(client, uid, language) : null
      see(journal, `of ${uid} captions ${language}`, value)
    }
  }
  const downloads = model.registers(`of ${uid} download `)
  if (downloads.length > 0) {
    const listed = await client.get<Record<string, unknown>>(`/stream/${uid}/downloads`)
    for (const type of downloads)
      see(journal, `of ${uid} download ${type}`, type in listed ? 'asked for' : null)
  }
  const tracks = model.registers(`of ${uid} track `)
  if (tracks.length > 0) {
    const { audio } = await client.get<{ audio: { label: string }[] }>(`/stream/${uid}/audio`)
    for (const label of tracks) {
      const there = audio.some((each) => each.label === label)
      see(journal, `of ${uid} track ${label}`, there ? 'asked for' : null)
    }
  }
}

/** The one line of text that the load puts into captions. */
async function readCaptions(client: Client, uid: string, language: string): Promise<string> {
  const reply = await client.send(`/stream/${uid}/captions/${language}/vtt`)
  if (reply === undefined) throw new Cut(`captions ${language} of ${uid} were cut`)
  if (reply.status !== 200) {
    throw new Violation(`captions ${language} of ${uid}: ${reply.status} ${reply.text}`)
  }
  return reply.text.split('\n')[3] ?? ''
}

/** Keys whose answer was cut are there under ids that nobody knows. */
async function checkKeys(client: Client, journal: Journal): Promise<void> {
  const { model } = journal
  const listed = new Set((await client.get<{ id: string }[]>('/stream/keys')).map(({ id }) => id))
  for (const id of model.registers('key ')) see(journal, `key ${id}`, listed.has(id) ? 'there' : null)
  const unanswered = model.registers('new key ').filter((name) => model.may(`new key ${name}`).length > 1)
  const known = new Set(model.registers('key '))
  const unknown = [...listed].filter((id) => !known.has(id))
  if (unknown.length > unanswered.length)
    throw new Violation(`nobody asked for the signing keys ${unknown.join(', ')}`)
  for (const id of unknown) journal.write({ is: 'seen', what: `key ${id}`, value: 'there' })
  for (const name of unanswered) journal.write({ is: 'seen', what: `new key ${name}`, value: null })
}

/** `HEAD` never tells of less than was acknowledged, and what was whole is on its way. */
async function checkUploads(access: Access, journal: Journal, all: readonly ListedVideo[]): Promise<void> {
  const { model } = journal
  for (const upload of model.uploads) {
    const { uid, acknowledgedBytes, lengthBytes } = upload
    const { status, offset } = await askOffset(access, upload)
    if ((status === 404 || status === 410) && model.mayHaveExpired(upload)) {
      if (isOpen(upload)) journal.write({ is: 'upload expired', uid })
      continue
    }
    if (status !== 200 || !(offset >= acknowledgedBytes)) {
      throw new Violation(
        `${uid}: ${acknowledgedBytes} bytes were acknowledged, HEAD now says ${status} ${offset}`,
      )
    }
    const state = all.find((each) => each.uid === uid)?.status.state
    if (acknowledgedBytes === lengthBytes && state === 'pendingupload') {
      throw new Violation(`${uid} was whole, and its video is pendingupload again`)
    }
  }
}

/** Writes down what a register holds. Throws when it may not hold that. */
function see(journal: Journal, what: string, value: Value): void {
  const may = journal.model.may(what)
  if (!may.includes(value)) {
    throw new Violation(`${what} is ${JSON.stringify(value)}, and may only be ${JSON.stringify(may)}`)
  }
  if (may.length > 1) journal.write({ is: 'seen', what, value })
}
