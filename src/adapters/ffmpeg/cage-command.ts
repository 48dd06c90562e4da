/**
 * The command that runs a program in the cage. Pure. Each layer is a small program that sets one thing and then *becomes*
 * the next one, except that the walls keep one process outside and one inside, which fall together.
 */

import { quote } from './quote.ts'

/** A program that makes a layer. */
export type CageTool = 'bwrap' | 'unshare' | 'setpriv' | 'prlimit' | 'nice'

/** What of the system is seen inside the walls, read-only; links are symbolic ones. */
export type Visible = {
  readonly links: readonly (readonly [path: string, target: string])[]
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/** What this system offers. */
export type Cage = {
  /** Absolute paths of the tools that are there and work. */
  readonly tools: ReadonlyMap<CageTool, string>
  /** Whether the server runs as root. */
  readonly isRoot: boolean
  readonly walls: 'bwrap' | 'unshare' | null
  /** Each run has a user of its own; only with `isRoot`. */
  readonly ownUser: boolean
  readonly visible: Visible
  /** Whether the processes of one run are counted apart from all others. */
  readonly countsProcesses: boolean
  readonly cores: number
}

/** What one run may use. */
export type CageLimits = {
  readonly cpuSeconds: number
  readonly outputBytes: number
  readonly memoryBytes: number
  /** 0–19. */
  readonly nice: number
}

/** One run, as the cage sees it. */
export type CagedRun = {
  readonly program: string
  readonly args: readonly string[]
  /** The only folder it may write to, and the one it works in. */
  readonly folder: string
  /** Paths of the files it reads. */
  readonly inputs: readonly string[]
  readonly limits: CageLimits
  /** null: the server's own. */
  readonly user: { readonly id: number; readonly group: number } | null
}

/** A command as `spawn` takes it. */
export type Command = { readonly program: string; readonly args: readonly string[] }

/** Threads count as processes: every encoder of a ladder takes one and a half times the cores, and so do decoders. */
const PROCESSES = { least: 64, perCore: 32 } as const
const OPEN_FILES = 256
/** Empty folders and names of files are all there is on it. */
const ROOT_SIZE = 'size=64k,nr_inodes=2k,mode=755,nosuid,nodev'

/** The program and the arguments that run `run.program` inside the layers that are there. */
export function cageCommand(cage: Cage, run: CagedRun): Command {
  const inner = [run.program, ...run.args]
  const [program = run.program, ...args] = build(cage, run, inner)
  return { program, args }
}

function build(cage: Cage, run: CagedRun, inner: readonly string[]): readonly string[] {
  const nice = run.limits.nice === 0 ? [] : wrap(cage, 'nice', ['-n', String(run.limits.nice)])
  const limits = wrap(cage, 'prlimit', limitArgs(cage, run.limits))
  if (cage.walls === null) {
    // First of all the tie to the server's life; a user who is no longer root may still lower limits.
    return [...wrap(cage, 'setpriv', [...TIED, ...privilegeArgs(cage, run)]), ...nice, ...limits, ...inner]
  }
  const privileges = needsSetpriv(cage) ? wrap(cage, 'setpriv', privilegeArgs(cage, run)) : []
  const inside = [...limits, ...privileges, ...inner]
  if (cage.walls === 'bwrap') return [...nice, ...wrap(cage, 'bwrap', bwrapArgs(cage, run)), ...inside]
  const unshare = cage.tools.get('unshare') ?? 'unshare'
  const shell = ['/bin/sh', '-c', viewScript(cage, run, unshare), 'cage']
  return [...wrap(cage, 'setpriv', TIED), ...nice, unshare, ...unshareArgs(cage), ...shell, ...inside]
}

/** The kernel kills it when the server dies. */
const TIED = ['--pdeathsig', 'KILL'] as const

function wrap(cage: Cage, tool: CageTool, args: readonly string[]): readonly string[] {
  const path = cage.tools.get(tool)
  return path === undefined ? [] : [path, ...args]
}

/** A plain user's bwrap leaves no privilege by itself. */
function needsSetpriv({ walls, isRoot }: Cage): boolean {
  return walls !== 'bwrap' || isRoot
}

function privilegeArgs({ isRoot, walls }: Cage, { user }: CagedRun): readonly string[] {
  // In a namespace of one's own one is root too, and has something to lose.
  const isPrivileged = isRoot || walls === 'unshare'
  return [
    ...(user === null ? [] : [`--reuid=${user.id}`, `--regid=${user.group}`, '--clear-groups']),
    '--no-new-privs',
    ...(isPrivileged ? ['--inh-caps=-all', '--bounding-set=-all'] : []),
  ]
}

function limitArgs({ countsProcesses, cores }: Cage, limits: CageLimits): readonly string[] {
  return [
    `--as=${limits.memoryBytes}`,
    // Two figures: at the first ffmpeg may still say why it ends, at the second the kernel ends it.
    `--cpu=${limits.cpuSeconds}:${limits.cpuSeconds + 2}`,
    `--fsize=${limits.outputBytes}`,
    `--nofile=${OPEN_FILES}`,
    ...(countsProcesses ? [`--nproc=${PROCESSES.least + PROCESSES.perCore * cores}`] : []),
    // A dump of a decoder holds a stranger's pictures and fills the disk.
    '--core=0',
  ]
}

/** Every path is where it is outside, so that a command from the log can be pasted. */
function bwrapArgs({ isRoot, visible }: Cage, { folder, inputs }: CagedRun): readonly string[] {
  const readOnly = [...visible.folders, ...visible.files, ...inputs]
  return [
    // The walls fall with the server, and everything inside with them.
    '--die-with-parent',
    // Root needs no namespace for it, and could not become another user in one.
    ...(isRoot ? [] : ['--unshare-user']),
    '--unshare-net',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    // Those that bwrap makes on the way are closed to other users.
    ...foldersAbove([...readOnly, folder]).flatMap((path) => ['--dir', path]),
    ...readOnly.flatMap((path) => ['--ro-bind', path, path]),
    ...visible.links.flatMap(([path, target]) => ['--symlink', target, path]),
    '--bind',
    folder,
    folder,
    // What carries the rest is memory, and not to be filled.
    '--remount-ro',
    '/',
    '--chdir',
    folder,
    '--',
  ]
}

function unshareArgs({ isRoot }: Cage): readonly string[] {
  return [
    ...(isRoot ? [] : ['--user', '--map-root-user']),
    '--mount',
    '--net',
    '--pid',
    '--ipc',
    '--uts',
    // The first process inside dies with the one outside, and everything inside with it.
    '--fork',
    '--kill-child',
    '--',
  ]
}

/**
 * What bwrap does, as a script for the shell: an empty root in memory, what is to be seen bound into it, and the program in
 * it. The shell stays, as the first process inside: were it to become the program, the change of user would untie it.
 * A changed root holds, since the program has no privilege left to leave it with and the kernel makes no namespaces inside one.
 */
function viewScript({ visible, isRoot }: Cage, { folder, inputs }: CagedRun, unshare: string): string {
  const { folders, links } = visible
  const files = [...visible.files, ...inputs]
  const places = [...folders, folder, ...[...files, ...links.map(([path]) => path)].map(folderOf)]
  const table = [
    ...folders.map((path) => tableLine(path, 'rbind,ro,nosuid,nodev')),
    ...files.map((path) => tableLine(path, 'bind,ro,nosuid,nodev')),
    tableLine(folder, 'bind,nosuid,nodev,noexec'),
  ]
  const steps = [
    'umask 022',
    `mount -n -t tmpfs -o ${ROOT_SIZE} cage ${ROOT}`,
    `cd ${ROOT}`,
    `mkdir -p ${[...new Set(places)].map((path) => quote(`.${path}`)).join(' ')}`,
    ...links.map(([path, target]) => `ln -s ${quote(target)} ${quote(`.${path}`)}`),
    ...files.map((path) => `: >${quote(`.${path}`)}`),
    `printf '%s\\n' ${table.map(quote).join(' ')} >table`,
    'mount -n -a -T ./table',
    // A plain user's run would own it.
    ...(isRoot ? [] : [`mount -n -o remount,bind,ro ${ROOT}`]),
  ]
  const enter = `${quote(unshare)} --root=${ROOT} --wd=${quote(folder)} -- "$@"`
  return `${steps.join(' && ')} && ${enter}; exit $?`
}

/** In the run's own namespace only; every Linux has this folder, and nothing that a decoder needs lies in it. */
const ROOT = '/sys'

/** A line of fstab(5), in which blanks are written as octal numbers. */
function tableLine(path: string, options: string): string {
  const written = path.replaceAll(
    /[\s\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
  return `${written} ${ROOT}${written} none ${options}`
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** Every folder that a path lies in, outer ones first. */
function foldersAbove(paths: readonly string[]): readonly string[] {
  const folders = new Set<string>()
  for (const path of paths) {
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) folders.add(path.slice(0, at))
  }
  return [...folders]
}
