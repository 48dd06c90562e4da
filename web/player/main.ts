/** Entry of `/<id>/watch` and `/<id>/iframe`. */

import './player.css'
import { readConfig } from './config.ts'
import { find } from './controls.ts'
import { readOptions } from './options.ts'
import { PlayerPage } from './player-page.ts'

const player = new PlayerPage(
  find(document, '#player', HTMLElement),
  readConfig(),
  readOptions(new URLSearchParams(location.search)),
)
// Kept alive, and reachable from the browser's console.
Object.assign(globalThis, { headwaterPlayer: player })
