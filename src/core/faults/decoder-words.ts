/** The decoder's own words about a file, as far as they may be shown to whoever sent it. Pure. */

/** Enough to search for, and for somebody who knows the decoder. */
const MOST_LINES = 6
const MOST_CHARACTERS = 240

/** A report of a file: then most lines are no complaints. */
const REPORT = /^ {2}(?:Stream #|Duration: )|^Input #/m
const COMPLAINT =
  /error|invalid|not found|could not|cannot|can't|unsupported|unknown|failed|fail|missing|mismatch|corrupt|exceed|concealing|non-existing|out of range|truncat|partial|no /i
/** What says nothing of the file. */
const IDLE =
  /^ffmpeg stats|Last message repeated|^Conversion failed|^Error marking filters|^Cannot determine format|overhead:|If you want to help|^Press \[/
/** Descriptions of pictures and what strangers wrote into the file, which may hold any word. */
const NO_COMPLAINT = /Parsed_showinfo|^ {4}|^ {2}(?:Stream|Duration|Metadata)/

/**
 * The last lines of `text` (ffmpeg's standard error) in which it complains: at most six of at most 240 characters,
 * without paths, addresses of memory or network and control characters.
 */
export function decoderLines(text: string): string[] {
  const all = text.split(/\r\n|[\r\n]/)
  const complaints = REPORT.test(text)
    ? all.filter((line) => COMPLAINT.test(line) && !NO_COMPLAINT.test(line))
    : all
  const clean = complaints.map(scrub).filter((line) => line !== '' && !IDLE.test(line))
  // Each once, where it was said last.
  return clean.filter((line, at) => clean.indexOf(line, at + 1) === -1).slice(-MOST_LINES)
}

function scrub(line: string): string {
  const clean = line
    .slice(0, 4 * MOST_CHARACTERS)
    // Control characters, and those that turn the direction of text around.
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .replaceAll(/ @ 0x[0-9a-f]+/gi, '')
    .replaceAll(/\b0x[0-9a-f]{9,}/gi, '…')
    .replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '…')
    .replaceAll(/\bfile:\S*/gi, '…')
    .replaceAll(/(?<![\w.…])(?:\/[\w@%+.~-]+){2,}\/?/g, '…')
    .replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '…')
    .trim()
  return clean.length <= MOST_CHARACTERS ? clean : `${clean.slice(0, MOST_CHARACTERS - 1)}…`
}
