/** Programs that try to get out of the cage, in every kind of cage: as root and as a plain user, behind both kinds of wall and none. */

import { spawn } from 'node:child_process'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countsApart, describeCage, findCage, summarizeCage } from './cage.ts'
import { type Cage, cageCommand, type Command } from './cage-command.ts'
import { CHILD_ENV } from './child-env.ts'
import { findFfmpeg } from './find-ffmpeg.ts'
import { letRead } from './run-users.ts'
import { findVisible } from './visible-files.ts'

/** Every Debian has it, and it can do all that a decoder could that somebody took over. */
const PERL = '/usr/bin/perl'
const IS_ROOT = process.getuid?.() === 0
const OWN_USER = { id: 60_600, group: 60_600 }
/** Whom the cages of a plain user belong to where the tests run as root. */
const PLAIN_USER = 60_500

type Kind = { readonly name: string; readonly walls: Cage['walls']; readonly asRoot: boolean }
const KINDS: readonly Kind[] = [
  ...(IS_ROOT
    ? [
        { name: 'bwrap, started as root', walls: 'bwrap' as const, asRoot: true },
        { name: 'unshare, started as root', walls: 'unshare' as const, asRoot: true },
      ]
    : []),
  { name: 'bwrap, started by a plain user', walls: 'bwrap', asRoot: false },
  { name: 'unshare, started by a plain user', walls: 'unshare', asRoot: false },
]

let folder: string
let found: Cage
let listener: Server
let port: number
let connections = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cage-'))
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data/secret'), 'secret')
  await writeFile(join(folder, 'data/input'), 'an input', { mode: 0o600 })
  found = await findCage({ program: await ffmpeg(), folder: join(folder, 'probe'), mode: 'auto' })
  found = { ...found, visible: await findVisible(PERL, found.tools) }
  listener = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  port = address !== null && typeof address === 'object' ? address.port : 0
})

afterAll(async () => {
  await new Promise((resolve) => listener.close(resolve))
  await rm(folder, { recursive: true })
})

describe.each(KINDS)('behind the walls of $name', (kind) => {
  test('there is no network, no file but its own, no right and no other process', async () => {
    const { said, run, code } = await live(
      kind,
      `
      use Socket; use POSIX (); $| = 1;
      sub note { my ($what, $worked) = @_; print "$what ", ($worked ? "worked" : "refused"), "\\n"; }
      sub opens { my ($how, $path) = @_; open(my $file, $how, $path) or return 0; return $file; }
      my $input = opens("<", $ARGV[1]);
      note("input", $input && <$input> eq "an input");
      my $own = opens(">", "made");
      note("own folder", $own && syswrite($own, "x"));
      socket(my $socket, PF_INET, SOCK_STREAM, 0);
      note("connect", connect($socket, pack_sockaddr_in(${port}, inet_aton("127.0.0.1"))));
      note("read /etc/passwd", opens("<", "/etc/passwd"));
      note("read the data folder", opens("<", "$ARGV[2]/secret"));
      note("list folders of others", opendir(my $root, "/root") || opendir(my $home, "/home"));
      note("write its input", opens(">>", $ARGV[1]));
      note("write a library", opens(">", "/usr/lib/made"));
      note("write beside its folder", opens(">", "$ARGV[0]/../made"));
      note("write temporary files", opens(">", "/tmp/made"));
      note("see processes", -e "/proc/1");
      note("signal the server", kill(0, ${process.pid}));
      note("become root", POSIX::setuid(0) && opens(">", "/made"));
      note("change its root", chroot("/usr"));
      note("run a shell", !system("/bin/sh", "-c", "true"));
      `,
    )
    expect(code).toBe(0)
    const worked = said.split('\n').filter((line) => line.endsWith(' worked'))
    expect(worked).toEqual(['input worked', 'own folder worked'])
    expect(said.split('\n').filter((line) => line.endsWith(' refused'))).toHaveLength(13)
    expect(connections).toBe(0)
    expect(await readFile(join(run, 'made'), 'utf8')).toBe('x')
    expect(await readFile(join(folder, 'data/input'), 'utf8')).toBe('an input')
  })

  test('processes end at a number, and none outlives the program', async () => {
    const { said, run } = await live(
      kind,
      `
      my $made = 0;
      while ($made < 3000) {
        my $child = fork();
        last unless defined $child;
        # Out of its group and deaf to all that can be ignored.
        if (!$child) { use POSIX (); POSIX::setsid(); $SIG{$_} = "IGNORE" for qw(TERM HUP INT); sleep 1000 while 1; }
        $made++;
      }
      print "$made\\n";
      `,
    )
    expect(Number(said)).toBeGreaterThan(20)
    expect(Number(said)).toBeLessThan(64 + 32 * found.cores)
    await expect.poll(() => processesIn(run)).toBe(0)
  })

  test('all of it dies when the server is killed', async () => {
    const run = await makeRun(kind, '$| = 1; print "lives\\n"; fork(); sleep 1000;')
    // A server of one line: starts the run and waits.
    const command = commandOf(kind, run)
    const server = spawn(PERL, ['-e', 'system(@ARGV)', command.program, ...command.args], {
      cwd: run,
      env: CHILD_ENV,
    })
    await new Promise((resolve) => server.stdout.once('data', resolve).once('end', resolve))
    await expect.poll(() => processesIn(run)).toBeGreaterThan(2)
    server.kill('SIGKILL')
    await expect.poll(() => processesIn(run)).toBe(0)
  })
})

