/** The data folder itself, for commands that work without a server: opened, locked, and let go of again. */

import { mkdir } from 'node:fs/promises'
import type { Secrets } from '../config/secrets.ts'
import type * as Access from '../core/access/index.ts'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'

/** An open folder. While it is open no server can start on it. */
export type OpenFolder = {
  readonly db: Db
  readonly clock: Clock
  readonly secrets: Secrets
  /** What the rules of accounts and tokens are. */
  readonly access: typeof Access
  close(): Promise<void>
}

/** Opens (or makes) the folder of the settings, with its first account. Throws `folder_in_use` while a server works on it. */
export async function openFolder(settings: Settings): Promise<OpenFolder> {
  const [{ openDatabase }, { systemClock }, access, { openSecrets }, { dataFolder }] = await Promise.all([
    import('../adapters/sql/open-database.ts'),
    import('../adapters/system/clock.ts'),
    import('../core/access/index.ts'),
    import('../config/secrets.ts'),
    import('../config/data-folder.ts'),
  ])
  const clock = systemClock()
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 })
  const { db, close } = await openDatabase({ file: dataFolder(settings.dataDir).databaseFile })
  const secrets = await openSecrets({
    ...settings,
    newUid: () => clock.newUid(),
    newSecret: (bytes) => clock.newSecret(bytes),
  })
  await access.keepAccount(db, clock, { id: secrets.accountId, name: 'first account' })
  return { db, clock, secrets, access, close }
}
