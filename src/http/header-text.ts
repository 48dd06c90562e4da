/** Header values as text. */

import type { IncomingMessage } from 'node:http'

/** A header as text; undefined when it was not sent. Node gives bytes as Latin-1; what is UTF-8 is read as that. */
export function headerText(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name]
  if (value === undefined) return undefined
  const bytes = Buffer.from(Array.isArray(value) ? value.join(',') : value, 'latin1')
  const text = bytes.toString('utf8')
  return text.includes('\ufffd') ? bytes.toString('latin1') : text
}
