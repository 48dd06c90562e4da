/** `docs/errors.md`: every failure a client may meet. */

import { MEDIA_FAULTS, type Stage } from '../lib/media-faults.ts'
import { ERRORS } from './errors.ts'

/** The whole page as Markdown, made by `npm run docs`. */
export function formatErrorsPage(): string {
  return `# Errors

Made by \`npm run docs\` from \`src/http/errors.ts\` and \`src/lib/media-faults.ts\`.

The API answers a failure with \`{"result": null, "success": false, "errors": [{"code": …, "message": …}], "messages": …}\`;
\`code\` is the number below, \`message\` a sentence that says what was expected, what came and what to do. Playback addresses
answer with the same status and the sentence as plain text. Every answer carries \`x-request-id\`, which is also in the
server's log. \`x-should-retry: false\` tells the official SDK not to repeat what cannot succeed.

What is no acceptable HTTP at all is answered with one line of plain text, and the connection is closed: 400 (two readings
of where it ends, no Host or two), 408 (no whole headers within 20 s), 414 (an address over 12,288 characters), 417 (an
\`Expect\` other than \`100-continue\`), 431 (headers over 16 KiB together, or more than 100), 501 (a transfer coding other
than \`chunked\`, \`CONNECT\`), 505 (a version other than 1.0 and 1.1).

${formatErrorTable()}
## Videos that failed

A video that failed says why in \`status\`: \`errorReasonCode\` is the vendor's code, \`errorReasonText\` what was found.
\`status.failure\` is our own addition, the same in the API, in webhook calls and in the dashboard:

\`\`\`json
${JSON.stringify(EXAMPLE, null, 2)}
\`\`\`

\`position\` has the \`byte\` of the file and the \`seconds\` of the video, as far as they are known. \`decoder\` has the last lines
the decoder said, without paths and addresses, where it was asked at all. \`stage\` says how far the video came:
${formatStages()}.

| errorReasonCode | Meaning |
|---|---|
| \`ERR_NON_VIDEO\` | not a media file with a picture track |
| \`ERR_MALFORMED_VIDEO\` | recognised, but it cannot be used |
| \`ERR_DURATION_TOO_SHORT\` | shorter than 0.1 s |
| \`ERR_DURATION_EXCEED_CONSTRAINT\` | longer than \`maxDurationSeconds\` of its upload |
| \`ERR_FETCH_ORIGIN_ERROR\` | the file could not be fetched from its URL (\`fetch_failed\`, \`fetch_refused\`) |
| \`ERR_UNKNOWN\` | the file is not at fault: \`failure.code\` is one of the first table, and the server's log has the cause |

### Faults of files

A request that is refused for one of these answers 400: 10059 with \`ERR_NON_VIDEO\`, 10005 with the others.

${formatFaultTable()}`
}

const EXAMPLE = {
  state: 'error',
  errorReasonCode: 'ERR_MALFORMED_VIDEO',
  errorReasonText:
    "The video was deemed to be corrupted or malformed. The MP4 file is cut off: its 4194304 bytes end inside 'mdat', which claims to reach byte 18437120, and no movie header ('moov') comes before; send the whole file.",
  failure: {
    code: 'mp4_cut_off_before_index',
    stage: 'index',
    found:
      "The MP4 file is cut off: its 4194304 bytes end inside 'mdat', which claims to reach byte 18437120, and no movie header ('moov') comes before; send the whole file.",
    advice: MEDIA_FAULTS.mp4_cut_off_before_index.advice,
    position: { byte: 4_194_304 },
  },
}

/** What each stage is about. */
const STAGES: Readonly<Record<Stage, string>> = {
  upload: 'its bytes came',
  download: 'it was fetched from its URL',
  sniff: 'what kind of file it is',
  index: 'where its pictures lie',
  plan: 'how it will be played',
  decode: 'its first pictures',
  encode: 'all its pictures and sound',
  package: 'what was made of them',
  clip: 'cutting a clip',
  speech: 'captions of what is said in it',
}

function formatStages(): string {
  return Object.entries(STAGES)
    .map(([stage, about]) => `\`${stage}\` (${about})`)
    .join(', ')
}

/** The faults of files as Markdown. */
function formatFaultTable(): string {
  const rows = Object.entries(MEDIA_FAULTS).map(
    ([code, { reason, stage, when, advice }]) =>
      `| \`${code}\` | \`${reason}\` | ${stage} | ${when} | ${advice} |`,
  )
  return `| code | errorReasonCode | stage | What happened | What to do |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

/** The table as Markdown. */
function formatErrorTable(): string {
  const rows = Object.entries(ERRORS)
    .toSorted(([, a], [, b]) => a.status - b.status || a.number - b.number)
    .map(([code, row]) => {
      const headers = Object.entries(row.headers ?? {}).map(([name, value]) => `\`${name}: ${value}\``)
      return `| ${row.status} | ${row.number} | \`${code}\` | \`${row.start}\` | ${row.when} | ${headers.join(', ')} |`
    })
  return [
    '| HTTP | Number | Our code | Message starts with | When | Headers |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
