/** Tables of documentation whose last column names the tests that show what a row says. */

import { readTestTitles, type TestTitles } from './test-titles.ts'

const CITATION = /^`([^`]+\.test\.ts)` › (.+)$/

/** How many rows there are, and a sentence for each that names no test, or one that does not exist. */
export type CitedTests = { readonly rows: number; readonly wrong: readonly string[] }

/**
 * Reads every table of `page` (Markdown). In its last column each row names tests as `` `file` › title ``, several with
 * `<br>` between them; a title as the runner prints it.
 */
export function checkCitedTests(page: string): CitedTests {
  const files = new Map<string, TestTitles | undefined>()
  const lines = page.split('\n')
  // A table begins with its header and the line of dashes below.
  const rows = lines.filter((line, index) => {
    const isHeader = /^\|[ :|-]+\|$/.test(lines[index + 1] ?? '')
    return line.startsWith('|') && !isHeader && !/^\|[ :|-]+\|$/.test(line)
  })
  const wrong = rows.flatMap((row) => {
    const cells = row.split('|').slice(1, -1)
    const rule = cells[0]?.trim() ?? ''
    const cited = (cells.at(-1) ?? '').split('<br>').map((text) => text.trim())
    return cited.flatMap((text) => {
      const [, path = '', title = ''] = CITATION.exec(text) ?? []
      if (path === '') return [`"${rule}" names no test, but "${text}"`]
      if (!files.has(path)) files.set(path, readTestTitles(path))
      const file = files.get(path)
      if (file === undefined) return [`"${rule}": there is no ${path}`]
      return file.has(title) ? [] : [`"${rule}": ${path} has no test "${title}"`]
    })
  })
  return { rows: rows.length, wrong }
}
