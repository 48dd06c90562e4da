import { describe, expect, test } from 'vitest'
import { type Cage, type CagedRun, cageCommand } from './cage-command.ts'

const NO_TOOLS: Cage = {
  tools: new Map(),
  isRoot: false,
  walls: null,
  ownUser: false,
  visible: { links: [], folders: [], files: [] },
  countsProcesses: false,
  cores: 2,
}
const TOOLS = new Map(
  (['bwrap', 'unshare', 'setpriv', 'prlimit', 'nice'] as const).map((tool) => [tool, `/bin/${tool}`]),
)
const VISIBLE = { links: [['/lib', 'usr/lib']], folders: ['/usr/lib'], files: ['/opt/my ffmpeg'] } as const
const RUN: CagedRun = {
  program: '/opt/my ffmpeg',
  args: ['-x'],
  folder: '/videos/runs/1',
  inputs: ['/data/blobs/a b'],
  limits: { cpuSeconds: 10, outputBytes: 5, memoryBytes: 7, nice: 10 },
  user: null,
}
const LIMITS = 'prlimit --as=7 --cpu=10:12 --fsize=5 --nofile=256'

function lineOf(cage: Partial<Cage>, run: Partial<CagedRun> = {}): string {
  const { program, args } = cageCommand({ ...NO_TOOLS, ...cage }, { ...RUN, ...run })
  return [program, ...args].join(' ').replaceAll('/bin/', '')
}

describe('the command of a run', () => {
  test('is the program alone where there is no tool', () => {
    expect(lineOf({})).toBe('/opt/my ffmpeg -x')
  })

  test('is tied to the server first of all where there are no walls', () => {
    expect(lineOf({ tools: TOOLS })).toBe(
      `setpriv --pdeathsig KILL --no-new-privs nice -n 10 ${LIMITS} --core=0 /opt/my ffmpeg -x`,
    )
  })

  test('spares the start of what a viewer waits for', () => {
    expect(lineOf({ tools: TOOLS }, { limits: { ...RUN.limits, nice: 0 } })).not.toContain('nice')
  })

  test('makes somebody else of root, without a privilege', () => {
    const line = lineOf(
      { tools: TOOLS, isRoot: true, ownUser: true, countsProcesses: true },
      { user: { id: 60_601, group: 60_600 } },
    )
    expect(line).toBe(
      'setpriv --pdeathsig KILL --reuid=60601 --regid=60600 --clear-groups --no-new-privs --inh-caps=-all ' +
        `--bounding-set=-all nice -n 10 ${LIMITS} --nproc=128 --core=0 /opt/my ffmpeg -x`,
    )
  })

  test('shows its program, libraries, inputs and folder behind the walls of bwrap, and nothing else', () => {
    expect(lineOf({ tools: TOOLS, walls: 'bwrap', visible: VISIBLE, countsProcesses: true })).toBe(
      'nice -n 10 bwrap --die-with-parent --unshare-user --unshare-net --unshare-pid --unshare-ipc --unshare-uts ' +
        '--dir /usr --dir /opt --dir /data --dir /data/blobs --dir /videos --dir /videos/runs ' +
        '--ro-bind /usr/lib /usr/lib --ro-bind /opt/my ffmpeg /opt/my ffmpeg --ro-bind /data/blobs/a b /data/blobs/a b ' +
        '--symlink usr/lib /lib --bind /videos/runs/1 /videos/runs/1 --remount-ro / --chdir /videos/runs/1 -- ' +
        `${LIMITS} --nproc=128 --core=0 /opt/my ffmpeg -x`,
    )
  })

  test('lets root drop its privileges behind the walls of bwrap, without a namespace of users', () => {
    const line = lineOf(
      { tools: TOOLS, walls: 'bwrap', isRoot: true, ownUser: true },
      { user: { id: 60_600, group: 60_600 } },
    )
    expect(line).not.toContain('--unshare-user')
    expect(line).toMatch(/--core=0 setpriv --reuid=60600 .*--bounding-set=-all \/opt\/my ffmpeg -x$/)
  })

  test('does the same with unshare and a script, in which no path can be a command', () => {
    const { program, args } = cageCommand(
      { ...NO_TOOLS, tools: TOOLS, walls: 'unshare', visible: VISIBLE },
      { ...RUN, folder: "/data/it's/run-1" },
    )
    const script = args[args.indexOf('-c') + 1] ?? ''
    expect([program, ...args.slice(0, args.indexOf('-c'))].join(' ')).toBe(
      '/bin/setpriv --pdeathsig KILL /bin/nice -n 10 /bin/unshare --user --map-root-user --mount --net --pid --ipc --uts ' +
        '--fork --kill-child -- /bin/sh',
    )
    expect(script).toContain(`'./data/it'\\''s/run-1'`)
    expect(script).toContain(`'/data/blobs/a\\040b /sys/data/blobs/a\\040b none bind,ro,nosuid,nodev'`)
    expect(script).toContain('remount,bind,ro /sys')
    expect(args.slice(-5)).toEqual([
      '--no-new-privs',
      '--inh-caps=-all',
      '--bounding-set=-all',
      '/opt/my ffmpeg',
      '-x',
    ])
  })
})
