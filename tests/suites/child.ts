/** A child process that does something until it is killed the hard way; what it printed is what it was promised. */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/**
 * Runs `tests/suites/children/<script>` with `args`, kills it with SIGKILL once `enough` says so of the lines printed,
 * and answers all of them. A line printed before the kill arrives even though the process is gone.
 */
export async function runUntilKilled(
  script: string,
  args: readonly string[],
  enough: (lines: readonly string[]) => boolean,
): Promise<readonly string[]> {
  const path = fileURLToPath(new URL(`./children/${script}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (enough(lines)) child.kill('SIGKILL')
  }
  await exited
  return lines
}
