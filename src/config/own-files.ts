/** Where the program itself lies: its pages, and the data folder beside it. */

import { fileURLToPath } from 'node:url'

/**
 * The folder of the project, absolute. Two folders above this file, and above the one that `scripts/build-server.mjs`
 * makes of it: `src/config/` and `dist/server/` are equally deep.
 */
export const PROJECT_FOLDER = fileURLToPath(new URL('../../', import.meta.url))
