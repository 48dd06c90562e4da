/** `npm run docs`: writes the reference pages that are made from the source. */

import { writeFile } from 'node:fs/promises'
import { formatSettingsPage } from '../src/config/describe-settings.ts'
import { formatErrorsPage } from '../src/http/errors-page.ts'

const pages = { 'settings.md': formatSettingsPage(), 'errors.md': formatErrorsPage() }

for (const [name, text] of Object.entries(pages)) {
  await writeFile(new URL(`../docs/${name}`, import.meta.url), text)
  process.stdout.write(`docs/${name} written\n`)
}
