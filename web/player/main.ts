/** Entry of `/<id>/watch` and `/<id>/iframe`. */

import './player.css'
import { findParentOrigin, readConfig } from './config.ts'
import { find } from './find.ts'
import { readOptions } from './options.ts'
import { PlayerPage } from './player-page.ts'
import { RemoteControl } from './remote-control.ts'

const query = new URLSearchParams(location.search)
const player = new PlayerPage(find(document, '#player', HTMLElement), readConfig(), readOptions(query))
// Kept alive, and reachable from the browser's console.
Object.assign(globalThis, {
  headwaterPlayer: player,
  headwaterRemote: new RemoteControl(player, query, findParentOrigin()),
})