describe.each(KINDS)('in the cage of $name', (kind) => {
  test.each([
    ['processor time', 'while (1) {}', { cpuSeconds: 1 }, [152, 137]],
    ['memory', 'my $n = 3e8; my $x = "x" x $n; print length $x;', { memoryBytes: 2e8 }, [1, 12]],
    [
      'output',
      'open(my $f, ">", "big"); for (1..1e5) { syswrite($f, "x" x 1e5) or exit 7 }',
      { outputBytes: 1e6 },
      [153, 7],
    ],
    ['open files', 'my @f; for (1..300) { open($f[$_], "<", $0) or exit 7 }', {}, [7]],
  ])('%s ends at its limit', async (_what, script, limits, codes) => {
    const { code } = await live(kind, script, limits)
    expect(codes).toContain(code)
  })
})

test.runIf(IS_ROOT)(
  'without walls a decoder of a server started as root is somebody else, who may read what it is handed',
  async () => {
    const kind: Kind = { name: '', walls: null, asRoot: true }
    await chmod(join(folder, 'data'), 0o700)
    const { said } = await live(
      kind,
      'use POSIX (); print "$> ", (open(my $b, "<", "$ARGV[2]/secret") ? "read" : "refused"), " ", (POSIX::setuid(0) ? "root" : "stays");',
    )
    await chmod(join(folder, 'data'), 0o755)
    expect(said).toBe(`${OWN_USER.id} refused stays`)
  },
)

