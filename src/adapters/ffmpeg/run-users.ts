/**
 * A user for each run of a server that was started as root: no two runs are the same user, so none can touch another's
 * processes, and the kernel counts the processes of each apart. Inputs are made readable for one group of all runs.
 */

import { chmod, chown, stat } from 'node:fs/promises'

/** The first user, and the group of all. Distributions leave 60578–61183 to nobody (systemd, "Users, Groups, UIDs and GIDs"). */
const FIRST_USER = 60_600
const GROUP = 60_600
const MOST_AT_ONCE = 500

/** Users that no run has at the moment. */
export class RunUsers {
  readonly #taken = new Set<number>()

  /** The lowest free user; give it back when nothing of the run is left. */
  take(): number {
    for (let user = FIRST_USER; user < FIRST_USER + MOST_AT_ONCE; user += 1) {
      if (this.#taken.has(user)) continue
      this.#taken.add(user)
      return user
    }
    // Far more runs than slots for jobs: two of them share a user then.
    return FIRST_USER + MOST_AT_ONCE
  }

  release(user: number): void {
    this.#taken.delete(user)
  }

  /** The group of every run. */
  get group(): number {
    return GROUP
  }
}

/** Makes a run's folder the run's. */
export async function giveFolder(folder: string, user: number): Promise<void> {
  await chown(folder, user, GROUP)
}

/** Lets runs read a file. Its folders stay closed to them: they are handed the file itself. */
export async function letRead(path: string): Promise<void> {
  const { uid, gid, mode } = await stat(path)
  if (gid === GROUP && (mode & 0o040) !== 0) return
  await chown(path, uid, GROUP)
  await chmod(path, (mode & 0o7777) | 0o040)
}
