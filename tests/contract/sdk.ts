/** The official client in every version that is in use, pointed at our server by its base URL and nothing else. */

import Cloudflare4 from 'cloudflare-4'
import Cloudflare5 from 'cloudflare-5'
import Cloudflare6 from 'cloudflare-6'
import Cloudflare7 from 'cloudflare'
import { loadVendorSchema } from '../harness/vendor-schema.ts'

export type ClientOptions = { readonly baseURL: string; readonly apiToken: string }

const checkAnswer = loadVendorSchema()

/** What the answers of all clients broke of the vendor's description. */
export const violations: string[] = []

/** `fetch`, with every JSON answer held against the vendor's description. */
async function checkedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  // Up to version 6 forms are sent as streams, which the clients' own `fetch` takes without being told.
  const response = await fetch(input, { ...init, duplex: 'half' })
  if (checkAnswer !== undefined && response.headers.get('content-type')?.startsWith('application/json')) {
    const request = new Request(input, { ...init, body: undefined })
    violations.push(
      ...checkAnswer({
        method: init?.method ?? request.method,
        path: new URL(request.url).pathname.replace(/\/$/, ''),
        status: response.status,
        body: await response.clone().json(),
      }),
    )
  }
  return response
}

/** The clients behave alike where these tests use them; the types of the newest serve for all, and differences are cast in the test. */
export type Client = Cloudflare7

/** Makes a client of each version. */
export const SDKS: readonly (readonly [version: string, create: (options: ClientOptions) => Client])[] = [
  ['4', (options) => new Cloudflare4({ ...options, fetch: checkedFetch as never }) as unknown as Client],
  ['5', (options) => new Cloudflare5({ ...options, fetch: checkedFetch as never }) as unknown as Client],
  ['6', (options) => new Cloudflare6({ ...options, fetch: checkedFetch as never }) as unknown as Client],
  ['7', (options) => new Cloudflare7({ ...options, fetch: checkedFetch })],
]
