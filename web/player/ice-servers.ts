/** The servers that help a connection through firewalls, as an answer to an offer names them (RFC 9725 §4.6, RFC 8288 §3). */

const LINK = /<([^<>]+)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g
const PARAMETER = /;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s",;]+))/g

/** As `RTCConfiguration` takes it. */
export type NamedIceServer = {
  readonly urls: string
  readonly username?: string
  readonly credential?: string
}

/** Reads a `Link` header, whose values stand in one line; links to anything else are left out. */
export function readIceServers(link: string | null): NamedIceServer[] {
  return [...(link ?? '').matchAll(LINK)].flatMap(([, urls = '', rest = '']) => {
    const found = [...rest.matchAll(PARAMETER)].map(
      ([, name = '', quoted, bare = '']) => [name.toLowerCase(), quoted ?? bare] as const,
    )
    const parameters = new Map(found)
    if (parameters.get('rel') !== 'ice-server') return []
    const [username, credential] = [parameters.get('username'), parameters.get('credential')]
    return [
      { urls, ...(username !== undefined && { username }), ...(credential !== undefined && { credential }) },
    ]
  })
}
