/** Adds, switches and removes outputs, also during a broadcast: whoever sends it is told after each commit (live.md §8). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Fetcher } from '../../ports.ts'
import { checkHost } from '../webhooks/index.ts'
import { requireLiveInput } from './live-input-records.ts'
import { type LiveOutput, MOST_OUTPUTS } from './live-output.ts'
import {
  deleteOutputRows,
  insertOutput,
  listOutputs,
  requireOutput,
  updateOutput,
} from './live-output-records.ts'
import type { LiveInputDeps } from './manage-live-inputs.ts'

export type NewOutput = Pick<LiveOutput, 'url' | 'streamKey' | 'enabled'>

/** How an output is found: nobody sees those of another account's inputs. */
export type OutputPath = { readonly accountId: string; readonly inputUid: string; readonly uid: string }

const MOST_CHARACTERS = 2_048

/** Adds one. Throws `not_found`, and `bad_request` for a wrong address or key, or when there are fifty. */
export async function createOutput(
  deps: LiveInputDeps & { readonly fetcher: Fetcher },
  { accountId, inputUid }: Omit<OutputPath, 'uid'>,
  given: NewOutput,
): Promise<LiveOutput> {
  const { db, clock } = deps
  await requireLiveInput(db, accountId, inputUid)
  const url = checkUrl(given.url)
  checkKey(given.streamKey, url)
  await checkHost(deps, url.hostname, 'url')
  const output: LiveOutput = { ...given, inputUid, uid: clock.newUid(), createdUs: clock.nowUs() }
  await db.transaction().execute(async (trx) => {
    await requireLiveInput(trx, accountId, inputUid)
    if ((await listOutputs(trx, inputUid)).length >= MOST_OUTPUTS) {
      throw new HeadwaterError(
        'bad_request',
        `A live input has at most ${MOST_OUTPUTS} outputs, and this one has them; delete one first.`,
      )
    }
    await insertOutput(trx, output)
  })
  deps.liveInputChanges.tell(inputUid, 'outputsChanged')
  return output
}

/** Turns it on or off, at once. Throws `not_found`. */
export async function setOutputEnabled(
  deps: LiveInputDeps,
  path: OutputPath,
  enabled: boolean,
): Promise<LiveOutput> {
  const output = await deps.db.transaction().execute(async (trx) => {
    const found = await requireOwn(trx, path)
    await updateOutput(trx, found.uid, enabled)
    return { ...found, enabled }
  })
  deps.liveInputChanges.tell(path.inputUid, 'outputsChanged')
  return output
}

/** Removes it; it is disconnected at once. Throws `not_found`. */
export async function deleteOutput(deps: LiveInputDeps, path: OutputPath): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    const { uid } = await requireOwn(trx, path)
    await deleteOutputRows(trx, uid)
  })
  deps.liveInputChanges.tell(path.inputUid, 'outputsChanged')
}

async function requireOwn(
  trx: Parameters<typeof requireOutput>[0],
  { accountId, inputUid, uid }: OutputPath,
): Promise<LiveOutput> {
  await requireLiveInput(trx, accountId, inputUid)
  return requireOutput(trx, inputUid, uid)
}

/** What is said of a wrong address does not repeat it: there may be a password in it. */
function checkUrl(text: string): URL {
  if (text.length > MOST_CHARACTERS) {
    throw refused('url', `may have at most ${MOST_CHARACTERS} characters, this one has ${text.length}`)
  }
  const url = /^(rtmps?|srt):\/\/[^\s\p{Cc}]+$/iu.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.hostname === '' || url.hash !== '') {
    throw refused(
      'url',
      'must be a whole rtmp, rtmps or srt address such as rtmp://live.example.com/app, without a fragment',
    )
  }
  // RTMP has a port of its own, SRT has none.
  if (url.protocol === 'srt:' && url.port === '') throw refused('url', 'must name the port of the SRT server')
  return url
}

function checkKey(key: string, url: URL): void {
  if (key.length > MOST_CHARACTERS) {
    throw refused('streamKey', `may have at most ${MOST_CHARACTERS} characters, this one has ${key.length}`)
  }
  if (/[\s\p{Cc}]/u.test(key)) throw refused('streamKey', 'may not hold spaces or control characters')
  if (key === '' && url.protocol !== 'srt:') {
    throw refused('streamKey', 'must not be empty, but for srt')
  }
}

function refused(field: string, rule: string): HeadwaterError {
  return new HeadwaterError('bad_request', `${field} ${rule}.`, { facts: { field } })
}
