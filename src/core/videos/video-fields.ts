/** The rules of the fields a customer writes (api.md §3.2). Each throws, naming the field, or answers what is stored. */

import { type FailureCode, HeadwaterError } from '../../lib/failure.ts'
import type { JsonObject, PublicDetails } from './video.ts'

const MOST_CREATOR_CHARACTERS = 64
const MOST_META_BYTES = 32 * 1024
/** JSON is read at any depth, but some thousand levels are more than the stack has for writing it. */
const MOST_META_LEVELS = 100
/** Longest video an upload may be limited to (uploads.md §7). */
export const MOST_DURATION_SECONDS = 36_000
const MOST_LINK_CHARACTERS = 2_048
const DAY_US = 86_400_000_000
const LEAST_DAYS = 30
const MOST_DAYS = 1_096

/** At most 64 characters; empty or null = none. `field` is how the request calls it. */
export function checkCreator(creator: string | null, field = 'creator'): string | null {
  if (creator === null || creator === '') return null
  const characters = Array.from(creator).length
  if (characters <= MOST_CREATOR_CHARACTERS) return creator
  throw refused(field, `may have at most ${MOST_CREATOR_CHARACTERS} characters, this one has ${characters}`)
}

/** At most 32 KiB as JSON, and 100 levels. */
export function checkMeta(meta: JsonObject): JsonObject {
  if (isDeeper(meta, MOST_META_LEVELS)) {
    throw refused('meta', `may have at most ${MOST_META_LEVELS} levels of objects and lists`)
  }
  const bytes = new TextEncoder().encode(JSON.stringify(meta)).byteLength
  if (bytes <= MOST_META_BYTES) return meta
  throw refused('meta', `may have at most ${MOST_META_BYTES} bytes as JSON, this has ${bytes}`)
}

/** Whether there are more than so many objects and lists within each other; looks no deeper than that. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1))
}

/** From 0 to 1. */
export function checkThumbnailTimestampPct(pct: number): number {
  if (pct >= 0 && pct <= 1) return pct
  throw refused('thumbnailTimestampPct', `must be from 0.0 to 1.0, not ${pct}`)
}

/** Whole seconds, from 1 to 10 hours. */
export function checkMaxDurationSeconds(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MOST_DURATION_SECONDS) return seconds
  throw refused(
    'maxDurationSeconds',
    `must be a whole number from 1 to ${MOST_DURATION_SECONDS}, not ${seconds}`,
  )
}

/** In the future. `field` is how the request calls it. */
export function checkUploadExpiry(expiryUs: number, nowUs: number, field = 'uploadExpiry'): number {
  if (expiryUs > nowUs) return expiryUs
  throw refused(field, `must be in the future, not ${time(expiryUs)}`)
}

/** 30 to 1,096 days after the creation; null = never. Throws `scheduled_deletion_out_of_range`. */
export function checkScheduledDeletion(deletionUs: number | null, createdUs: number): number | null {
  if (deletionUs === null) return null
  const earliestUs = createdUs + LEAST_DAYS * DAY_US
  const latestUs = createdUs + MOST_DAYS * DAY_US
  if (deletionUs >= earliestUs && deletionUs <= latestUs) return deletionUs
  throw refused(
    'scheduledDeletion',
    `must be between ${LEAST_DAYS} and ${MOST_DAYS} days after the creation, from ${time(earliestUs)} to ${time(latestUs)}, not ${time(deletionUs)}`,
    'scheduled_deletion_out_of_range',
  )
}

/** `given` over `stored`, member by member; null clears one. Links are http(s) addresses. */
export function mergePublicDetails(stored: PublicDetails | null, given: PublicDetails): PublicDetails {
  const { title, share_link, channel_link, logo } = given
  const links = { share_link, channel_link, logo }
  for (const [name, link] of Object.entries(links)) checkLink(`publicDetails.${name}`, link)
  if ((title ?? '').length > MOST_LINK_CHARACTERS) {
    throw refused('publicDetails.title', `may have at most ${MOST_LINK_CHARACTERS} characters`)
  }
  const members = Object.entries({ title, ...links }).filter(([, value]) => value !== undefined)
  return {
    title: null,
    share_link: null,
    channel_link: null,
    logo: null,
    ...stored,
    ...Object.fromEntries(members),
  }
}

function checkLink(field: string, link: string | null | undefined): void {
  if (link === null || link === undefined) return
  if (link.length > MOST_LINK_CHARACTERS) {
    throw refused(field, `may have at most ${MOST_LINK_CHARACTERS} characters, this one has ${link.length}`)
  }
  if (!/^https?:\/\//i.test(link) || !URL.canParse(link)) {
    throw refused(field, `must be an http or https address, not ${JSON.stringify(link.slice(0, 100))}`)
  }
}

function time(us: number): string {
  const ms = Math.floor(us / 1000)
  return Math.abs(ms) > 8_640_000_000_000_000 ? String(us) : new Date(ms).toISOString()
}

function refused(field: string, rule: string, code: FailureCode = 'bad_request'): HeadwaterError {
  return new HeadwaterError(code, `${field} ${rule}.`, { facts: { field } })
}
