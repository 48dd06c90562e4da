/**
 * The `api` role: uploads by tus, form and one-time link. The JSON API itself belongs to the HTTP server. It also keeps house: uploads
 * that a crash stopped at their last step are finished, expired and forgotten things removed.
 */

import { sweepKeys } from '../core/idempotency/index.ts'
import { finishStalledUploads, sweepUploads, type UploadDeps } from '../core/uploads/index.ts'
import { sweep, sweepLeftovers } from '../core/videos/index.ts'
import { sweepCalls } from '../core/webhooks/index.ts'
import { formRoutes } from '../http/bytes/form.ts'
import { formLinkRoutes } from '../http/bytes/form-link.ts'
import { tusRoutes } from '../http/bytes/tus.ts'
import type { AnswerOnce } from '../http/repeats.ts'
import type { CountRequest } from '../http/rate-limit.ts'
import type { SignIn } from '../http/sign-in.ts'
import type { Log } from '../lib/log.ts'
import type { Role } from './role.ts'

export type ApiRoleDeps = {
  readonly uploads: UploadDeps
  readonly signIn: SignIn
  readonly countRequest: CountRequest
  readonly answerOnce: AnswerOnce
  readonly log: Log
}

/** Pause between two rounds of keeping house. */
const HOUSEKEEPING_MS = 60_000
/** Pause between two walks through everything that is stored. */
const DAY_MS = 86_400_000

/** Creates the role. */
export function createApiRole(deps: ApiRoleDeps): Role {
  const { clock } = deps.uploads
  const stopping = new AbortController()
  // Roles are all made before the first is started: nothing of this process is older.
  const startedMs = clock.monotonicMs()
  const startedUs = clock.nowUs()
  let rounds: Promise<void> | undefined

  async function keepHouse(): Promise<void> {
    let leftoversMs = Number.NEGATIVE_INFINITY
    while (!stopping.signal.aborted) {
      try {
        const nowMs = clock.monotonicMs()
        await finishStalledUploads({ ...deps.uploads, log: deps.log })
        await sweepUploads(deps.uploads)
        await sweep(deps.uploads)
        await sweepCalls(deps.uploads)
        await sweepKeys(deps.uploads)
        if (nowMs - leftoversMs >= DAY_MS) {
          // What is older than this process and has no row was left by one that died; what is younger may get its row yet.
          const runningMs = nowMs - startedMs
          await sweepLeftovers(deps.uploads, {
            graceMs: Math.min(runningMs, DAY_MS),
            unmovedUs: startedUs + runningMs * 1000,
          })
          leftoversMs = nowMs
        }
      } catch (err) {
        // The next round tries again; whoever runs the server reads why this one did not.
        deps.log.error({ err }, 'housekeeping failed')
      }
      await clock.sleep(HOUSEKEEPING_MS, stopping.signal)
    }
  }

  return {
    name: 'api',
    routes: [...formRoutes(deps), ...tusRoutes(deps), ...formLinkRoutes(deps)],
    async start() {
      rounds = keepHouse()
    },
    async stop() {
      stopping.abort()
      await rounds
    },
  }
}
