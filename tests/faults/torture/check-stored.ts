/**
 * What a killed server left on the disk, looked at before the next one touches it: records that fit each other, a job for
 * everything that is owed, and every recorded byte. Leftovers without a record are allowed here: the next start removes them.
 */

import { open } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { sourceBlob } from '../../../src/core/blob-names.ts'
import { folderPaths } from '../../../src/adapters/folder/paths.ts'
import { dataFolder } from '../../../src/config/data-folder.ts'
import { BlockChecksums } from '../../../src/lib/block-checksums.ts'
import {
  hashFile,
  readBlobs,
  readChunks,
  readDrafts,
  readWorkFolder,
  withDatabaseCopy,
} from '../stored-state.ts'
import { Violation } from './client.ts'
import type { Films } from './films.ts'
import type { Journal } from './journal.ts'

/** A sentence that is true of every row, and a query for those of which it is not. */
const RULES: Readonly<Record<string, string>> = {
  'a chunk has a blob': 'select * from chunks where blob not in (select name from blobs)',
  'a rendition has its init segment':
    'select * from renditions where init_blob not in (select name from blobs)',
  'a plan has its media': 'select video_uid from plans where media_blob not in (select name from blobs)',
  'a plan has its index':
    'select video_uid from plans where index_blob is not null and index_blob not in (select name from blobs)',
  'captions have their file':
    'select * from captions where blob is not null and blob not in (select name from blobs)',
  'a download has its file':
    'select * from downloads where blob is not null and blob not in (select name from blobs)',
  'a ready download has a file': "select * from downloads where state = 'ready' and blob is null",
  'a blob has an owner': 'select name from blobs where video_uid not in (select uid from videos)',
  'a plan has a video': 'select video_uid from plans where video_uid not in (select uid from videos)',
  'a chunk has a video': 'select * from chunks where video_uid not in (select uid from videos)',
  'an upload under way has a video':
    "select id from uploads where state = 'receiving' and video_uid is not null and video_uid not in (select uid from videos)",
  'a video that waits for bytes has an upload':
    "select uid from videos where state = 'pendingupload' and uid not in (select video_uid from uploads where video_uid is not null union select video_uid from form_links)",
  'what is fetched has a job':
    "select uid from videos where state = 'downloading' and uid not in (select video_uid from jobs where kind = 'download' and state in ('queued', 'active'))",
  'a copy belongs to a video that is fetched':
    "select video_uid from copies where video_uid not in (select uid from videos where state = 'downloading')",
  'what is queued or being encoded has a job':
    "select uid from videos where state in ('queued', 'inprogress') and uid not in (select video_uid from jobs where state in ('queued', 'active') and video_uid is not null)",
  'a plan that is not complete has a job':
    "select p.video_uid from plans p join videos v on v.uid = p.video_uid where p.complete = 0 and v.state != 'error' and p.video_uid not in (select video_uid from jobs where kind = 'encode' and state in ('queued', 'active'))",
  'an audio track that is queued has a job':
    "select uid from audio_tracks t where status = 'queued' and not exists (select 1 from jobs j where j.video_uid = t.video_uid and j.kind in ('fetch-audio', 'encode-audio') and j.dedupe like '%' || t.uid and j.state in ('queued', 'active'))",
  'a webhook call that is pending has a job':
    "select id from webhook_calls c where state = 'pending' and not exists (select 1 from jobs j where j.dedupe = 'webhook/' || c.id || '/' || c.turn and j.state in ('queued', 'active'))",
  'a video that has ended is told of':
    "select uid from videos v where state in ('ready', 'error') and exists (select 1 from webhook_subscriptions s where s.created_us < v.created_us) and not exists (select 1 from webhook_calls c where c.video_uid = v.uid and c.event = v.state)",
  'a job works for a video that is there':
    "select id, kind from jobs where state in ('queued', 'active') and video_uid is not null and video_uid not in (select uid from videos)",
  'videos are counted':
    'select t.account_id, t.video_count from storage_totals t where t.video_count != (select count(*) from videos v where v.account_id = t.account_id)',
}

/** Of an encode job what is looked at. */
type EncodePayload = { uid: string; kind: string; pass: string; firstSegment: number }

