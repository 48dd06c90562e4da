/**
 * The documented calls that this version does not have: answered honestly with 501 after the usual checks of
 * credentials, never with a 404 that looks like a wrong address. A line moves out of here when its call is built.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { type Endpoint, endpoint, type Method } from '../endpoint.ts'

const STREAM = '/accounts/{account_id}/stream'

/** Path, methods, what it will do. */
const CALLS: readonly (readonly [path: string, methods: readonly Method[], summary: string])[] = [
  ['/live_inputs', ['GET', 'POST'], 'Live inputs'],
  ['/live_inputs/{input}', ['GET', 'PUT', 'DELETE'], 'Live input'],
  ['/live_inputs/{input}/enable', ['POST'], 'Enable a live input'],
  ['/live_inputs/{input}/disable', ['POST'], 'Disable a live input'],
  ['/live_inputs/{input}/rotate_keys', ['POST'], 'New keys of a live input'],
  ['/live_inputs/{input}/videos', ['GET'], 'Recordings of a live input'],
  ['/live_inputs/{input}/outputs', ['GET', 'POST'], 'Outputs of a live input'],
  ['/live_inputs/{input}/outputs/{output}', ['PUT', 'DELETE'], 'Output of a live input'],
]

/** The endpoints. */
export function notBuiltYetEndpoints(): Endpoint[] {
  return CALLS.flatMap(([path, methods, summary]) =>
    methods.map((method) =>
      endpoint({
        method,
        path: STREAM + path,
        summary,
        tag: 'Not built yet',
        access: 'account',
        notBuiltYet: true,
        handle: () => {
          throw new HeadwaterError('not_built_yet', `${method} ${path} is not built yet.`)
        },
      }),
    ),
  )
}
