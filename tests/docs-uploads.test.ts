import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkCitedTests } from './architecture/cited-tests.ts'

const page = readFileSync(new URL('../docs/uploads.md', import.meta.url), 'utf8')

describe('docs/uploads.md', () => {
  test('names for every rule tests that exist', () => {
    const { rows, wrong } = checkCitedTests(page)
    expect(wrong).toEqual([])
    expect(rows).toBeGreaterThan(100)
  })

  test('holds every part of the ways in', () => {
    const parts = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1])
    expect(parts).toEqual([
      'Ways in',
      'Chunks',
      'Creation',
      'Upload-Metadata',
      'One-time tus links',
      'Offsets, breaks, expiry',
      'Ids',
      'Browsers',
      'The tus protocol',
      'Form uploads',
      'Making a form link',
      'Using a form link',
      'Upload from a URL',
      'Formats and limits',
      'Storage minutes',
      'Clients',
      'What never happens',
    ])
  })
})

describe('the checker', () => {
  const own = 'tests/docs-uploads.test.ts'
  const table = (cell: string) => `| Rule | Shown by |\n|---|---|\n| it holds | ${cell} |\n`

  test.each([
    ['no test', ''],
    ['words', 'see the source'],
    [
      'a file that is not there',
      '`tests/none.test.ts` › docs/uploads.md › names for every rule tests that exist',
    ],
    ['a title that is not there', `\`${own}\` › docs/uploads.md › holds`],
    ['a title without what it lies in', `\`${own}\` › names for every rule tests that exist`],
    ['a row that its table has not', `\`${own}\` › the checker › refuses a row with nothing of the kind`],
    ['one good and one bad', `\`${own}\` › the checker › refuses a row with %s<br>\`${own}\` › none`],
  ])('refuses a row with %s', (_, cell) => {
    expect(checkCitedTests(table(cell)).wrong).toHaveLength(1)
  })

  test('takes a title, one row of a table of tests, and all of them', () => {
    const titles = [
      'docs/uploads.md › holds every part of the ways in',
      'the checker › refuses a row with words',
    ]
    const cell = [...titles, 'the checker › refuses a row with %s'].map((title) => `\`${own}\` › ${title}`)
    expect(checkCitedTests(table(cell.join('<br>')))).toEqual({ rows: 1, wrong: [] })
  })
})
