/** Shift+D: what the engine is doing, as a small table that can be read from a photograph of the screen. */

import type { DebugFacts } from './engine.ts'

const EVERY_MS = 500

/** Opens the panel, or closes it when it is open. */
export function showDebugPanel(describe: () => DebugFacts): void {
  const open = document.querySelector('.debug')
  if (open) {
    open.remove()
    return
  }
  const table = document.createElement('table')
  table.className = 'debug'
  document.body.append(table)
  const update = (): void => {
    table.replaceChildren(
      ...describe().map(([name, value]) => {
        const row = document.createElement('tr')
        row.insertCell().textContent = name
        row.insertCell().textContent = value
        return row
      }),
    )
  }
  update()
  const timer = setInterval(() => (table.isConnected ? update() : clearInterval(timer)), EVERY_MS)
}
