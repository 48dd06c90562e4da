/** `npm run docs`: writes the reference pages that are made from the source. */

import { writeFile } from 'node:fs/promises'
import { formatSettingsPage } from '../src/config/describe-settings.ts'

const page = new URL('../docs/settings.md', import.meta.url)
await writeFile(page, formatSettingsPage())
process.stdout.write('docs/settings.md written\n')