/** What is to be known of the instant of the kill. */
export type StoredFigures = {
  /** Encodes that were running, of any kind. */
  readonly encodesRunning: number
  /** Chunks whose job is not done, as `chunkKey` names them, with what the job says of itself. */
  readonly unfinished: ReadonlyMap<string, string>
  /** Uploads of which more bytes lie on the disk than are acknowledged. */
  readonly bodiesCut: number
}

/** Names an encode chunk: `pass` is `sound`, or which pictures. */
export function chunkKey(uid: string, pass: string, firstSegment: string | number): string {
  return `${uid}/${pass}/${firstSegment}`
}

/** Looks at a data folder on which no server runs. */
export class StoredCheck {
  readonly #dataDir: string
  readonly #journal: Journal
  readonly #films: Films
  /** Blobs whose bytes were found right; they are immutable. */
  readonly #verified = new Set<string>()

  constructor(dataDir: string, journal: Journal, films: Films) {
    this.#dataDir = dataDir
    this.#journal = journal
    this.#films = films
  }

  /** After a kill. Throws `Violation`. */
  async afterKill(): Promise<StoredFigures> {
    const jobs = await this.#checkRecords()
    await this.#checkChunks()
    await this.#checkBlobs()
    return { ...jobs, bodiesCut: await this.#checkDrafts() }
  }

  /** After everything has come to its end and a last start has cleaned up: nothing else is there, and nothing is to be done. */
  async atRest(): Promise<void> {
    this.#verified.clear()
    await this.afterKill()
    const { recorded, present, orphanDrafts } = await readBlobs(this.#dataDir)
    const remains = {
      'blobs without a record': Object.keys(present).filter((name) => recorded[name] === undefined),
      'drafts without a record': orphanDrafts,
      'folders of decoders': await readWorkFolder(this.#dataDir),
      'unfinished jobs': await withDatabaseCopy(this.#dataDir, (database) =>
        database
          .prepare(
            "select kind || ' ' || state || ' ' || coalesce(error, '') as job from jobs where state in ('queued', 'active')",
          )
          .all()
          .map(({ job }) => String(job)),
      ),
    }
    for (const [what, names] of Object.entries(remains)) {
      if (names.length > 0) throw new Violation(`${what}: ${names.join(', ')}`)
    }
  }

  async #checkRecords(): Promise<Omit<StoredFigures, 'bodiesCut'>> {
    return await withDatabaseCopy(this.#dataDir, (database) => {
      const rows = (query: string) => database.prepare(query).all()
      const [integrity] = rows('pragma integrity_check')
      if (integrity?.integrity_check !== 'ok')
        throw new Violation(`the database is damaged: ${JSON.stringify(integrity)}`)
      const rules = { ...RULES, 'what a row refers to is there': 'pragma foreign_key_check' }
      for (const [rule, query] of Object.entries(rules)) {
        const broken = rows(query)
        if (broken.length > 0)
          throw new Violation(`not true: ${rule}: ${JSON.stringify(broken)}${tell(database)}`)
      }
      const encodes = rows(
        "select kind, state, attempts, error, payload from jobs where state in ('queued', 'active') and kind in ('encode', 'urgent', 'encode-audio')",
      )
      const unfinished = encodes
        .filter(({ kind }) => kind === 'encode')
        .map(({ state, attempts, error, payload }): [string, string] => {
          const { uid, kind, pass, firstSegment } = JSON.parse(String(payload)) as EncodePayload
          const key = chunkKey(uid, kind === 'audio' ? 'sound' : pass, firstSegment)
          const [how, times, why] = [state, attempts, error].map(String)
          return [key, `${key} ${how}, attempt ${times}, error ${why}`]
        })
      return {
        encodesRunning: encodes.filter(({ state }) => state === 'active').length,
        unfinished: new Map(unfinished),
      }
    })
  }

  /** A finished chunk is never made again, and never lost. */
  async #checkChunks(): Promise<void> {
    const { model } = this.#journal
    const now = new Map((await readChunks(this.#dataDir)).map(({ key, createdUs }) => [key, createdUs]))
    const failed = await this.#failedVideos()
    for (const [key, createdUs] of model.chunks) {
      const uid = key.split('/')[0] ?? ''
      const video = model.videoOf(uid)
      // Deleting a video throws away what was made of it; so does giving it up, or a part of it.
      const mayBeGone =
        failed.has(uid) || model.mayBeGone(uid) || !video || model.mayBeGivenUp(video.failuresBefore)
      if (mayBeGone && !now.has(key)) continue
      if (now.get(key) !== createdUs) {
        throw new Violation(`chunk ${key} was finished at ${createdUs}, now ${now.get(key) ?? 'never'}`)
      }
    }
    for (const [key, createdUs] of now) {
      if (!model.chunks.has(key)) this.#journal.write({ is: 'chunk', key, createdUs })
    }
  }

  async #failedVideos(): Promise<ReadonlySet<string>> {
    return await withDatabaseCopy(
      this.#dataDir,
      (database) =>
        new Set(
          database
            .prepare("select uid from videos where state = 'error'")
            .all()
            .map(({ uid }) => String(uid)),
        ),
    )
  }

  /** Every recorded blob is there with the bytes that its record tells of; sources with those that were sent. */
  async #checkBlobs(): Promise<void> {
    const rows = await withDatabaseCopy(this.#dataDir, (database) =>
      database.prepare('select name, size_bytes, checksums from blobs').all(),
    )
    const paths = folderPaths(dataFolder(this.#dataDir).blobsFolder)
    for (const row of rows) {
      const name = String(row.name)
      if (this.#verified.has(name)) continue
      const found = await readChecksums(paths.blob(name))
      if (found === undefined) throw new Violation(`blob ${name} is not there`)
      if (!(row.checksums instanceof Uint8Array) || !found.equals(row.checksums)) {
        throw new Violation(`blob ${name} is not what its record says`)
      }
      await this.#checkSource(name, paths.blob(name))
      this.#verified.add(name)
    }
  }

  async #checkSource(name: string, path: string): Promise<void> {
    const video = this.#journal.model.videos.find(({ uid }) => uid !== null && sourceBlob(uid) === name)
    if (video === undefined || video.way === 'clip') return
    const film = this.#films.byName(video.of)
    const [stored, sent] = await Promise.all([hashFile(path), hashFile(film.path)])
    if (stored !== sent) throw new Violation(`the source of ${video.uid} is not ${film.name}`)
  }

  /** What the records promise of unfinished uploads is on disk, byte for byte as it was sent; answers how many hold more. */
  async #checkDrafts(): Promise<number> {
    const drafts = await readDrafts(this.#dataDir)
    for (const { uid, offsetBytes, sizeBytes, path } of drafts) {
      const video = this.#journal.model.videoOf(uid)
      if (video === undefined || offsetBytes === 0) continue
      if (sizeBytes < offsetBytes)
        throw new Violation(`upload ${uid}: of ${offsetBytes} bytes ${sizeBytes} are on disk`)
      const [stored, sent] = await Promise.all([
        hashFile(path, offsetBytes),
        hashFile(this.#films.byName(video.of).path, offsetBytes),
      ])
      if (stored !== sent)
        throw new Violation(`upload ${uid}: its first ${offsetBytes} bytes are not those sent`)
    }
    return drafts.filter(({ sizeBytes, offsetBytes }) => sizeBytes > offsetBytes).length
  }
}

/** The block checksums of a file, as its record keeps them; `undefined` when it is not there. */
async function readChecksums(path: string): Promise<Buffer | undefined> {
  const handle = await open(path, 'r').catch(() => undefined)
  if (handle === undefined) return undefined
  const checksums = new BlockChecksums()
  try {
    for await (const bytes of handle.createReadStream()) checksums.append(bytes as Buffer)
  } finally {
    await handle.close()
  }
  return Buffer.from(checksums.serialize())
}

/** The jobs, for whoever looks for the reason. */
function tell(database: DatabaseSync): string {
  const jobs = database
    .prepare('select kind, dedupe, state, attempts, token, error from jobs order by id desc limit 30')
    .all()
  return `\njobs: ${JSON.stringify(jobs, undefined, 1)}`
}