describe('the search', () => {
  test('finds walls here, leaves nothing behind, and everything is there', async () => {
    const probe = join(folder, 'search')
    const cage = await findCage({ program: await ffmpeg(), folder: probe, mode: 'require' })
    expect(cage.walls).toBe('bwrap')
    expect(await readdir(probe)).toEqual([])
    expect(describeCage(cage).filter(({ present }) => !present)).toEqual([])
  })

  test('falls back to what there is when the program does not run behind walls', async () => {
    const script = join(folder, 'script')
    await writeFile(script, `#!/bin/sh\nexec ${await ffmpeg()} "$@"\n`, { mode: 0o755 })
    const search = { program: script, folder: join(folder, 'search') }
    expect(await findCage({ ...search, mode: 'auto' })).toMatchObject({ walls: null, ownUser: IS_ROOT })
    await expect(findCage({ ...search, mode: 'require' })).rejects.toThrow(/HEADWATER_CAGE.*no private view/)
  })

  test.each<readonly [has: string, tools: string[], walls: Cage['walls'], missing: string[]]>([
    ['without bubblewrap', ['unshare', 'setpriv', 'prlimit', 'nice', 'mount'], 'unshare', []],
    [
      'with prlimit alone',
      ['prlimit'],
      null,
      ['private view', 'own user', 'no privileges', 'process limit', 'nice'],
    ],
    [
      'with nothing',
      [],
      null,
      ['private view', 'own user', 'no privileges', 'limits', 'process limit', 'nice'],
    ],
  ])('on a system %s', async (has, tools, walls, missing) => {
    const searchPath = join(folder, `tools ${has}`)
    await mkdir(searchPath)
    for (const tool of tools) await symlink(await realPathOf(tool), join(searchPath, tool))
    const cage = await findCage({
      program: await ffmpeg(),
      folder: join(folder, 'search'),
      mode: 'auto',
      searchPath,
    })
    expect(cage.walls).toBe(walls)
    const reports = describeCage(cage)
    const absent = reports.filter(({ present }) => !present)
    expect(absent.map(({ layer }) => layer)).toEqual(
      missing.filter((layer) => IS_ROOT || layer !== 'own user'),
    )
    for (const { protects, remedy } of absent) {
      expect(protects).toMatch(/^[a-z]/)
      expect(remedy).toMatch(/install|needs/)
    }
    const summary = summarizeCage(cage)
    for (const { layer, present } of reports) expect(summary.includes(layer)).toBe(present)
    if (absent.length === reports.length) expect(summary).toBe('none')
  })

  test('is left out when it is off', async () => {
    const cage = await findCage({ program: PERL, folder: join(folder, 'none'), mode: 'off' })
    expect(cage).toMatchObject({ walls: null, ownUser: false })
  })

  test.each([
    ['5.13.0-1-amd64', false],
    ['5.14.0', true],
    ['6.1.0-31-amd64', true],
    ['4.18.0-553.el8', false],
  ])('knows whether Linux %s counts processes apart: %s', (kernel, apart) => {
    expect(countsApart(kernel)).toBe(apart)
  })
})

/** Runs a script in the cage; its arguments are its folder, an input and the data folder. */
async function live(kind: Kind, script: string, limits: Partial<typeof LIMITS> = {}) {
  const run = await makeRun(kind, script)
  const { program, args } = commandOf(kind, run, limits)
  const child = spawn(program, [...args], { cwd: run, env: CHILD_ENV, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  return { said: await text(child.stdout), run, code: await ended }
}

const SCRIPT = 'script.pl'
const LIMITS = { cpuSeconds: 20, outputBytes: 1e6, memoryBytes: 1e9, nice: 0 }

function commandOf(kind: Kind, run: string, limits: Partial<typeof LIMITS> = {}): Command {
  const input = join(folder, 'data/input')
  const isOwn = kind.asRoot
  const cage: Cage = {
    ...found,
    walls: kind.walls,
    isRoot: kind.asRoot,
    ownUser: isOwn,
    countsProcesses: true,
  }
  const command = cageCommand(cage, {
    program: PERL,
    args: [join(run, SCRIPT), run, input, join(folder, 'data')],
    folder: run,
    inputs: [input],
    limits: { ...LIMITS, ...limits },
    user: isOwn ? OWN_USER : null,
  })
  if (kind.asRoot || !IS_ROOT) return command
  const plain = [`--reuid=${PLAIN_USER}`, `--regid=${OWN_USER.group}`, '--clear-groups']
  return { program: 'setpriv', args: [...plain, command.program, ...command.args] }
}

async function makeRun(kind: Kind, script: string): Promise<string> {
  const run = await mkdtemp(join(folder, 'run-'))
  // In a file: for `-e` it would want a /dev/null, and there is none.
  await writeFile(join(run, SCRIPT), script)
  if (!IS_ROOT) return run
  await letRead(join(folder, 'data/input'))
  await chown(run, kind.asRoot ? OWN_USER.id : PLAIN_USER, OWN_USER.group)
  return run
}

/** Where Debian has it. */
async function realPathOf(tool: string): Promise<string> {
  for (const bin of CHILD_ENV.PATH.split(':')) {
    const names: readonly string[] = await readdir(bin).catch(() => [])
    if (names.includes(tool)) return join(bin, tool)
  }
  throw new Error(`no ${tool} here`)
}

async function ffmpeg(): Promise<string> {
  return (await findFfmpeg()).path
}

/** Processes that work in `path`, which is called the same inside; seen from here it may lie in the root of a cage. */
async function processesIn(path: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return folders.filter((cwd) => cwd.endsWith(path)).length
}
