/** What `headwater help` says. */

const OVERVIEW = `Headwater, a video platform you run yourself.

  headwater serve                  start the server (this is what "npm start" does)
  headwater upload <file>          upload a video, resumable, and follow its encode
  headwater token create|list|revoke
                                   API tokens
  headwater account create|list|set
                                   accounts, each blind to the others
  headwater scrub [--repair]       read everything that is stored, find what is damaged, repair it
  headwater doctor                 what this machine has, what it lacks, and the remedy
  headwater help [command]         more about one command
  headwater --print-config         every setting with its value, default and meaning
  headwater --version

Settings are environment variables: see docs/settings.md.`

const COMMANDS: Readonly<Record<string, string>> = {
  serve: `headwater serve [--print-config]

Starts the server and prints its address, the account id and, the first time, the API token.
Ctrl-C or SIGTERM lets running requests finish and stops it; kill -9 loses nothing that was acknowledged.

  --print-config   show every setting with its value, default and meaning, and stop`,

  upload: `headwater upload <file> [--name TEXT] [--server URL] [--token TOKEN] [--no-wait]

Uploads in chunks of 50 MiB. Run it again after an interruption: it goes on where the server's disk stopped.
Prints the watch address as soon as the video plays, then follows the encode to its end.

  --name TEXT      title of the video; default: the file's name
  --server URL     default: HEADWATER_PUBLIC_URL, else the server on this machine
  --token TOKEN    default: HEADWATER_API_TOKEN, else the one in the data folder
  --account ID     default: HEADWATER_ACCOUNT_ID, else the one in the data folder
  --no-wait        return after the last byte
  --restart        forget an interrupted upload of this file and begin anew`,

  token: `headwater token create [--name TEXT] [--read-only]
headwater token list
headwater token revoke <id>

Asks the running server, else works on the data folder itself. A new token is shown once; only its hash is kept.

  --server URL     default: HEADWATER_PUBLIC_URL, else the server on this machine
  --token TOKEN    the token to ask with; default: HEADWATER_API_TOKEN, else the one in the data folder
  --account ID     whose tokens; default: HEADWATER_ACCOUNT_ID, else the one in the data folder.
                   The server's own token may ask for any account`,

  account: `headwater account create --name TEXT [--storage-minutes N]
headwater account list
headwater account set <id> [--name TEXT] [--storage-minutes N]

Each account has its own videos, tokens, keys, webhooks and limits. A new one comes with a token that may write, shown
once. Asks the running server with its own token, else works on the data folder itself.

  --storage-minutes N   minutes of video it may hold; 0 = unlimited, default = what HEADWATER_STORAGE_MINUTES says
  --server URL          default: HEADWATER_PUBLIC_URL, else the server on this machine
  --token TOKEN         the operator's; default: HEADWATER_API_TOKEN, else the one in the data folder`,

  scrub: `headwater scrub [--repair] [--json] [--rate MB]

Reads every stored file and holds it against its record (length, and a checksum for every 4 MiB); looks for records
whose file is gone and for files without a record. A running server is asked to do it beside its work, slowly enough
that playback does not suffer; without one the data folder is read here. Ctrl-C stops it, and what it has found and
repaired until then stays.

Nothing is changed without --repair. With it, whatever was made from a video's source is made again: encoded
qualities, indexes, downloads, thumbnails; files that no record names are removed. A source, captions or the image of
a watermark cannot be made again: the answer says what that means and what to do.

Exit codes: 0 all is well or was made so, 3 damage is left, 1 it could not be done, 130 interrupted.

  --repair         make again what can be
  --json           print the report as JSON; progress and findings still go to standard error
  --rate MB        read at most so many megabytes a second; default: 50 beside a server, else as fast as it goes
  --server URL     default: HEADWATER_PUBLIC_URL, else the server on this machine
  --token TOKEN    the operator's; default: HEADWATER_API_TOKEN, else the one in the data folder`,

  doctor: `headwater doctor

Lists what was found, what is missing and the remedy. Ends with exit code 1 when something needed is missing.`,
}

/** Help about one command; about all of them when the name is absent or unknown. */
export function helpFor(command?: string): string {
  return (command === undefined ? undefined : COMMANDS[command]) ?? OVERVIEW
}
