/**
 * `headwater scrub`: reads everything that is stored and holds it against its record. A running server does it beside its
 * work and is asked how far it is; else the data folder is opened, locked and read here, as fast as it goes.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Settings } from '../config/settings.ts'
import type { PresentedScrub } from '../http/api/scrub.ts'
import { type ApiClient, askServer, isRunning, openClient, serverUrl } from './api-client.ts'
import { CommandFailure } from './command-failure.ts'
import { formatBytes, ProgressLine } from './progress-line.ts'
import type { RunningScrub, ScrubRequest } from './running-scrub.ts'
import { openFolderScrub } from './scrub-folder.ts'

/** Exit codes beside 0 (all is well, or was made so) and 1 (it could not be done). */
const DAMAGE_IS_LEFT = 3
/** As shells tell the end by SIGINT. */
const INTERRUPTED = 130

const LOOK_MS = 250

/** Runs the command; resolves with the exit code. */
export async function scrub(settings: Settings, args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      repair: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rate: { type: 'string' },
      server: { type: 'string' },
      token: { type: 'string' },
    },
  })
  const request: ScrubRequest = { repair: values.repair, megabytesPerSecond: readRate(values.rate) }
  const remote = values.server !== undefined || (await isRunning(serverUrl(settings, values)))
  const running = remote
    ? await startOnServer(await openClient(settings, values), request)
    : await openFolderScrub(settings, request)
  try {
    const report = await follow(running)
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : `${summarise(report)}\n`)
    return exitCode(report)
  } finally {
    await running.close()
  }
}

function readRate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const rate = Number(text)
  if (/^\d+(?:\.\d+)?$/.test(text) && rate >= 0.1 && rate <= 100_000) return rate
  throw new CommandFailure(`--rate is "${text}", expected megabytes per second from 0.1 to 100000.`)
}

async function startOnServer(client: ApiClient, request: ScrubRequest): Promise<RunningScrub> {
  const base = `${client.serverUrl}/client/v4`
  const path = '/headwater/scrub'
  await askServer(client, { base, path, method: 'POST', body: request })
  return {
    look: (after) => askServer(client, { base, path: `${path}?after=${after}` }),
    stop: async () => {
      await askServer(client, { base, path, method: 'DELETE' })
    },
    close: async () => {},
  }
}

/** Tells how far it is and what is found, until it has ended; Ctrl-C stops it. Answers the whole report. */
async function follow(running: RunningScrub): Promise<PresentedScrub> {
  const line = new ProgressLine(process.stderr, 'Scrubbing')
  const findings: PresentedScrub['findings'] = []
  let stopping: Promise<void> | undefined
  const stop = (): void => {
    stopping ??= running.stop()
    // Whoever waits below learns of it.
    stopping.catch(() => {})
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    for (;;) {
      await stopping
      const report = await running.look(findings.length)
      for (const finding of report.findings) {
        findings.push(finding)
        line.say(formatFinding(finding))
      }
      line.update(report.bytes.checked, report.bytes.total, 'bytes')
      if (report.state !== 'running') return { ...report, findings }
      await sleep(LOOK_MS)
    }
  } finally {
    line.finish()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

function formatFinding({ file, outcome, found, means, video }: PresentedScrub['findings'][number]): string {
  const of = video === null || file.includes(video) ? '' : ` (video ${video})`
  return `${outcome.padEnd(10)} ${file}${of}\n           ${found}\n           ${means}`
}

/** What a person wants to know at the end. */
function summarise(report: PresentedScrub): string {
  const { files, bytes, damaged, repaired, lost, strays, strayBytes, repair, state, error } = report
  const lines = [`Read ${files.checked} files, ${formatBytes(bytes.checked)}.`]
  if (damaged === 0)
    lines.push(state === 'done' ? 'Everything is as it was stored.' : 'Nothing damaged was found.')
  else if (repair)
    lines.push(`Damaged: ${damaged}. Made again, or queued to be: ${repaired}. Beyond repair: ${lost}.`)
  else {
    lines.push(`Damaged: ${damaged}, of which ${damaged - lost} can be made again: headwater scrub --repair.`)
  }
  if (strays > 0) lines.push(`Without a record: ${strays} files, ${formatBytes(strayBytes)}.`)
  if (state === 'stopped') lines.push('It was stopped before its end.')
  if (state === 'failed') lines.push(`It ended early: ${error ?? 'for an unknown reason'}`)
  return lines.join('\n')
}

function exitCode({ state, damaged, repaired }: PresentedScrub): number {
  if (state === 'failed') return 1
  if (damaged > repaired) return DAMAGE_IS_LEFT
  return state === 'stopped' ? INTERRUPTED : 0
}
