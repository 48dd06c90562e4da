/**
 * Appends to a draft and prints its id, length and checksums after each sync; every tenth time it publishes a small
 * blob. To be killed.
 */

import { openFolderBlobs } from '../../../src/adapters/folder/blobs.ts'
import { patternBytes } from '../pattern.ts'

const [folder = ''] = process.argv.slice(2)
const blobs = await openFolderBlobs({ folder })
const draft = await blobs.createDraft({ streamed: true })
for (let index = 0; ; index++) {
  const bytes = patternBytes(draft.lengthBytes, 100_003)
  await draft.append([bytes.subarray(0, 1_000), bytes.subarray(1_000)])
  await draft.sync()
  console.log(JSON.stringify([draft.id, draft.lengthBytes, Buffer.from(draft.checksums()).toString('hex')]))
  const small = await blobs.createDraft()
  await small.append([patternBytes(0, 50_000)])
  await small.publish(`tracks/kill/${index}.mp4`)
}
