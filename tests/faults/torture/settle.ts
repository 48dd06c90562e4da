/** Everything that was begun comes to its end, as it must: uploads, videos, downloads, audio tracks, webhooks. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Finding, resumeFile } from '../resume-file.ts'
import type { Access } from '../tus-lines.ts'
import { checkEnd, type ListedVideo } from './check-answers.ts'
import { Client, Violation } from './client.ts'
import type { Films } from './films.ts'
import type { Journal } from './journal.ts'
import { asClientUpload, isOpen } from './senders.ts'

/** From one end to the next, on a busy machine. */
const LONGEST_MS = 300_000

type Part = { readonly uid: string; readonly what: string; readonly status: string }

/** Resolves when nothing is under way any more. Throws `Violation` for what does not end, or ends as it must not. */
export async function settle(
  access: Access,
  { journal, films }: { journal: Journal; films: Films },
): Promise<void> {
  const { model } = journal
  const client = new Client(access, journal, false)
  for (const upload of model.uploads.filter(isOpen)) {
    const film = films.byName(model.videoOf(upload.uid)?.of ?? '')
    try {
      if (!(await resumeFile(access, asClientUpload(journal, upload), film.path))) {
        throw new Violation(`upload ${upload.uid} was cut without a kill`)
      }
    } catch (error) {
      if (!(error instanceof Finding && [404, 410].includes(error.status) && model.mayHaveExpired(upload)))
        throw error
      journal.write({ is: 'upload expired', uid: upload.uid })
    }
  }
  const waitingFor = new Wait()
  for (;;) {
    const videos = await client.get<ListedVideo[]>('/stream')
    const parts = await listParts(client, journal, videos)
    for (const video of videos.filter((each) => checkEnd(journal, films, each))) {
      // Faults have used up its tries; whoever runs the server tries it again.
      const reply = await client.change({ action: 'retry video' }, `/headwater/videos/${video.uid}/retry`, {
        method: 'POST',
      })
      if (typeof reply === 'string') throw new Violation(`retrying ${video.uid} was ${reply}`)
      journal.write({ is: 'retried', uid: video.uid })
    }
    const open = [
      ...videos
        .filter((video) => !hasEnded(video) && !isForsaken(journal, video))
        .map(({ uid, status }) => `${uid} ${JSON.stringify(status)}`),
      ...parts
        .filter(({ status }) => ['queued', 'inprogress'].includes(status))
        .map(({ uid, what, status }) => `${what} of ${uid} ${status}`),
      ...untold(journal, videos),
      ...(await openJobs(client)),
    ]
    if (open.length === 0) return
    waitingFor.check(open)
    await sleep(200)
  }
}

/** Throws when nothing has ended for too long. */
class Wait {
  #known = ''
  #sinceMs = performance.now()

  check(open: readonly string[]): void {
    const known = open.join('\n')
    if (known !== this.#known) this.#sinceMs = performance.now()
    this.#known = known
    if (performance.now() - this.#sinceMs > LONGEST_MS) throw new Violation(`does not end:\n${known}`)
  }
}

/** Downloads and audio tracks. Throws for one that failed and may not have. */
async function listParts(
  client: Client,
  journal: Journal,
  videos: readonly ListedVideo[],
): Promise<readonly Part[]> {
  const { model } = journal
  const parts: Part[] = []
  for (const { uid } of videos) {
    if (model.registers(`of ${uid} download `).length > 0) {
      const downloads = await client.get<Record<string, { status: string }>>(`/stream/${uid}/downloads`)
      for (const [what, { status }] of Object.entries(downloads))
        parts.push({ uid, what: `download ${what}`, status })
    }
    const { audio } = await client.get<{ audio: { label: string; status: string }[] }>(`/stream/${uid}/audio`)
    for (const { label, status } of audio) parts.push({ uid, what: `track ${label}`, status })
  }
  for (const { uid, what, status } of parts) {
    const video = model.videoOf(uid)
    if (status === 'error' && video && !model.mayBeGivenUp(video.failuresBefore)) {
      throw new Violation(`${what} of ${uid} has failed`)
    }
  }
  return parts
}

/** Of each state that is not final how many jobs there are. */
async function openJobs(client: Client): Promise<readonly string[]> {
  const reply = await client.send('/metrics')
  const counts = [...(reply?.text ?? '').matchAll(/^headwater_jobs\{state="(queued|active)"\} (\d+)$/gm)]
  if (counts.length !== 2) throw new Violation(`the metrics do not tell of jobs: ${reply?.text}`)
  return counts.flatMap(([, state, count]) => (count === '0' ? [] : [`${count} jobs ${state}`]))
}

/** Videos that have ended and whose webhook call has not come. */
function untold({ model }: Journal, videos: readonly ListedVideo[]): readonly string[] {
  return videos
    .filter(
      ({ uid, status }) => ['ready', 'error'].includes(status.state) && !model.toldOf(uid).has(status.state),
    )
    .map(({ uid, status }) => `nobody told that ${uid} is ${status.state}`)
}

function hasEnded({ status }: ListedVideo): boolean {
  return status.state === 'error' || (status.state === 'ready' && Number(status.pctComplete) >= 100)
}

/** Nobody can send its bytes: its address came with an answer that was cut, or has expired. */
function isForsaken({ model }: Journal, { uid, status }: ListedVideo): boolean {
  return status.state === 'pendingupload' && !model.uploads.some((each) => each.uid === uid)
}
