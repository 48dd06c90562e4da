import { expect, test } from 'vitest'
import { languageOfLabel } from './added-sounds.ts'

test.each([
  ['de', 'de'],
  ['PT-br', 'pt-BR'],
  ['ger', 'de'],
  ['zh-Hant', 'zh-Hant'],
  ['Deutsch', 'und'],
  ['director', 'und'],
  ['de, for children', 'und'],
  ['de-u-ca-gregory', 'und'],
  ['', 'und'],
])('the label %j tells the language %s', (label, language) => {
  expect(languageOfLabel(label)).toBe(language)
})
