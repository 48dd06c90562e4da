/** Whether what a call made is still there: a repeat (spec §10) must not tell of something that has been deleted. */

import { listApiTokens } from '../core/access/index.ts'
import { getTrack } from '../core/audio-tracks/index.ts'
import { findOutput, getLiveInput } from '../core/live-inputs/index.ts'
import { listSigningKeys } from '../core/protection/index.ts'
import { getVideo } from '../core/videos/index.ts'
import { listWatermarks } from '../core/watermarks/index.ts'
import { listSubscriptions } from '../core/webhooks/index.ts'
import type { Db } from '../tables.ts'

/** Looks for the object that an answer's `result` shows. */
export type StillThere = (accountId: string, result: unknown) => Promise<boolean>

/** A video, by its `uid`. */
export function videoIsThere(db: Db): StillThere {
  return async (_, result) => (await getVideo(db, idOf(result, 'uid'))) !== undefined
}

/** An audio track, by its `uid`. */
export function trackIsThere(db: Db): StillThere {
  return async (_, result) => (await getTrack(db, idOf(result, 'uid'))) !== undefined
}

/** A watermark profile, by its `uid`. */
export function watermarkIsThere(db: Db): StillThere {
  return async (accountId, result) => {
    const uid = idOf(result, 'uid')
    return (await listWatermarks(db, accountId)).some((watermark) => watermark.uid === uid)
  }
}

/** A live input, by its `uid`. */
export function liveInputIsThere(db: Db): StillThere {
  return async (_, result) => (await getLiveInput(db, idOf(result, 'uid'))) !== undefined
}

/** An output of a live input, by its `uid`. */
export function liveOutputIsThere(db: Db): StillThere {
  return async (_, result) => (await findOutput(db, idOf(result, 'uid'))) !== undefined
}

/** A signing key, by its `id`. */
export function keyIsThere(db: Db): StillThere {
  return async (accountId, result) => has(await listSigningKeys(db, accountId), result)
}

/** An API token that is not revoked, by its `id`. */
export function tokenIsThere(db: Db): StillThere {
  return async (accountId, result) => {
    const tokens = await listApiTokens(db, accountId)
    return has(
      tokens.filter(({ revokedUs }) => revokedUs === null),
      result,
    )
  }
}

/** A webhook, by its `id`. */
export function webhookIsThere(db: Db): StillThere {
  return async (accountId, result) => has(await listSubscriptions(db, accountId), result)
}

/** What cannot be deleted. */
export async function alwaysThere(): Promise<boolean> {
  return true
}

function has(found: readonly { readonly id: string }[], result: unknown): boolean {
  return found.some(({ id }) => id === idOf(result, 'id'))
}

function idOf(result: unknown, name: 'id' | 'uid'): string {
  const member = typeof result === 'object' && result !== null ? Object.entries(result) : []
  return String(member.find(([key]) => key === name)?.[1] ?? '')
}
