/** Every migration, in order. A released one is never changed; a new one is added at the end. */

import type { Migration, MigrationProvider } from 'kysely/migration'
import { firstTables } from './0001-first-tables.ts'
import { concatenation } from './0002-concatenation.ts'
import { formLinks } from './0003-form-links.ts'
import { copies } from './0004-copies.ts'
import { signingKeys } from './0005-signing-keys.ts'
import { webhooks } from './0006-webhooks.ts'
import { captions } from './0007-captions.ts'
import { downloads } from './0008-downloads.ts'
import { watermarks } from './0009-watermarks.ts'
import { audioTracks } from './0010-audio-tracks.ts'
import { clips } from './0011-clips.ts'
import { accountsAndSearch } from './0012-accounts-and-search.ts'
import { liveInputs } from './0013-live-inputs.ts'
import { liveBroadcasts } from './0014-live-broadcasts.ts'
import { failures } from './0015-failures.ts'

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-first-tables': firstTables,
  '0002-concatenation': concatenation,
  '0003-form-links': formLinks,
  '0004-copies': copies,
  '0005-signing-keys': signingKeys,
  '0006-webhooks': webhooks,
  '0007-captions': captions,
  '0008-downloads': downloads,
  '0009-watermarks': watermarks,
  '0010-audio-tracks': audioTracks,
  '0011-clips': clips,
  '0012-accounts-and-search': accountsAndSearch,
  '0013-live-inputs': liveInputs,
  '0014-live-broadcasts': liveBroadcasts,
  '0015-failures': failures,
}

/** Hands Kysely's migrator the migrations above. */
export const migrationProvider: MigrationProvider = {
  getMigrations: async () => ({ ...MIGRATIONS }),
}
