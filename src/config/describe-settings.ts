/** The settings as text: `--print-config` for the operator, `docs/settings.md` for the reader. */

import { NOT_BUILT_YET, SETTINGS, type SettingKey, type SettingRow, type Settings } from './settings.ts'

/** Every setting with value, default and meaning, one block of two lines each; secrets are masked. */
export function printSettings(settings: Settings): string {
  const rows = Object.entries(SETTINGS) as [SettingKey, SettingRow][]
  const width = Math.max(...rows.map(([, row]) => row.name.length))
  const lines = rows.map(([key, row]) => {
    const head = `${row.name.padEnd(width)}  ${showValue(row, settings[key])}`
    return `${head}\n${' '.repeat(width)}  default: ${plain(defaultText(row))}. ${plain(row.meaning)}`
  })
  return `${lines.join('\n')}\n`
}

/** The reference page, `docs/settings.md`. */
export function formatSettingsPage(): string {
  const rows = Object.values(SETTINGS) as SettingRow[]
  const table = rows.map(
    (row) => `| \`${row.name}\` | ${markdownDefault(row)} | ${row.meaning} | ${row.expects} |`,
  )
  const later = Object.entries(NOT_BUILT_YET).map(
    ([name, { what, refused }]) => `| \`${name}\` | ${refused ? 'stops the start' : 'ignored'} | ${what} |`,
  )
  return `# Settings

<!-- Made by \`npm run docs\` from src/config/settings.ts; a test compares the two. -->

All settings are environment variables, all are optional, and an empty value counts as absent. A wrong value stops the
start with one sentence that names the setting, what was found and what is expected; a \`HEADWATER_…\` name that nothing
reads is told in a warning. \`npm start -- --print-config\` shows what is in force.

| Name | Default | Meaning | Expects |
|---|---|---|---|
${table.join('\n')}

\`HEADWATER_NODE\` is read by \`bin/headwater\` alone: the Node (version 24 or newer) that runs the program.

## Not built yet

| Name | When set | Why |
|---|---|---|
${later.join('\n')}
`
}

function showValue(row: SettingRow, value: Settings[SettingKey]): string {
  if (value === null) return '(not set)'
  if (row.secret) return '(set, not shown)'
  return typeof value === 'object'
    ? value.map((each) => (typeof each === 'string' ? each : each.url)).join(',')
    : String(value)
}

function defaultText(row: SettingRow): string {
  return row.defaultText ?? String(row.default)
}

function markdownDefault(row: SettingRow): string {
  return row.defaultText ?? `\`${String(row.default)}\``
}

function plain(text: string): string {
  return text.replaceAll('`', '')
}
