/** The settings that HTTP reads; a part of the program's own, so that whoever composes hands those over as they are. */

export type HttpSettings = {
  /** 32 lower-case hexadecimal characters. */
  readonly accountId: string
  /** Id of the server's own token, whose holder may make accounts; null = nobody's. */
  readonly operatorTokenId: string | null
  /** Base of the addresses handed out; null = the request's host. */
  readonly publicUrl: string | null
  /** Addresses and CIDR ranges; null = none. */
  readonly trustedProxies: readonly string[] | null
  /** Header in which a trusted proxy names the viewer's country, in lower case. */
  readonly countryHeader: string
  /** The legacy e-mail and key pair; null = off. */
  readonly apiEmail: string | null
  readonly apiKey: string | null
  /** Allocation of accounts that have none of their own; null = unlimited. */
  readonly storageMinutes: number | null
  /** How the list of live inputs is answered (api.md §12). */
  readonly liveInputList: 'array' | 'object'
  /** Requests per token and five minutes; null = unlimited. */
  readonly rateLimit: number | null
}
