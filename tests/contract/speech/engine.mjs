#!/usr/bin/env node
// A speech engine for tests: says what it was given. French fails, Italian is no WebVTT, German waits for the file `go`.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [path, language] = process.argv.slice(2)
const wav = readFileSync(path)
const secrets = Object.keys(process.env).filter((name) => name.startsWith('HEADWATER_'))
if (language === 'fr') {
  console.error('loading the model\nno French today')
  process.exit(3)
}
if (language === 'de') {
  const folder = dirname(process.argv[1])
  while (!existsSync(join(folder, 'go'))) await new Promise((resolve) => setTimeout(resolve, 50))
}
const facts = [
  wav.toString('latin1', 0, 4),
  `${wav.readUInt16LE(22)} channel`,
  `${wav.readUInt32LE(24)} Hz`,
  `${wav.length} bytes`,
  `${secrets.length} secrets`,
]
const cues = ['00:00:00.000 --> 00:00:01.000', `${language}: ${facts.join(', ')}`, '']
const never = ['00:00:01.000 --> 00:00:01.000', 'never shown', '']
console.log((language === 'it' ? ['no WebVTT'] : ['WEBVTT', '', ...cues, ...never]).join('\n'))
