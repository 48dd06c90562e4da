/** `/embed/sdk.latest.js`: the global `Stream`, which makes a framed player obey the page around it (playback.md §5.3). */

import { remotePlayer } from './remote-player.ts'

Object.assign(globalThis, { Stream: remotePlayer })
