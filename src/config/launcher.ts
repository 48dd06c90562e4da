/** Who started this process. */

/** Process id of the npm that runs `npm start`, which the server does not outlive; `undefined` when nobody waits. */
export function launcherPid(
  env: Readonly<Record<string, string | undefined>> = process.env,
  parentPid: number = process.ppid,
): number | undefined {
  return env.npm_lifecycle_event === 'start' ? parentPid : undefined
}
