/** `docs/errors.md`: every failure a client may meet. */

import { formatErrorTable } from './errors.ts'

/** The whole page as Markdown, made by `npm run docs`. */
export function formatErrorsPage(): string {
  return `# Errors

Made by \`npm run docs\` from \`src/http/errors.ts\`.

The API answers a failure with \`{"result": null, "success": false, "errors": [{"code": …, "message": …}], "messages": …}\`;
\`code\` is the number below, \`message\` a sentence that says what was expected, what came and what to do. Playback addresses
answer with the same status and the sentence as plain text. Every answer carries \`x-request-id\`, which is also in the
server's log. \`x-should-retry: false\` tells the official SDK not to repeat what cannot succeed.

What is no acceptable HTTP at all is answered with one line of plain text, and the connection is closed: 400 (two readings
of where it ends, no Host or two), 408 (no whole headers within 20 s), 414 (an address over 12,288 characters), 417 (an
\`Expect\` other than \`100-continue\`), 431 (headers over 16 KiB together, or more than 100), 501 (a transfer coding other
than \`chunked\`, \`CONNECT\`), 505 (a version other than 1.0 and 1.1).

${formatErrorTable()}
A video that failed says why in \`status\`: \`errorReasonCode\` is the vendor's code, \`errorReasonText\` what was found.

| errorReasonCode | Meaning |
|---|---|
| \`ERR_NON_VIDEO\` | not a media file with a picture track |
| \`ERR_MALFORMED_VIDEO\` | recognised, but damaged beyond repair |
| \`ERR_DURATION_TOO_SHORT\` | shorter than 0.1 s |
| \`ERR_DURATION_EXCEED_CONSTRAINT\` | longer than \`maxDurationSeconds\` of its upload |
| \`ERR_UNKNOWN\` | anything else; the server's log has the cause |
`
}
